/**
 * The two ways to seat a party: the product's, and one transaction for each party under the
 * event's row lock, on throw-away tables: the first row with room, and the place in it that is
 * nearest to the middle.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { newScopedId } from '../../server/kernel/ids.ts';
import { inTurn } from '../../server/kernel/lanes.ts';
import { ok } from '../../server/kernel/result.ts';
import { holdPlaces, openSeats, setTicketType } from '../../server/modules/inventory/index.ts';
import { gridPlan } from '../../server/modules/venues/index.ts';
import { asSuperuser } from './databases.ts';
import { openEvent, POOL_CONNECTIONS, type Product } from './product.ts';
import type { Grid, Seat } from './seats-oracle.ts';

/** The seats of a party, or null where it was refused. */
export type HoldParty = (size: number, n: number) => Promise<readonly Seat[] | null>;

export type SeatStage = {
  readonly hold: HoldParty;
  /** All seats that are taken, as the database has them. */
  readonly taken: () => Promise<readonly Seat[]>;
  readonly close: () => Promise<void>;
};

/** A seated event of the product with this grid, and its best available. */
export async function openOurSeats(product: Product, grid: Grid): Promise<SeatStage> {
  const { ctx } = product;
  const { eventId } = await openEvent(product, 1);
  const poolId = newScopedId(ctx.ids, 'pool', eventId);
  const ticketTypeId = newScopedId(ctx.ids, 'tt', eventId);
  const plan = gridPlan([
    { section: 'A', poolId, rows: grid.rows, placesPerRow: grid.seatsPerRow },
  ]);
  const seats = plan.seats.map((seat) => ({ ...seat, key: `${seat.row}-${seat.place}` }));
  await inTurn(ctx, eventId, async (turn) => {
    await openSeats(turn, { poolId, name: 'Seats', seats });
    const window = { opensAt: null, closesAt: null, needsCode: false, listed: true };
    const limits = { priceMinor: 2_500, minPerOrder: 1, maxPerOrder: 10 };
    await setTicketType(turn, { eventId, ticketTypeId, poolId, ...window, ...limits });
    return ok(null);
  });
  // A party of six is one person's.
  await asSuperuser(product.url, (client) =>
    client.query('update inventory.sale set person_limit = 10 where event_id = $1', [eventId]),
  );
  const seatOf = (key: string): Seat => {
    const [row = 0, seat = 0] = key.split('-').map(Number);
    return { row, seat };
  };
  return {
    hold: async (size, n) => {
      const held = await holdPlaces(ctx, {
        eventId,
        items: [{ ticketTypeId, quantity: size, best: {} }],
        personKeys: [`email_of_bench_${n}`],
        caller: `device:of-bench-${n}`,
        key: `bench-${n}`,
        bodyHash: Buffer.alloc(32, 7),
        guarded: true,
        sees: null,
      });
      if (held.ok) return (held.value.items[0]?.seats ?? []).map(seatOf);
      if (held.refusal.code !== 'sold_out') throw new Error(held.refusal.code);
      return null;
    },
    taken: async () =>
      asSuperuser(product.url, async (client) => {
        const { rows } = await client.query<{ key: string }>(
          `select seat_key as key from inventory.seat where event_id = $1 and status <> 'free'`,
          [eventId],
        );
        return rows.map(({ key }) => seatOf(key));
      }),
    close: async () => {},
  };
}

const SCHEMA = `
  create schema if not exists bench_seats;
  create table if not exists bench_seats.sale (event_id text primary key);
  create table if not exists bench_seats.seat_row (
    event_id text not null, row_no int not null, free int not null check (free >= 0),
    primary key (event_id, row_no));
  create table if not exists bench_seats.seat (
    event_id text not null, row_no int not null, seat_no int not null, hold_id uuid,
    primary key (event_id, row_no, seat_no));`;

/** The runs of a row that are long enough; of the best one, where the party starts. */
const BEST = `
  select r.row_no as row, f.first as seat
  from bench_seats.seat_row r cross join lateral (
    select s.first from (
      select greatest(min(i.seat_no), least(max(i.seat_no) - $2 + 1, ($3 - $2) / 2)) as first
      from (
        select x.seat_no, x.seat_no - row_number() over (order by x.seat_no) as island
        from bench_seats.seat x
        where x.event_id = $1 and x.row_no = r.row_no and x.hold_id is null
      ) i group by i.island having count(*) >= $2
    ) s order by abs(2 * s.first + $2 - $3) limit 1
  ) f
  where r.event_id = $1 and r.free >= $2 order by r.row_no limit 1`;

const LOCK = 'select event_id from bench_seats.sale where event_id = $1 for update';
const TAKE = `update bench_seats.seat set hold_id = $5
  where event_id = $1 and row_no = $2 and seat_no between $3 and $4 and hold_id is null`;
const COUNT = `update bench_seats.seat_row set free = free - $3
  where event_id = $1 and row_no = $2`;

async function seatParty(
  client: pg.PoolClient,
  eventId: string,
  { seatsPerRow }: Grid,
  size: number,
): Promise<readonly Seat[] | null> {
  const run = (name: string, text: string, values: unknown[]) =>
    client.query({ name, text, values });
  await client.query('begin');
  await run('seat_lock', LOCK, [eventId]);
  const { rows } = await run('seat_best', BEST, [eventId, size, seatsPerRow]);
  const best: Seat | undefined = rows[0];
  if (best) {
    const { row, seat } = best;
    const taken = await run('seat_take', TAKE, [
      ...[eventId, row, seat, seat + size - 1, randomUUID()],
    ]);
    if (taken.rowCount !== size) throw new Error('seats were taken under the lock');
    await run('seat_count', COUNT, [eventId, row, size]);
  }
  await client.query('commit');
  if (!best) return null;
  return Array.from({ length: size }, (_, i) => ({ row: best.row, seat: best.seat + i }));
}

export async function openLockPerParty(product: Product, grid: Grid): Promise<SeatStage> {
  const eventId = randomUUID();
  await asSuperuser(product.url, async (client) => {
    await client.query(SCHEMA);
    await client.query('insert into bench_seats.sale values ($1)', [eventId]);
    await client.query(
      `insert into bench_seats.seat_row
       select $1, r, $3 from generate_series(0, $2::int - 1) r`,
      [eventId, grid.rows, grid.seatsPerRow],
    );
    await client.query(
      `insert into bench_seats.seat
       select $1, r, s from generate_series(0, $2::int - 1) r, generate_series(0, $3::int - 1) s`,
      [eventId, grid.rows, grid.seatsPerRow],
    );
    await client.query('vacuum analyze bench_seats.seat, bench_seats.seat_row');
  });
  const pool = new pg.Pool({ connectionString: product.url, max: POOL_CONNECTIONS });
  // Its idle connections are told of the server's end; nobody waits for them any more.
  pool.on('error', () => {});
  return {
    hold: async (size) => {
      const client = await pool.connect();
      try {
        const seats = await seatParty(client, eventId, grid, size);
        client.release();
        return seats;
      } catch (error) {
        // A connection in an unknown state does not go back to the pool.
        client.release(true);
        throw error;
      }
    },
    taken: async () => {
      const { rows } = await pool.query<Seat>(
        `select row_no as row, seat_no as seat from bench_seats.seat
         where event_id = $1 and hold_id is not null`,
        [eventId],
      );
      return rows;
    },
    close: () => pool.end(),
  };
}
