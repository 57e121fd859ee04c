/**
 * What must be true after every block, counted by statements of its own and not by the product's
 * audit. Reads the product's tables: whoever changes their shape changes this file.
 */
import type pg from 'pg';
import { asSuperuser } from './databases.ts';
import { type BenchEvent, PERSON_LIMIT, type Product } from './product.ts';
import type { Tally } from './tally.ts';

export class Unsound extends Error {
  override readonly name = 'Unsound';
}

function insist(isTrue: boolean, arm: string, what: string, seen: unknown): void {
  if (!isTrue) throw new Unsound(`${arm}: ${what}: ${JSON.stringify(seen)}`);
}

type Books = {
  readonly isOver: boolean;
  readonly held: number;
  readonly heldByRows: number;
  readonly sold: number;
  readonly soldByRows: number;
  readonly holds: number;
  readonly most: number;
  readonly keys: number;
};

const BOOKS = `
  select
    (select bool_or(held + claimed + sold + reserved + blocked > capacity) from inventory.pool
      where event_id = $1) as "isOver",
    (select sum(held)::int from inventory.pool where event_id = $1) as held,
    (select sum(sold)::int from inventory.pool where event_id = $1) as sold,
    (select coalesce(sum(i.quantity), 0)::int from inventory.hold h
      cross join lateral unnest(h.quantities) as i(quantity)
      where h.event_id = $1 and h.status = 'active') as "heldByRows",
    (select coalesce(sum(i.quantity - i.returned), 0)::int from inventory.hold h
      cross join lateral unnest(h.quantities, h.returned) as i(quantity, returned)
      where h.event_id = $1 and h.status = 'sold') as "soldByRows",
    (select count(*)::int from inventory.hold where event_id = $1) as holds,
    (select count(distinct (caller, key))::int from inventory.hold where event_id = $1) as keys,
    (select coalesce(max(n), 0)::int from (
      select sum(i.quantity) as n from inventory.hold h
      cross join lateral unnest(h.quantities) as i(quantity)
      where h.event_id = $1 and h.status in ('active', 'claimed', 'sold')
      group by h.caller) as people) as most`;

const MISSING = `
  select count(*)::int as missing from unnest($2::text[]) as a(id)
  where not exists (select from inventory.hold h where h.event_id = $1 and h.hold_id = a.id)`;

export type AuditOptions = {
  /** Holds of the event that the block did not make. */
  readonly before?: number;
  /** False where a caller was cut off: what was granted last may not have been heard. */
  readonly exact?: boolean;
  /** False where one caller asks for everybody: an API key is not a person. */
  readonly callerIsPerson?: boolean;
};

/**
 * `held + sold ≤ capacity`, counters equal rows, no acknowledged hold is lost, no cap exceeded. On
 * a connection of its own: counting a large event takes longer than the product lets a statement.
 */
export async function auditProduct(
  product: Product,
  { eventId }: BenchEvent,
  tally: Pick<Tally, 'ids' | 'granted'>,
  { before = 0, exact = true, callerIsPerson = true }: AuditOptions = {},
): Promise<void> {
  const arm = 'ours';
  await asSuperuser(product.url, async (client) => {
    const { rows } = await client.query<Books>(BOOKS, [eventId]);
    const [books] = rows;
    if (!books) throw new Unsound('no books');
    insist(!books.isOver, arm, 'a pool gives out more than it has', books);
    insist(books.held === books.heldByRows, arm, 'held is not what the holds hold', books);
    insist(books.sold === books.soldByRows, arm, 'sold is not what the holds sold', books);
    const most = callerIsPerson ? books.most : 0;
    insist(most <= PERSON_LIMIT, arm, 'somebody has more than the cap', books);
    insist(books.keys === books.holds, arm, 'a key has two holds', books);
    const expected = before + tally.granted;
    const isCounted = exact ? books.holds === expected : books.holds >= expected;
    insist(isCounted, arm, `${expected} holds were acknowledged`, books);
    await insistThere(client, arm, MISSING, eventId, tally.ids);
  });
}

async function insistThere(
  pool: pg.Pool | pg.Client,
  arm: string,
  statement: string,
  eventId: string,
  ids: readonly string[],
): Promise<void> {
  insist(new Set(ids).size === ids.length, arm, 'an id was acknowledged twice', ids.length);
  const { rows } = await pool.query<{ missing: number }>(statement, [eventId, ids]);
  insist(rows[0]?.missing === 0, arm, 'acknowledged holds are missing', rows[0]);
}

const BASELINE_BOOKS = `
  select capacity, held,
    (select count(*)::int from bench.hold h where h.event_id = s.event_id) as holds,
    (select count(*)::int from bench.ticket t
      where t.event_id = s.event_id and t.hold_id is not null) as tickets
  from bench.sale s where event_id = $1`;

const BASELINE_MISSING = MISSING.replace('inventory.hold', 'bench.hold');

export async function auditBaseline(
  pool: pg.Pool,
  arm: string,
  eventId: string,
  tally: Tally,
  rowPerTicket: boolean,
): Promise<void> {
  const { rows } = await pool.query(BASELINE_BOOKS, [eventId]);
  const [books] = rows;
  const taken = rowPerTicket ? books.tickets : books.held;
  insist(taken <= books.capacity, arm, 'oversold', books);
  insist(taken === books.holds, arm, 'the counter is not what was held', books);
  insist(books.holds === tally.granted, arm, `${tally.granted} were acknowledged`, books);
  await insistThere(pool, arm, BASELINE_MISSING, eventId, tally.ids);
}

export function auditRedis(
  arm: string,
  found: { readonly free: number; readonly ids: ReadonlySet<string> },
  capacity: number,
  tally: Tally,
): void {
  const seen = { free: found.free, ids: found.ids.size };
  insist(found.free >= 0 && found.ids.size === capacity - found.free, arm, 'the counter', seen);
  insist(found.ids.size === tally.granted, arm, `${tally.granted} were acknowledged`, seen);
  insist(
    tally.ids.every((id) => found.ids.has(id)),
    arm,
    'acknowledged holds are missing',
    seen,
  );
}
