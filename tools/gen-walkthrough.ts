/** A shell script that goes through the main job with curl, from the OpenAPI document. */
import type { OpenApi } from '../server/web/openapi.ts';

type Step = {
  /** The operation of the document; its summary is the step's title. */
  readonly operation: string;
  /** Who asks: nobody, the organizer's key, or the buyer with the order's token. */
  readonly as: '' | '$KEY' | '$TOKEN';
  /** Values of the address's parameters, as the shell writes them. */
  readonly ids?: Readonly<Record<string, string>>;
  /** The request's body, from the example of the document; without it there is none. */
  readonly body?: (example: Json) => Json;
  /** Lines after the answer came: what is kept of it, what must be true. */
  readonly after?: readonly string[];
  readonly say: string;
};

type Json = Readonly<Record<string, unknown>>;

const event = { id: '$EVENT' };
const order = { id: '$ORDER' };
const buyer = { name: 'Ada Lovelace', email: 'ada@example.org' };

const steps: readonly Step[] = [
  {
    say: 'The key is good.',
    operation: 'getMe',
    as: '$KEY',
    after: ["expect .kind 'key'"],
  },
  {
    say: 'Two ticket types, four tickets a person at most; it is on sale at once.',
    operation: 'postEvents',
    as: '$KEY',
    body: (example) => example,
    after: ['EVENT=$(field .id)', 'TYPE=$(field .ticketTypes[0].id)'],
  },
  {
    say: 'What everybody sees.',
    operation: 'getEventsByIdAvailability',
    as: '',
    ids: event,
    after: ["expect .status 'on_sale'"],
  },
  {
    say: 'A guest holds two places; nobody else can have them now.',
    operation: 'postEventsByIdHolds',
    as: '',
    ids: event,
    body: (example) => ({ ...example, items: [{ ticketTypeId: '$TYPE', quantity: 2 }] }),
    after: ['HOLD=$(field .id)'],
  },
  {
    say: 'The hold becomes an order, and the answer says how to pay it.',
    operation: 'postEventsByIdBookings',
    as: '',
    ids: event,
    body: () => ({ holdId: '$HOLD', buyer, payment: { method: 'payment_intent' } }),
    after: [
      'ORDER=$(field .order.id)',
      'TOKEN=$(field .accessToken)',
      'SECRET=$(field .payment.clientSecret)',
      '',
      "step 'Pay with the test card 4242 4242 4242 4242, on the page of the sandbox'",
      'paid=$(curl -sS -o /dev/null -w \'%{http_code}\' --data-urlencode "client_secret=$SECRET" \\',
      `  --data action=pay "$BASE/sandbox/pay/\${SECRET%%_secret_*}")`,
      '[ "$paid" = 303 ] || fail "the payment page answered $paid"',
    ],
  },
  {
    say: 'The provider tells the server, which takes the money and gives out the tickets.',
    operation: 'getOrdersById',
    as: '$TOKEN',
    ids: order,
    after: ["until_is .status 'confirmed'", 'TICKET=$(field .tickets[0].id)'],
  },
  {
    say: 'Counted from the rows of this moment.',
    operation: 'getEventsByIdStatistics',
    as: '$KEY',
    ids: event,
    after: ["expect .ticketsSold '2'", "expect .revenue.amount '5000'"],
  },
  {
    say: 'The buyer gives one ticket back.',
    operation: 'postOrdersByIdRefunds',
    as: '$TOKEN',
    ids: order,
    body: (example) => ({ ...example, ticketIds: ['$TICKET'] }),
    after: ["expect .status 'partially_refunded'"],
  },
  {
    say: 'And then the other one.',
    operation: 'postOrdersByIdCancel',
    as: '$TOKEN',
    ids: order,
    after: ["expect .status 'refunded'"],
  },
  {
    say: 'The money is back with the buyer.',
    operation: 'getOrdersById',
    as: '$TOKEN',
    ids: order,
    after: ["until_is '.refunds.every((refund) => refund.status === \"succeeded\")' 'true'"],
  },
  {
    say: 'The organizer calls it off.',
    operation: 'postEventsByIdCancel',
    as: '$KEY',
    ids: event,
    body: (example) => example,
    after: ["expect .status 'cancelled'"],
  },
  {
    say: 'Every guarantee holds on the live database.',
    operation: 'getAudit',
    as: '$KEY',
    after: ["expect '.data.filter((check) => check.violations > 0).length' '0'"],
  },
];

