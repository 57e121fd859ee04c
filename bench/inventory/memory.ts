/**
 * Section memory: the resident memory of a server process after one million holds and after five.
 * What grows between the two grows with every hold. A run that is scaled, or whose time is over
 * first, says how far it came.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { auditProduct } from './audit.ts';
import { type Bench, CAPACITY_MAX, callers, HOT_CALLERS, howMany, type Section } from './bench.ts';
import { call } from './callers.ts';
import { type ChildServer, startChildServer } from './child-server.ts';
import { residentBytes } from './probe.ts';
import {
  holdTemplate,
  openEvent,
  openProduct,
  type Product,
  REQUESTS_PER_PERSON,
} from './product.ts';
import { short } from './report.ts';

const FIRST_HOLDS = 1_000_000;
const LAST_HOLDS = 5_000_000;
const HOLDS_PER_EVENT = 250_000;
/** A whole run is over after 25 minutes; what this section takes besides its holds is less. */
const RUN_SECONDS_MAX = 24 * 60;
/** Beside all other sections, and alone. */
const SECONDS_MAX = { together: 240, alone: 1_200, smoke: 1 };
/** The collector takes its time; the lowest of several looks is what is in use. */
const LOOKS = 8;
const LOOK_MS = 250;
const MIB = 1_024 * 1_024;

async function settled(bench: Bench, server: ChildServer): Promise<number> {
  const seen: number[] = [];
  for (let i = 0; i < (bench.options.smoke ? 1 : LOOKS); i += 1) {
    await sleep(LOOK_MS);
    seen.push((residentBytes(server.pid) ?? Number.NaN) / MIB);
  }
  return Math.min(...seen);
}

/** Returns how many were granted; fewer where the time is over. */
async function hold(
  bench: Bench,
  product: Product,
  server: ChildServer,
  { holds, until }: { readonly holds: number; readonly until: number },
): Promise<number> {
  let granted = 0;
  while (granted < holds && performance.now() < until) {
    const event = await openEvent(product, CAPACITY_MAX);
    const tally = await call({
      ...{ ports: [server.port], callers: callers(bench, HOT_CALLERS) },
      ...{ templates: [holdTemplate(event)], requestsPerPerson: REQUESTS_PER_PERSON },
      ...{ firstNumber: 0, seconds: Math.max(0.1, (until - performance.now()) / 1_000) },
      requests: Math.min(HOLDS_PER_EVENT, holds - granted),
      ...{ rate: null, keepIds: false, sampleEvery: 0 },
    });
    await auditProduct(product, event, { ids: [], granted: tally.granted });
    granted += tally.granted;
  }
  return granted;
}

async function run(bench: Bench): Promise<void> {
  const url = await bench.databases.fresh();
  const product = await openProduct(url, { worker: false });
  const server = await startChildServer(url, { worker: true });
  const first = howMany(bench, FIRST_HOLDS);
  const last = first * (LAST_HOLDS / FIRST_HOLDS);
  const { smoke, only } = bench.options;
  const most = SECONDS_MAX[smoke ? 'smoke' : only.length === 1 ? 'alone' : 'together'];
  const left = RUN_SECONDS_MAX - (performance.now() - bench.startedAt) / 1_000;
  const span = 1_000 * Math.max(SECONDS_MAX.smoke, Math.min(most, left));
  try {
    const before = await settled(bench, server);
    const startedAt = performance.now();
    // The first part may not take the time of the rest.
    const early = { holds: first, until: startedAt + span / 3 };
    const warm = await hold(bench, product, server, early);
    const middle = await settled(bench, server);
    const rest = { holds: last - first, until: startedAt + span };
    const more = await hold(bench, product, server, rest);
    const end = await settled(bench, server);
    bench.report.line(
      `resident: ${short(before)} MiB at the start, ${short(middle)} MiB after ${short(warm)} ` +
        `holds, ${short(end)} MiB after ${short(warm + more)}`,
    );
    const isWhole = warm === FIRST_HOLDS && warm + more === LAST_HOLDS;
    bench.report.figure({
      says:
        `server memory: after ${short(warm + more)} holds − after ${short(warm)}, MiB` +
        (isWhole ? '' : ' (the bar of 32 is for 5,000,000 and 1,000,000)'),
      bar: isWhole ? { atMost: 32 } : null,
      value: end - middle,
    });
  } finally {
    await server.stop();
    await product.close();
    await bench.databases.drop(url);
  }
}

export const memorySection: Section = {
  name: 'memory',
  title: 'the memory of a server process as holds pile up',
  run,
};
