import { bool, command, int, rows, text } from '../../kernel/sql.ts';

/** Held until the transaction ends, however it ends: a process that dies leaves no key behind. */
export const tryLockKey = (owner: string, key: string) => rows({ locked: bool })`
  select pg_try_advisory_xact_lock(hashtextextended(${`sandbox key ${owner} ${key}`}, 0)) as locked`;

export const selectKey = (owner: string, key: string, notBeforeS: number) =>
  rows({ requestHash: text, requestId: text, status: int, body: text })`
  select request_hash as "requestHash", request_id as "requestId", status, body
  from sandbox.idempotency_key
  where owner = ${owner} and key = ${key} and saved_s >= ${notBeforeS}`;

/** Only a key that has grown too old to be replayed is overwritten; the caller holds its lock. */
export const saveKey = (k: {
  owner: string;
  key: string;
  requestHash: string;
  requestId: string;
  status: number;
  body: string;
  savedS: number;
}) => command`
  insert into sandbox.idempotency_key
    (owner, key, request_hash, request_id, status, body, saved_s)
  values (${k.owner}, ${k.key}, ${k.requestHash}, ${k.requestId}, ${k.status}, ${k.body},
    ${k.savedS})
  on conflict (owner, key) do update set request_hash = excluded.request_hash,
    request_id = excluded.request_id, status = excluded.status, body = excluded.body,
    saved_s = excluded.saved_s`;

export const markStart = () => command`savepoint endpoint`;
export const undoSinceStart = () => command`rollback to savepoint endpoint`;
