/**
 * How long after a place comes back it is offered to somebody who waits: so many places of a
 * sold-out event are given up a second, for some seconds, and each is offered to the next in line.
 * bench/README.md says how to read it. Kept as text under bench/results/.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HoldId, newScopedId } from '../server/kernel/ids.ts';
import { present } from '../server/kernel/result.ts';
import { projectRoot } from '../server/kernel/root.ts';
import { releaseHold } from '../server/modules/inventory/index.ts';
import { changeKind } from '../server/modules/waitlist/waitlist-kinds.ts';
import { openDatabases } from './inventory/databases.ts';
import { exitOnSignals } from './inventory/guard.ts';
import {
  type BenchEvent,
  holdInside,
  openEvent,
  openProduct,
  type Product,
} from './inventory/product.ts';
import { openReport, type Report, short } from './inventory/report.ts';
import { machineLine, type PostgresFacts, postgresFacts } from './machine.ts';

const RELEASES_PER_SECOND = 1_000;
const SECONDS = 5;
const SMOKE = { rate: 100, seconds: 1 };
const OFFER_MAX_MS = 1_000;
const TOGETHER = 200;
const PATIENCE_MS = 30_000;
const DAY_MS = 86_400_000;
const USAGE = 'npm run bench -- waitlist [--smoke]';

export async function main(args: readonly string[] = []): Promise<number> {
  const isSmoke = args[0] === '--smoke';
  if (args.length > (isSmoke ? 1 : 0)) {
    console.error(USAGE);
    return 2;
  }
  exitOnSignals();
  const databases = await openDatabases();
  const report = openReport(false);
  try {
    const { rows } = await databases.client.query<PostgresFacts>(postgresFacts);
    report.line(machineLine(present(rows[0], 'the facts of the server'), databases.folder));
    const product = await openProduct(await databases.fresh(), { worker: false });
    try {
      const size = isSmoke ? SMOKE : { rate: RELEASES_PER_SECOND, seconds: SECONDS };
      await measure(product, report, size);
    } finally {
      await product.close();
    }
  } finally {
    await databases.stop();
  }
  if (!isSmoke) keep(report);
  return 0;
}

type Size = { readonly rate: number; readonly seconds: number };

async function measure(product: Product, report: Report, { rate, seconds }: Size) {
  const places = rate * seconds;
  const event = await openEvent(product, places);
  const holds = await holdAll(product, event, places);
  const startedAt = performance.now();
  await joinAll(product, event, places);
  const joinsPerSecond = places / ((performance.now() - startedAt) / 1_000);
  product.parts.offers.start();
  const releasedAt = await releaseAll(product, holds, rate);
  const offeredAt = await offersOf(product, event, places);
  // The place that came back first is the first that is offered: all of them are alike.
  const waitsMs = offeredAt.map((at, nth) => at - present(releasedAt[nth], 'its release'));
  const sorted = waitsMs.sort((a, b) => a - b);
  const at = (share: number) =>
    present(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))], 'a wait');
  const took =
    (present(releasedAt.at(-1), 'the last') - present(releasedAt[0], 'the first')) / 1_000;
  report.section('waitlist', `${places} places given up, each offered to the next in line`);
  report.table(
    ['releases a second', 'joins a second', 'p50 ms', 'p99 ms', 'most ms'],
    [[places / Math.max(took, 0.001), joinsPerSecond, at(0.5), at(0.99), at(1)].map(short)],
  );
  report.figure({
    says: 'from the release to the offer, p99 ms',
    bar: { atMost: OFFER_MAX_MS },
    value: at(0.99),
  });
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

async function inGroups<T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let from = 0; from < count; from += TOGETHER) {
    const group = upTo(Math.min(TOGETHER, count - from)).map((n) => work(from + n));
    all.push(...(await Promise.all(group)));
  }
  return all;
}

const holdAll = (product: Product, event: BenchEvent, places: number) =>
  inGroups(places, async (n) => {
    const held = await holdInside(product.ctx, event, n);
    if (!('id' in held)) throw new Error(`not held: ${JSON.stringify(held)}`);
    // An id that the product made.
    return held.id as HoldId;
  });

async function joinAll({ ctx }: Product, { eventId }: BenchEvent, places: number) {
  await inGroups(places, async (n) => {
    const joined = await ctx.lanes.ask(ctx, changeKind, eventId, {
      do: 'join',
      entryId: newScopedId(ctx.ids, 'wle', eventId),
      // The list only keeps it.
      organizerId: 'org_0000000000000' as never,
      closesAt: new Date(Date.now() + DAY_MS),
      caller: `bench-${n}`,
      key: null,
      bodyHash: '',
      quantity: 1,
      acceptsFewer: false,
      ticketTypeIds: null,
      sections: null,
      personKeys: [`email_of_waiting_${n}`],
      person: { name: null, language: null, email: `waiting.${n}@example.org` },
      userId: null,
    });
    if (!joined.ok || joined.value.verdict !== 'joined') {
      throw new Error(`not joined: ${JSON.stringify(joined)}`);
    }
  });
}

/** At an even pace, whether or not those before are done; when each was asked for. */
async function releaseAll({ ctx }: Product, holds: readonly HoldId[], rate: number) {
  const startedAt = performance.now();
  const askedAt: number[] = [];
  const pending: Promise<unknown>[] = [];
  for (let nth = 0; nth < holds.length; ) {
    const due = Math.min(holds.length, Math.ceil(((performance.now() - startedAt) / 1_000) * rate));
    for (; nth < due; nth++) {
      askedAt.push(performance.timeOrigin + performance.now());
      pending.push(releaseHold(ctx, present(holds[nth], 'a hold')));
    }
    await sleep(1);
  }
  await Promise.all(pending);
  return askedAt;
}

/** When each offer was made, by the clock of the database on the same machine. */
async function offersOf({ ctx }: Product, { eventId }: BenchEvent, places: number) {
  const untilMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const { rows } = await ctx.db.pool.query<{ ms: number }>(
      `select extract(epoch from made_at)::float8 * 1000 as ms from waitlist.offer
       where event_id = $1 order by made_at`,
      [eventId],
    );
    if (rows.length === places) return rows.map(({ ms }) => ms);
    if (performance.now() > untilMs) throw new Error(`${rows.length} of ${places} were offered`);
    await sleep(100);
  }
}

function keep(report: Report): void {
  const results = join(projectRoot, 'bench', 'results');
  mkdirSync(results, { recursive: true });
  const name = `waitlist-table-${new Date().toISOString().slice(0, 10)}.txt`;
  writeFileSync(join(results, name), report.text());
  console.log(`kept as bench/results/${name}`);
}
