/**
 * Live updates: many listeners of one event on one process, what each costs while nothing happens,
 * and how soon all of them hear of a hold. The server is a process of its own, as an operator
 * starts it; so are the listeners.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { present } from '../server/kernel/result.ts';
import { projectRoot } from '../server/kernel/root.ts';
import { startChildServer } from './inventory/child-server.ts';
import { openDatabases } from './inventory/databases.ts';
import { exitOnSignals } from './inventory/guard.ts';
import { cpuSeconds, residentBytes } from './inventory/probe.ts';
import { openEvent, openProduct } from './inventory/product.ts';
import { openReport, type Report, spreadOf, spreadText } from './inventory/report.ts';
import { startListeners } from './live/listeners.ts';
import { machineLine, type PostgresFacts, postgresFacts } from './machine.ts';

const USAGE = 'npm run bench -- live [--smoke]';
const FULL = { listeners: 10_000, warm: 200, changes: 10, idleMs: 20_000, settleMs: 3_000 };
const SMOKE = { listeners: 100, warm: 10, changes: 2, idleMs: 500, settleMs: 100 };
const CAPACITY = 100_000;
const MEMORY_MAX_KIB = 60;
const REACH_MAX_MS = 1_000;

export async function main(args: readonly string[] = []): Promise<number> {
  const isSmoke = args.includes('--smoke');
  if (args.some((arg) => arg !== '--smoke')) {
    console.error(USAGE);
    return 2;
  }
  exitOnSignals();
  const databases = await openDatabases();
  const report = openReport(false);
  try {
    const { rows } = await databases.client.query<PostgresFacts>(postgresFacts);
    report.line(machineLine(present(rows[0], 'the facts of the server'), databases.folder));
    report.line(isSmoke ? 'A smoke run measures nothing.' : 'Memory is what the system counts.');
    const url = await databases.fresh();
    const product = await openProduct(url, { worker: false });
    const event = await openEvent(product, CAPACITY);
    await product.close();
    await measure(report, url, event, isSmoke ? SMOKE : FULL);
    await databases.drop(url);
  } finally {
    await databases.stop();
  }
  if (!isSmoke) keep(report);
  return 0;
}

type Sizes = typeof FULL;
type OnSale = { readonly eventId: string; readonly ticketTypeId: string };

async function measure(report: Report, url: string, event: OnSale, sizes: Sizes): Promise<void> {
  const env = { LIVE_LISTENERS: '20000', LIVE_PER_CALLER: '20000' };
  const server = await startChildServer(url, { env });
  const path = `/api/v1/events/${event.eventId}/live`;
  const warm = startListeners();
  const listeners = startListeners();
  try {
    // What the first ones cost is the code that they load.
    await warm.connect(server.port, path, sizes.warm);
    await changeAndReach(server.port, event, [warm.nextChange()]);
    await warm.stop();
    await sleep(sizes.settleMs);
    const emptyKib = kibOf(server.pid);
    const startedAt = performance.now();
    await listeners.connect(server.port, path, sizes.listeners);
    const connectedMs = performance.now() - startedAt;
    await sleep(sizes.settleMs);
    const fullKib = kibOf(server.pid);
    report.section('live', `${sizes.listeners.toLocaleString('en')} who listen to one event`);
    report.line(
      `connected and told all of it in ${(connectedMs / 1_000).toFixed(1)} s; resident memory ` +
        `${Math.round(emptyKib / 1_024)} MB before, ${Math.round(fullKib / 1_024)} MB with them`,
    );
    const busyBefore = secondsOf(server.pid);
    await sleep(sizes.idleMs);
    const idle = ((secondsOf(server.pid) - busyBefore) / sizes.idleMs) * 1_000;
    const reached: number[] = [];
    const middle: number[] = [];
    for (let i = 0; i < sizes.changes; i += 1) {
      const took = await changeAndReach(server.port, event, [listeners.nextChange()]);
      reached.push(took.lastMs);
      middle.push(took.medianMs);
      await sleep(sizes.settleMs / 3);
    }
    report.figure({
      says: 'resident KiB for each idle listener',
      bar: { atMost: MEMORY_MAX_KIB },
      value: (fullKib - emptyKib) / sizes.listeners,
    });
    report.figure({
      says: 'ms from asking for a hold to the last listener having heard of it',
      bar: { atMost: REACH_MAX_MS },
      value: spreadOf(reached),
    });
    report.line(`  half of them had heard of it after ${spreadText(spreadOf(middle))} ms`);
    report.figure({
      says: 'processors kept busy while nothing happens (signs of life, looking)',
      bar: null,
      value: idle,
    });
    report.figure({
      says: 'resident KiB for each listener after the changes',
      bar: null,
      value: (kibOf(server.pid) - emptyKib) / sizes.listeners,
    });
  } finally {
    await warm.stop();
    await listeners.stop();
    await server.stop();
  }
}

/** Only where the system tells of its processes is this a measurement. */
const kibOf = (pid: number): number => (residentBytes(pid) ?? Number.NaN) / 1_024;
const secondsOf = (pid: number): number => cpuSeconds(pid) ?? Number.NaN;

/** Holds one place, and waits until everybody has heard of it. */
async function changeAndReach(
  port: number,
  { eventId, ticketTypeId }: OnSale,
  heard: readonly ReturnType<ReturnType<typeof startListeners>['nextChange']>[],
): Promise<{ readonly lastMs: number; readonly medianMs: number }> {
  // They have to be told to listen for it before it happens.
  await sleep(50);
  const askedAt = performance.timeOrigin + performance.now();
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/events/${eventId}/holds`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify({
      items: [{ ticketTypeId, quantity: 1 }],
      buyer: { email: `${randomUUID()}@example.org` },
    }),
  });
  if (answer.status !== 201) throw new Error(`no hold: ${await answer.text()}`);
  const at = (await Promise.all(heard)).flatMap((arrivals) => arrivals.at);
  const sorted = at.map((ms) => ms - askedAt).sort((a, b) => a - b);
  return { lastMs: sorted.at(-1) ?? 0, medianMs: sorted[sorted.length >> 1] ?? 0 };
}

function keep(report: Report): void {
  const results = join(projectRoot, 'bench', 'results');
  mkdirSync(results, { recursive: true });
  const name = `live-table-${new Date().toISOString().slice(0, 10)}`;
  writeFileSync(join(results, `${name}.txt`), report.text());
  writeFileSync(join(results, `${name}.json`), `${JSON.stringify(report.json(), null, 1)}\n`);
  console.log(`kept as bench/results/${name}.txt and .json`);
}
