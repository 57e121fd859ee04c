/**
 * Section expiry: ten thousand holds lapse every second, and nobody asks for their places. How long
 * until what is shown to buyers says that they are free? The sweeper of the product runs as always;
 * a reader looks at the availability that buyers get.
 */
import { readAvailability } from '../../server/modules/inventory/index.ts';
import { auditProduct, Unsound } from './audit.ts';
import { type Bench, callers, HOT_CALLERS, howMany, rounds, type Section } from './bench.ts';
import { callInside } from './callers-inside.ts';
import { asSuperuser } from './databases.ts';
import { type BenchEvent, holdInside, openEvent, openProduct, type Product } from './product.ts';
import { short, spreadOf, spreadText } from './report.ts';

const ROUNDS = 3;
const HOLDS = 30_000;
const LAPSES_PER_SECOND = 10_000;
/** Before the first hold lapses. */
const HEAD_START_MS = 1_000;
const LOOK_EVERY_MS = 10;
const GIVE_UP_MS = 30_000;
const WAIT_FOR_HOLDS_SECONDS = 60;

/** Spreads the ends of all holds evenly from a moment on; answers with that moment. */
async function spreadEnds(product: Product, { eventId }: BenchEvent): Promise<number> {
  return asSuperuser(product.url, async (client) => {
    const { rows } = await client.query<{ from: Date }>(
      `select clock_timestamp() + make_interval(secs => $1) as from`,
      [HEAD_START_MS / 1_000],
    );
    const from = rows[0]?.from ?? new Date();
    // Before statistics know of these holds, a loop over them looks best, and takes half an hour.
    await client.query('set enable_nestloop = off');
    await client.query(
      `update inventory.hold h
       set expires_at = $2::timestamptz + make_interval(secs => n.nth / $3::float8)
       from (
         select hold_id, row_number() over (order by hold_id) as nth
         from inventory.hold where event_id = $1
       ) n
       where h.event_id = $1 and h.hold_id = n.hold_id`,
      [eventId, from, LAPSES_PER_SECOND],
    );
    await client.query('update inventory.sale set oldest_expiry = $2 where event_id = $1', [
      eventId,
      from,
    ]);
    return from.getTime();
  });
}

/** For each lapse, the milliseconds until it was shown. */
async function lags(
  product: Product,
  { eventId }: BenchEvent,
  holds: number,
  fromMs: number,
): Promise<number[]> {
  const found: number[] = [];
  const until = Date.now() + GIVE_UP_MS;
  const before = (await readAvailability(product.ctx, eventId))?.ticketTypes[0]?.available ?? 0;
  while (found.length < holds) {
    if (Date.now() > until) throw new Unsound(`expiry: ${holds - found.length} are still held`);
    const shown = await readAvailability(product.ctx, eventId);
    const free = (shown?.ticketTypes[0]?.available ?? 0) - before;
    const now = Date.now();
    while (found.length < free) {
      // They lapse in their order, so the n-th place that is free is that of the n-th lapse.
      const lapsedAt = fromMs + ((found.length + 1) * 1_000) / LAPSES_PER_SECOND;
      found.push(Math.max(0, now - lapsedAt));
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return found.sort((a, b) => a - b);
}

async function run(bench: Bench): Promise<void> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url);
  const p50s: number[] = [];
  const p99s: number[] = [];
  try {
    for (let round = 0; round < rounds(bench, ROUNDS); round += 1) {
      const holds = howMany(bench, HOLDS);
      const event = await openEvent(product, holds);
      const tally = await callInside({
        callers: callers(bench, HOT_CALLERS),
        seconds: WAIT_FOR_HOLDS_SECONDS,
        requests: holds,
        act: (n) => holdInside(product.ctx, event, n),
      });
      const fromMs = await spreadEnds(product, event);
      const late = await lags(product, event, tally.granted, fromMs);
      const at = (share: number) => late[Math.floor((late.length - 1) * share)] ?? 0;
      p50s.push(at(0.5));
      p99s.push(at(0.99));
      await auditProduct(product, event, tally);
      bench.report.progress(`round ${round + 1} done`);
    }
  } finally {
    await product.close();
    await bench.databases.drop(url);
  }
  bench.report.line(`${short(LAPSES_PER_SECOND)} holds lapse a second; nobody asks for them`);
  bench.report.line(`p50 until it is shown ${spreadText(spreadOf(p50s))} ms`);
  bench.report.figure({
    says: 'p99 until a lapsed place is shown as free, ms',
    bar: { atMost: 1_000 },
    value: spreadOf(p99s),
  });
}

export const expirySection: Section = {
  name: 'expiry',
  title: 'ten thousand holds lapse a second',
  run,
};
