#!/usr/bin/env bash
# From an event to a refund and back, with curl against a running server and its sandbox.
#
#   BASE=http://127.0.0.1:3000 KEY=fk_… bash docs/walkthrough.sh
#
# KEY is an admin key: `npm start` prints one. Needs bash, curl and node, which reads the JSON.
# Made from the OpenAPI document by tools/gen-api-collection.ts: change that, not this.
set -euo pipefail
: "${BASE:?is missing: the address of a server, like http://127.0.0.1:3000}"
: "${KEY:?is missing: an admin API key of that server}"

answer=''
run="walk-$$-$RANDOM"
calls=0

fail() {
  printf '\n%s\n%s\n' "$1" "$answer" >&2
  exit 1
}

step() {
  printf '\n== %s\n' "$1"
}

# call STATUS METHOD PATH CREDENTIAL, with the body on standard input; fails on another status.
call() {
  local expected=$1 method=$2 path=$3 credential=$4 body raw status
  body=$(cat)
  calls=$((calls + 1))
  set -- -sS -X "$method" -w '\n%{http_code}'
  if [ -n "$credential" ]; then set -- "$@" -H "Authorization: Bearer $credential"; fi
  if [ "$method" = POST ]; then set -- "$@" -H "Idempotency-Key: $run-$calls"; fi
  if [ -n "$body" ]; then set -- "$@" -H 'Content-Type: application/json' --data "$body"; fi
  raw=$(curl "$@" "$BASE$path")
  status=${raw##*$'\n'}
  answer=${raw%$'\n'*}
  last_path=$path
  last_credential=$credential
  printf '%s %s: %s\n' "$method" "$path" "$status"
  [ "$status" = "$expected" ] || fail "expected $expected"
}

# field PATH: a part of the last answer, as JavaScript names it.
field() {
  printf '%s' "$answer" | node -p "JSON.parse(require('fs').readFileSync(0, 'utf8'))$1"
}

# expect PATH VALUE
expect() {
  local found
  found=$(field "$1")
  [ "$found" = "$2" ] || fail "$1 is $found, not $2"
  printf '   %s is %s\n' "$1" "$2"
}

# until_is PATH VALUE: reads the last address again until it says so, for half a minute.
until_is() {
  local tries=0
  until [ "$(field "$1")" = "$2" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || fail "$1 never became $2"
    sleep 0.5
    call 200 GET "$last_path" "$last_credential" </dev/null
  done
  expect "$1" "$2"
}

step 'Whose key is this?'
# The key is good.
call 200 GET "/api/v1/me" "$KEY" </dev/null
expect .kind 'key'

step 'Create an event'
# Two ticket types, four tickets a person at most; it is on sale at once.
call 201 POST "/api/v1/events" "$KEY" <<JSON
{
  "name": "Club night",
  "description": "Two live sets and a late bar.",
  "startsAt": "2035-06-02T20:00:00+02:00",
  "endsAt": "2035-06-03T02:00:00+02:00",
  "doorsAt": "2035-06-02T19:00:00+02:00",
  "timezone": "Europe/Berlin",
  "venueName": "Halle Nord",
  "maxTicketsPerPerson": 4,
  "refundableUntil": "2035-05-31T20:00:00+02:00",
  "currency": "EUR",
  "ticketTypes": [
    {
      "name": "Standard",
      "price": {
        "amount": 2500,
        "currency": "EUR"
      },
      "capacity": 300
    },
    {
      "name": "Balcony",
      "price": {
        "amount": 4000,
        "currency": "EUR"
      },
      "capacity": 80
    }
  ]
}
JSON
EVENT=$(field .id)
TYPE=$(field .ticketTypes[0].id)

step 'What is available now'
# What everybody sees.
call 200 GET "/api/v1/events/$EVENT/availability" "" </dev/null
expect .status 'on_sale'

step 'Hold places'
# A guest holds two places; nobody else can have them now.
call 201 POST "/api/v1/events/$EVENT/holds" "" <<JSON
{
  "items": [
    {
      "ticketTypeId": "$TYPE",
      "quantity": 2
    }
  ],
  "buyer": {
    "email": "ada@example.org"
  }
}
JSON
HOLD=$(field .id)

step 'Book: hold, order and payment in one call'
# The hold becomes an order, and the answer says how to pay it.
call 201 POST "/api/v1/events/$EVENT/bookings" "" <<JSON
{
  "holdId": "$HOLD",
  "buyer": {
    "name": "Ada Lovelace",
    "email": "ada@example.org"
  },
  "payment": {
    "method": "payment_intent"
  }
}
JSON
ORDER=$(field .order.id)
TOKEN=$(field .accessToken)
SECRET=$(field .payment.clientSecret)

step 'Pay with the test card 4242 4242 4242 4242, on the page of the sandbox'
paid=$(curl -sS -o /dev/null -w '%{http_code}' --data-urlencode "client_secret=$SECRET" \
  --data action=pay "$BASE/sandbox/pay/${SECRET%%_secret_*}")
[ "$paid" = 303 ] || fail "the payment page answered $paid"

step 'Read an order'
# The provider tells the server, which takes the money and gives out the tickets.
call 200 GET "/api/v1/orders/$ORDER" "$TOKEN" </dev/null
until_is .status 'confirmed'
TICKET=$(field .tickets[0].id)

step 'How an event sells'
# Counted from the rows of this moment.
call 200 GET "/api/v1/events/$EVENT/statistics" "$KEY" </dev/null
expect .ticketsSold '2'
expect .revenue.amount '5000'

step 'Refund tickets of an order'
# The buyer gives one ticket back.
call 201 POST "/api/v1/orders/$ORDER/refunds" "$TOKEN" <<JSON
{
  "reason": "Cannot come",
  "ticketIds": [
    "$TICKET"
  ]
}
JSON
expect .status 'partially_refunded'

step 'Cancel an order'
# And then the other one.
call 200 POST "/api/v1/orders/$ORDER/cancel" "$TOKEN" </dev/null
expect .status 'refunded'

step 'Read an order'
# The money is back with the buyer.
call 200 GET "/api/v1/orders/$ORDER" "$TOKEN" </dev/null
until_is '.refunds.every((refund) => refund.status === "succeeded")' 'true'

step 'Cancel an event and give its buyers a remedy'
# The organizer calls it off.
call 200 POST "/api/v1/events/$EVENT/cancel" "$KEY" <<JSON
{
  "remedies": [
    "refund"
  ],
  "defaultRemedy": "refund"
}
JSON
expect .status 'cancelled'

step 'Check the guarantees on the live database'
# Every guarantee holds on the live database.
call 200 GET "/api/v1/audit" "$KEY" </dev/null
expect '.data.filter((check) => check.violations > 0).length' '0'

echo
echo 'The walk-through ended well.'
