#!/usr/bin/env bash
# Asks the server what schemathesis makes of its own description: at least 20,000 requests, none
# answered with a 5xx or in a way that /openapi.json does not say. Starts a server on a database of
# its own and a free port, and leaves nothing behind. Needs Python 3 and PyPI.
#
#   tools/schemathesis.sh            about 20 minutes on two cores
#   CASES=50 tools/schemathesis.sh   fewer requests for each operation, for a first look
#
# Left out, and why: whether what a schema allows is always accepted (it is not: no schema says that
# an end comes after its start). Asked apart: to revoke a key by id (it finds and revokes its own),
# and to move the sandbox's clock (every sale would be over).
set -euo pipefail

VERSION=4.32.5
CASES=${CASES:-400}
LEAST=$((CASES < 400 ? 0 : 20000))
PASS_MAX_SECONDS=3000

root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
server=
# shellcheck disable=SC2329 # called by the trap
clean_up() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap clean_up EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "schemathesis==$VERSION"

FANFARE_KEY="fk_$(head -c 24 /dev/urandom | base64 | tr -dc 'A-Za-z0-9')_schemathesis"
export FANFARE_KEY
cd "$root"
env DATA_DIR="$folder/data" PORT=0 RATE_LIMIT=off LOG_LEVEL=warn \
  BOOTSTRAP_API_KEY="$FANFARE_KEY" node bin/fanfare.mjs start >"$folder/server.log" 2>&1 &
server=$!
for _ in $(seq 240); do
  FANFARE_URL=$(sed -n 's/.*ready at \(http[^ ]*\).*/\1/p' "$folder/server.log")
  [ -n "$FANFARE_URL" ] && break
  kill -0 "$server" || { cat "$folder/server.log"; exit 1; }
  sleep 0.5
done
export FANFARE_URL

cd "$folder"
cp "$root/tools/schemathesis-hooks.py" fanfare_hooks.py
export PYTHONPATH=$folder SCHEMATHESIS_HOOKS=fanfare_hooks
failed=0
pass() {
  local name=$1 cases=$2
  shift 2
  echo "== $name"
  timeout "$PASS_MAX_SECONDS" "$folder/venv/bin/schemathesis" run "$FANFARE_URL/openapi.json" \
    -H "Authorization: Bearer $FANFARE_KEY" --max-examples "$cases" --continue-on-failure \
    --suppress-health-check all --request-timeout 30 --warnings off --generation-database none \
    "$@" 2>&1 | tee -a "$folder/passes.log" || failed=1
}

# Live updates have no end that it could wait for.
alone=(--exclude-path '/api/v1/api-keys/{id}' --exclude-path /sandbox/clock --exclude-path-regex '/live$')
pass 'every operation' "$CASES" "${alone[@]}" --exclude-checks positive_data_acceptance
FANFARE_REAL=1 pass 'with ids that exist' "$((CASES / 2))" "${alone[@]}" \
  --phases fuzzing,stateful --exclude-checks positive_data_acceptance,negative_data_rejection
pass 'revoking a key, moving the clock' "$((CASES / 4))" \
  --include-path '/api/v1/api-keys/{id}' --include-path /sandbox/clock \
  --exclude-checks positive_data_acceptance

generated=$(awk '$2 == "generated," { sum += $1 } END { print sum + 0 }' passes.log)
faults=$(grep -c '"level":[56]0' server.log || true)
ready=$(curl -s -o /dev/null -w '%{http_code}' "$FANFARE_URL/readyz")
echo "$generated cases, $faults faults in the log, the server is $ready"
grep '"level":[56]0' server.log | head -5 || true
[ "$failed" = 0 ] && [ "$faults" = 0 ] && [ "$ready" = 200 ] && [ "$generated" -ge "$LEAST" ]
