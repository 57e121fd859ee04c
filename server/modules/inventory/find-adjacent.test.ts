/** `inventory.find_seats` on a real server, held against a search through all blocks. */
import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../../test/kit/db.ts';
import { exactSeats, type Wish } from '../../../test/kit/exact-seats.ts';
import { connect } from '../../../test/kit/kernel.ts';
import { POOLS, SECTIONS, seatPlan } from '../../../test/kit/random-seats.ts';
import { functionSuffix } from '../../kernel/functions.ts';
import { FreeSeats, gridPlan, planSeats, type SeatPlan } from '../venues/index.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const inMs = (ms: number) => new Date(NOW.getTime() + ms);

const STATES = [
  { status: 'free', expiresAt: null, isFree: true },
  { status: 'held', expiresAt: inMs(0), isFree: true },
  { status: 'held', expiresAt: inMs(-60_000), isFree: true },
  { status: 'held', expiresAt: inMs(1), isFree: false },
  { status: 'claimed', expiresAt: null, isFree: false },
  { status: 'sold', expiresAt: null, isFree: false },
  { status: 'reserved', expiresAt: null, isFree: false },
  { status: 'blocked', expiresAt: null, isFree: false },
] as const;
type State = (typeof STATES)[number];
const [FREE, , , HELD] = STATES;

let database: TestDb;
let client: pg.Client;
beforeAll(async () => {
  database = await cloneDb();
  client = await connect(database.url);
  // Autovacuum would gather the statistics that the function has to do without.
  await client.query('alter table inventory.seat set (autovacuum_enabled = false)');
  // Seats of nothing: no event, no pool, no hold.
  await client.query('set session_replication_role = replica');
});
afterAll(async () => {
  await client.end();
  await database.close();
});

let events = 0;

/** A new event with these seats. */
async function store({ seats }: SeatPlan, stateOf: (seatNo: number) => State): Promise<string> {
  events += 1;
  const eventId = `evt_${events}`;
  const states = seats.map((_, seatNo) => stateOf(seatNo));
  await client.query(
    `insert into inventory.seat (event_id, seat_no, seat_key, pool_id, section, row_no, place,
       distance, special, status, expires_at, hold_id)
     select $1, n - 1, 'seat-' || n, pool_id, section, row_no, place, distance, special, status,
       expires_at, case when status in ('held', 'claimed', 'sold') then 'hld' end
     from unnest($2::text[], $3::text[], $4::int[], $5::int[], $6::real[], $7::text[], $8::text[],
       $9::timestamptz[]) with ordinality
       as s(pool_id, section, row_no, place, distance, special, status, expires_at, n)`,
    [
      eventId,
      seats.map((seat) => seat.poolId),
      seats.map((seat) => seat.section),
      seats.map((seat) => seat.row),
      seats.map((seat) => seat.place),
      seats.map((seat) => seat.distance),
      seats.map((seat) => seat.special ?? null),
      states.map((state) => state.status),
      states.map((state) => state.expiresAt),
    ],
  );
  return eventId;
}

async function find(eventId: string, { poolIds, section, quantity, accessible }: Wish) {
  const { rows } = await client.query<{ seats: number[] | null }>({
    name: 'find',
    text: `select inventory.find_seats${functionSuffix()}($1, $2, $3, $4, $5, $6, '{}') as seats`,
    values: [eventId, poolIds, section ?? null, quantity, accessible ?? null, NOW],
  });
  return rows[0]?.seats ?? null;
}

const wishes: readonly Wish[] = [[POOLS[0]], [POOLS[1]], POOLS].flatMap((poolIds) =>
  [1, 2, 3, 5, 14].flatMap((quantity) =>
    [undefined, 1, 2].flatMap((need) => {
      const accessible = need === undefined ? {} : { accessible: Math.min(need, quantity) };
      const wish = { poolIds, quantity, ...accessible };
      return [wish, ...SECTIONS.map((section) => ({ ...wish, section }))];
    }),
  ),
);

