/**
 * What the way from a socket to a use case and back costs: requests that hold places, with their
 * bodies and headers, to a server that does nothing with them. The bar for the pipeline is the bare
 * Fastify handler. Work is fixed, arms take turns in rounds; each arm is a process of its own, the
 * callers are in this one. With few cores the callers slow the fast arms down: processor time for
 * each request says more than requests per second.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../server/adapters/postgres/index.ts';
import { migrate } from '../server/kernel/migrate.ts';
import { projectRoot } from '../server/kernel/root.ts';
import { postAll } from './http-callers.ts';
import { type ArmName, HOLDS_PATH, serverFile } from './http-server.ts';

const ROUNDS = 5;
const CALLERS = 64;
const WORK = 20_000;
/** Before the first round, so that no arm is measured while it is being compiled. */
const WARM_UP = 20_000;
const API_KEY = 'fk_key_of_the_http_benchmark_0123';
const ITEMS = [{ ticketTypeId: 'tt_00vtdzt3h1k4r00vtdzt3k7m2q9x4c5b8n3w6', quantity: 2 }];

type Arm = {
  readonly name: string;
  readonly server: ArmName;
  readonly authorization: string | null;
};

const BARE: Arm = { name: 'Fastify, bare handler', server: 'Fastify', authorization: null };
const arms: readonly Arm[] = [
  { name: 'node:http, bare handler', server: 'node:http', authorization: null },
  BARE,
  { name: 'whole pipeline, anonymous', server: 'pipeline', authorization: null },
  { name: 'whole pipeline, API key', server: 'pipeline', authorization: `Bearer ${API_KEY}` },
];

type Served = Arm & { readonly child: ChildProcess; readonly port: number };
type Measured = { readonly perSecond: number; readonly cpuMicros: number };

export async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'fanfare-bench-'));
  const database = await startEmbeddedPostgres({ dataDir, say: () => {} });
  const served: Served[] = [];
  try {
    await migrate({ url: database.url, say: () => {} });
    for (const arm of arms) served.push(await serve(arm, database.url));
    const lines = machineLines();
    const text = `${[...lines, ...table(await measure(served))].join('\n')}\n`;
    console.log(text);
    const results = join(projectRoot, 'bench', 'results');
    mkdirSync(results, { recursive: true });
    writeFileSync(join(results, `http-${new Date().toISOString().slice(0, 10)}.txt`), text);
  } finally {
    await Promise.all(served.map(({ child }) => ended(child)));
    await database.stop();
    for (const path of [dataDir, database.homeDir]) rmSync(path, { recursive: true, force: true });
  }
}

/** Its log goes nowhere, but is written. */
async function serve(arm: Arm, databaseUrl: string): Promise<Served> {
  const child = fork(serverFile, [arm.server, databaseUrl, API_KEY], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const { port } = await message<{ port: number }>(child);
  return { ...arm, child, port };
}

function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('a server of the benchmark has ended'));
    child.once('exit', onExit);
    child.once('message', (told) => {
      child.off('exit', onExit);
      // Each server says its port first and then its processor time, as asked.
      resolve(told as T);
    });
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const end = new Promise((resolve) => child.once('exit', resolve));
  child.disconnect();
  await end;
}

async function cpuMicrosOf(child: ChildProcess): Promise<number> {
  const told = message<NodeJS.CpuUsage>(child);
  child.send('cpu');
  const { user, system } = await told;
  return user + system;
}

async function measure(served: readonly Served[]): Promise<Map<string, Measured[]>> {
  const measured = new Map<string, Measured[]>();
  for (const arm of served) await block(arm, WARM_UP, 'warm');
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const arm of [...served.slice(round), ...served.slice(0, round)]) {
      const one = await block(arm, WORK, String(round));
      measured.set(arm.name, [...(measured.get(arm.name) ?? []), one]);
    }
    console.log(`round ${round + 1} of ${ROUNDS} done`);
  }
  return measured;
}

async function block(arm: Served, work: number, label: string): Promise<Measured> {
  const requests = Array.from({ length: work }, (_, i) => ({
    body: JSON.stringify({ items: ITEMS, buyer: { email: `fan-${i}@example.org` } }),
    headers: {
      'Idempotency-Key': `${label}-${i}`,
      ...(arm.authorization ? { Authorization: arm.authorization } : {}),
    },
  }));
  const before = await cpuMicrosOf(arm.child);
  const seconds = await postAll({ port: arm.port, path: HOLDS_PATH, callers: CALLERS, requests });
  const cpuMicros = (await cpuMicrosOf(arm.child)) - before;
  return { perSecond: work / seconds, cpuMicros: cpuMicros / work };
}

function machineLines(): string[] {
  const cores = cpus();
  return [
    `${cores.length} cores (${cores[0]?.model.trim()}), Node ${process.versions.node}, ` +
      `load of others at the start ${loadavg()[0]?.toFixed(1)}`,
    `${CALLERS} callers on kept connections, each request a hold of its own with its key; ` +
      'rate limits counted, requests logged (to nowhere), metrics kept.',
    `Fixed work (${WORK.toLocaleString('en')} requests a block), arms taking turns, ` +
      `median of ${ROUNDS} rounds (lowest to highest).`,
    '',
  ];
}

function table(measured: ReadonlyMap<string, readonly Measured[]>): string[] {
  const sorted = (name: string, pick: (one: Measured) => number) =>
    (measured.get(name) ?? []).map(pick).sort((a, b) => a - b);
  const median = (name: string, pick: (one: Measured) => number) =>
    sorted(name, pick)[ROUNDS >> 1] ?? 0;
  const range = (name: string, pick: (one: Measured) => number) => {
    const all = sorted(name, pick);
    const [mid, low, high] = [all[ROUNDS >> 1], all[0], all[ROUNDS - 1]].map((value) =>
      Math.round(value ?? 0).toLocaleString('en'),
    );
    return `${mid} (${low} to ${high})`;
  };
  const row = (...cells: readonly string[]) =>
    cells
      .map((text, i) => text.padEnd(i === 0 ? 28 : 26))
      .join('')
      .trimEnd();
  return [
    row('', 'requests/s', 'CPU µs per request', 'of bare Fastify: by rate', 'by CPU time'),
    ...arms.map(({ name }) =>
      row(
        name,
        range(name, (one) => one.perSecond),
        range(name, (one) => one.cpuMicros),
        (median(name, (one) => one.perSecond) / median(BARE.name, (one) => one.perSecond)).toFixed(
          2,
        ),
        (median(BARE.name, (one) => one.cpuMicros) / median(name, (one) => one.cpuMicros)).toFixed(
          2,
        ),
      ),
    ),
  ];
}
