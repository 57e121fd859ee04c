import { intOrNull, rows, text, textAs } from '../kernel/sql.ts';

export type DueAction = 'settle_refund' | 'expire_session' | 'release_authorization';

export const insertDue = (objectId: string, action: DueAction, dueMs: number) =>
  rows({ id: text })`
  insert into sandbox.due (object_id, action, due_ms) values (${objectId}, ${action}, ${dueMs})
  returning object_id as id`;

export const selectDue = (nowMs: number, limit: number) =>
  rows({ objectId: text, owner: text, action: textAs<DueAction>() })`
  select d.object_id as "objectId", o.owner, d.action
  from sandbox.due d join sandbox.object o on o.id = d.object_id
  where d.due_ms <= ${nowMs} order by d.due_ms limit ${limit}`;

/** No row: another process has taken it. */
export const takeDue = (objectId: string, action: DueAction) => rows({ id: text })`
  delete from sandbox.due where object_id = ${objectId} and action = ${action}
  returning object_id as id`;

export const nextDue = () => rows({ dueMs: intOrNull })`
  select min(due_ms) as "dueMs" from sandbox.due`;

/** Stripe keeps events for 30 days and idempotency keys for at least one. */
export const deleteOldEvents = (beforeS: number, limit: number) => rows({ id: text })`
  delete from sandbox.event where id in (
    select e.id from sandbox.event e where e.created_s < ${beforeS} limit ${limit})
  returning id`;

export const deleteOldKeys = (beforeS: number, limit: number) => rows({ key: text })`
  delete from sandbox.idempotency_key k using (
    select owner, key from sandbox.idempotency_key where saved_s < ${beforeS} limit ${limit}) old
  where k.owner = old.owner and k.key = old.key
  returning k.key`;
