import { int, json, rows, text } from '../kernel/sql.ts';

const stored = { owner: text, data: json, hidden: json };

export const selectObject = (type: string, id: string) => rows(stored)`
  select owner, data, hidden from sandbox.object where type = ${type} and id = ${id}`;

/** For NO KEY UPDATE: what hangs from the object may still be inserted by others. */
export const lockObject = (type: string, id: string) => rows(stored)`
  select owner, data, hidden from sandbox.object where type = ${type} and id = ${id}
  for no key update`;

export const insertObject = (o: {
  id: string;
  type: string;
  owner: string;
  parent: string | null;
  createdS: number;
  data: string;
  hidden: string;
}) => rows({ id: text })`
  insert into sandbox.object (id, type, owner, parent, created_s, data, hidden)
  values (${o.id}, ${o.type}, ${o.owner}, ${o.parent}, ${o.createdS},
    ${o.data}::jsonb, ${o.hidden}::jsonb)
  returning id`;

export const updateObject = (id: string, data: string, hidden: string) => rows({ id: text })`
  update sandbox.object set data = ${data}::jsonb, hidden = ${hidden}::jsonb where id = ${id}
  returning id`;

export const putEndpoint = (id: string, createdS: number, data: string, hidden: string) =>
  rows({ id: text })`
  insert into sandbox.object (id, type, owner, created_s, data, hidden)
  values (${id}, 'webhook_endpoint', '', ${createdS}, ${data}::jsonb, ${hidden}::jsonb)
  on conflict (id) do update set data = excluded.data, hidden = excluded.hidden
  returning id`;

export const deleteObject = (type: string, id: string, owner: string) => rows({ id: text })`
  delete from sandbox.object where type = ${type} and id = ${id} and owner = ${owner}
  returning id`;

/** Where a page begins: behind this object, in the order of the list. */
export type Cursor = { readonly createdS: number; readonly seq: number };

export const cursorOf = (type: string, owner: string, id: string) =>
  rows({ createdS: int, seq: int })`
  select created_s as "createdS", seq from sandbox.object
  where type = ${type} and owner = ${owner} and id = ${id}`;

export type ListFilter = {
  readonly type: string;
  readonly owner: string;
  /** Members that the object must have with these values, e.g. `status`; absent ones are free. */
  readonly members: Readonly<Record<string, string | undefined>>;
  readonly createdFromS: number;
  readonly createdToS: number;
  readonly before: Cursor;
  readonly limit: number;
};

/** Newest first. A window of time is a range of the index, however much lies before it. */
export const listObjects = (f: ListFilter) => rows(stored)`
  select owner, data, hidden from sandbox.object o
  where o.type = ${f.type} and o.owner = ${f.owner}
    and o.created_s between ${f.createdFromS} and ${f.createdToS}
    and (o.created_s, o.seq) < (${f.before.createdS}::bigint, ${f.before.seq}::bigint)
    and o.data @> ${JSON.stringify(f.members)}::jsonb
  order by o.created_s desc, o.seq desc
  limit ${f.limit}`;

/** The same among what hangs from one PaymentIntent: few, and found by it. */
export const listChildren = (f: ListFilter & { readonly parent: string }) => rows(stored)`
  select owner, data, hidden from sandbox.object o
  where o.parent = ${f.parent} and o.type = ${f.type} and o.owner = ${f.owner}
    and o.created_s between ${f.createdFromS} and ${f.createdToS}
    and (o.created_s, o.seq) < (${f.before.createdS}::bigint, ${f.before.seq}::bigint)
    and o.data @> ${JSON.stringify(f.members)}::jsonb
  order by o.created_s desc, o.seq desc
  limit ${f.limit}`;
