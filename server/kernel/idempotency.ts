/**
 * Idempotency keys (the IETF draft's rules): the same key with the same body gets the same status
 * and body again for 24 hours; with another body 422; while the first still runs 409. Refusals and
 * faults are not stored: nothing took effect, so a retry is a first try.
 *
 * The answer is stored **in the transaction that makes the change**, so there is no moment at which
 * the change exists and its answer does not. A key whose request died is free again after
 * RUNNING_MAX_SECONDS. Holds and bookings do not come here: their key is a column of the hold.
 */
import { hash } from 'node:crypto';
import { type Db, maybe, run, type Tx } from './db.ts';
import { assert, ok, type Refusal, type Result, refused } from './result.ts';
import { bytes, command, int, json, rows, text, textAs } from './sql.ts';

const RUNNING_MAX_SECONDS = 30;
const KEPT_HOURS = 24;
const KEY_PATTERN = /^[\x21-\x7e]{1,255}$/;

export type Once = {
  /** Stores `value` as the answer of this request, in the transaction that makes it true. */
  readonly complete: (tx: Tx, value: unknown) => Promise<void>;
};

export type OnceRequest = {
  readonly caller: string;
  readonly key: string;
  /** `POST /events`: a key used on another route is a reuse. */
  readonly route: string;
  readonly bodyHash: Buffer;
  readonly status: number;
};

export type OnceRefusal = Refusal & {
  readonly code: 'idempotency_key_reused' | 'request_in_flight';
};

export type Begun =
  | { readonly kind: 'first'; readonly once: Once; readonly forget: () => Promise<void> }
  | { readonly kind: 'replay'; readonly body: unknown };

/** The lease is the time it ends, as text: a JavaScript date would drop its microseconds. */
const claimKey = (r: OnceRequest) => rows({ lease: text })`
  insert into kernel.idempotency as i (caller, key, route, body_hash, running_until)
  values (${r.caller}, ${r.key}, ${r.route}, ${r.bodyHash},
    clock_timestamp() + make_interval(secs => ${RUNNING_MAX_SECONDS}))
  on conflict (caller, key) do update
    set route = excluded.route, body_hash = excluded.body_hash, state = 'running', status = null,
        body = null, running_until = excluded.running_until, made_at = clock_timestamp()
    where (i.state = 'running' and i.running_until < clock_timestamp())
       or i.made_at < clock_timestamp() - make_interval(hours => ${KEPT_HOURS})
  returning running_until::text as lease`;

const selectKey = (r: OnceRequest) => rows({
  route: textAs<string>(),
  bodyHash: bytes,
  state: textAs<'running' | 'done'>(),
  body: json,
})`
  select route, body_hash as "bodyHash", state, body
  from kernel.idempotency where caller = ${r.caller} and key = ${r.key}`;

const completeKey = (r: OnceRequest, lease: string, body: string) => command`
  update kernel.idempotency
  set state = 'done', status = ${r.status}, body = ${body}::jsonb, running_until = null
  where caller = ${r.caller} and key = ${r.key} and state = 'running'
    and running_until = ${lease}::timestamptz`;

const forgetKey = (r: OnceRequest, lease: string) => command`
  delete from kernel.idempotency
  where caller = ${r.caller} and key = ${r.key} and state = 'running'
    and running_until = ${lease}::timestamptz`;

const deleteOldKeys = () => rows({ deleted: int })`
  with old as (
    delete from kernel.idempotency
    where (caller, key) in (
      select caller, key from kernel.idempotency
      where made_at < clock_timestamp() - make_interval(hours => ${KEPT_HOURS + 1})
      limit 1000
    )
    returning 1
  )
  select count(*)::int as deleted from old`;

export function isIdempotencyKey(text: string): boolean {
  return KEY_PATTERN.test(text);
}

/** SHA-256 of a request body as it was understood: key order and white space do not matter. */
export function hashBody(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return Buffer.from(hash('sha256', body, 'hex'), 'hex');
  // By way of text: made into a buffer by OpenSSL's side it costs twice as much.
  return Buffer.from(hash('sha256', JSON.stringify(inOrder(body)) ?? 'null', 'hex'), 'hex');
}

/** The same value with the members of its objects in one order. */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(inOrder);
  const sorted: Record<string, unknown> = {};
  for (const name of Object.keys(value).sort()) {
    // One of the object's own keys; `__proto__` is none that a body may have.
    sorted[name] = inOrder((value as Record<string, unknown>)[name]);
  }
  return sorted;
}

/**
 * Claims the key, or says what became of the request that has it. `forget` frees it where nothing
 * took effect; after `complete` was committed it changes nothing, so it is safe to call always.
 */
export async function beginOnce(db: Db, request: OnceRequest): Promise<Result<Begun, OnceRefusal>> {
  const claimed = await maybe(db, claimKey(request));
  if (claimed) {
    const { lease } = claimed;
    return ok({
      kind: 'first',
      once: {
        complete: async (tx, value) => {
          const body = JSON.stringify(value ?? null);
          const stored = await run(tx, completeKey(request, lease, body));
          assert(stored === 1, 'the idempotency key was taken over by another request');
        },
      },
      forget: async () => {
        await run(db, forgetKey(request, lease));
      },
    });
  }
  const known = await maybe(db, selectKey(request));
  if (!known) return refused('request_in_flight');
  if (known.route !== request.route || !known.bodyHash.equals(request.bodyHash)) {
    return refused('idempotency_key_reused');
  }
  if (known.state === 'running') return refused('request_in_flight');
  return ok({ kind: 'replay', body: known.body });
}

/** Deletes keys past their 24 hours, at most 1,000 a call. Returns how many went. */
export async function forgetOldKeys(db: Db): Promise<number> {
  const row = await maybe(db, deleteOldKeys());
  return row?.deleted ?? 0;
}