/** What kind of answer it is: agreement says little unless each was agreed on. */
function kindOf({ seats: planned }: SeatPlan, found: readonly number[] | null, wish: Wish) {
  const who = wish.accessible === undefined ? 'anybody' : 'in need';
  if (!found) return `${who}: nothing`;
  const seats = found.flatMap((seatNo) => planned[seatNo] ?? []);
  const places = seats.map(({ place }) => place);
  const isBlock =
    new Set(seats.map(({ row }) => row)).size === 1 &&
    Math.max(...places) - Math.min(...places) === found.length - 1;
  const isPlain = seats.every(({ special }) => !special);
  return `${who}: ${isPlain ? 'plain' : 'special'}, ${isBlock ? 'together' : 'apart'}`;
}

describe('the exact search under the lock', () => {
  it('finds what a search through all blocks finds, among the seats free at that time', async () => {
    const reached = new Set<string>();
    const states = fc.array(
      fc.oneof({ weight: 5, arbitrary: fc.constant(FREE) }, fc.constantFrom(...STATES)),
      { minLength: 110, maxLength: 110, size: 'max' },
    );
    await fc.assert(
      fc.asyncProperty(seatPlan, states, async (plan, stateOf) => {
        const eventId = await store(plan, (seatNo) => stateOf[seatNo] ?? FREE);
        const isFree = (seatNo: number) => stateOf[seatNo]?.isFree ?? true;
        for (const wish of wishes) {
          const expected = exactSeats(plan, isFree, wish);
          expect(await find(eventId, wish)).toEqual(expected);
          reached.add(kindOf(plan, expected, wish));
        }
      }),
      { numRuns: 60, seed: 20_261_121 },
    );
    expect([...reached].sort()).toEqual([
      ...['anybody: nothing', 'anybody: plain, apart', 'anybody: plain, together'],
      ...['anybody: special, apart', 'anybody: special, together'],
      ...['in need: nothing', 'in need: special, together'],
    ]);
  });

  it('agrees with memory on a hall of 40,000 seats that nobody analysed', async () => {
    const { seats } = gridPlan(
      Array.from({ length: 20 }, (_, section) => ({
        section: `block ${section}`,
        poolId: section % 2 === 0 ? 'floor' : 'balcony',
        rows: 40,
        placesPerRow: 50,
        aislesAfter: [12, 38],
      })),
    );
    // The last row of each block.
    const special = (place: number) => (place % 4 === 0 ? 'accessible' : 'companion');
    const plan = planSeats(
      seats.map((seat) => (seat.row % 40 < 39 ? seat : { ...seat, special: special(seat.place) })),
    );
    expect(plan.seats).toHaveLength(40_000);
    let missing = 0;
    for (const soldPerMille of [0, 400, 950]) {
      const isSold = (seatNo: number) => (seatNo * 7_919) % 1_000 < soldPerMille;
      const eventId = await store(plan, (seatNo) => (isSold(seatNo) ? HELD : FREE));
      const memory = new FreeSeats(plan);
      for (const seatNo of plan.seats.keys()) memory.setFree(seatNo, !isSold(seatNo));
      for (const quantity of [1, 2, 3, 4, 6]) {
        for (const party of [
          { quantity },
          { quantity, section: 'block 8' },
          { quantity, accessible: 1 },
          { quantity, accessible: 1, section: 'block 8' },
        ]) {
          const each = ['floor', 'balcony'].map((poolId) => ({ ...party, poolId }));
          const found = memory.proposeAmong(each)?.proposal;
          if (found) expect(await find(eventId, { ...party, poolIds: POOLS })).toEqual(found.seats);
          else missing += 1;
          if (found) memory.settle(found.seats);
        }
      }
    }
    // Where few seats are left, memory knows of no block.
    expect(missing).toBeGreaterThan(0);
    expect(missing).toBeLessThan(20);
    const { rows } = await client.query(
      `select reltuples::int from pg_class where oid = 'inventory.seat'::regclass`,
    );
    expect(rows).toEqual([{ reltuples: -1 }]);
  });
});