export function walkthrough(document: OpenApi): string {
  const parts = steps.map((step) => stepText(step, document));
  return `${PROLOGUE}\n${parts.join('\n')}\necho\necho 'The walk-through ended well.'\n`;
}

function stepText(step: Step, document: OpenApi): string {
  const { method, path, operation } = find(document, step.operation);
  const example = operation.requestBody?.content['application/json']?.example;
  // The example of a request is a JSON object.
  const body = step.body?.((example ?? {}) as Json);
  const status = Object.keys(operation.responses).find((code) => code.startsWith('2'));
  const address = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = step.ids?.[name];
    if (value === undefined) throw new Error(`no value for {${name}} of ${step.operation}`);
    return value;
  });
  const call = `call ${status} ${method.toUpperCase()} "${address}" "${step.as}"`;
  const sent = body ? `${call} <<JSON\n${inShell(body)}\nJSON` : `${call} </dev/null`;
  return [
    `step '${quoted(operation.summary)}'`,
    `# ${step.say}`,
    sent,
    ...(step.after ?? []),
    '',
  ].join('\n');
}

function find(document: OpenApi, operationId: string) {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (operation.operationId === operationId) return { path, method, operation };
    }
  }
  throw new Error(`the document has no operation ${operationId}`);
}

/** Text of a here-document, in which \`$NAME\` is the shell's and nothing else may be. */
function inShell(body: Json): string {
  const text = JSON.stringify(body, null, 2);
  if (/[\\`]|\$(?![A-Z])/.test(text)) throw new Error(`the shell would change ${text}`);
  return text;
}

function quoted(text: string): string {
  if (text.includes("'")) throw new Error(`a title with a quote: ${text}`);
  return text;
}

const PROLOGUE = `#!/usr/bin/env bash
# From an event to a refund and back, with curl against a running server and its sandbox.
#
#   BASE=http://127.0.0.1:3000 KEY=fk_… bash docs/walkthrough.sh
#
# KEY is an admin key: \`npm start\` prints one. Needs bash, curl and node, which reads the JSON.
# Made from the OpenAPI document by tools/gen-api-collection.ts: change that, not this.
set -euo pipefail
: "\${BASE:?is missing: the address of a server, like http://127.0.0.1:3000}"
: "\${KEY:?is missing: an admin API key of that server}"

answer=''
run="walk-$$-$RANDOM"
calls=0

fail() {
  printf '\\n%s\\n%s\\n' "$1" "$answer" >&2
  exit 1
}

step() {
  printf '\\n== %s\\n' "$1"
}

# call STATUS METHOD PATH CREDENTIAL, with the body on standard input; fails on another status.
call() {
  local expected=$1 method=$2 path=$3 credential=$4 body raw status
  body=$(cat)
  calls=$((calls + 1))
  set -- -sS -X "$method" -w '\\n%{http_code}'
  if [ -n "$credential" ]; then set -- "$@" -H "Authorization: Bearer $credential"; fi
  if [ "$method" = POST ]; then set -- "$@" -H "Idempotency-Key: $run-$calls"; fi
  if [ -n "$body" ]; then set -- "$@" -H 'Content-Type: application/json' --data "$body"; fi
  raw=$(curl "$@" "$BASE$path")
  status=\${raw##*$'\\n'}
  answer=\${raw%$'\\n'*}
  last_path=$path
  last_credential=$credential
  printf '%s %s: %s\\n' "$method" "$path" "$status"
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
  printf '   %s is %s\\n' "$1" "$2"
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
`;
