/**
 * What a floor plan costs by its size: taking it, making an event in it, and sending its seat map.
 * Plans of all sizes take turns; bench/README.md says how to read it. Results are kept as text and
 * JSON under bench/results/.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { present } from '../server/kernel/result.ts';
import { projectRoot } from '../server/kernel/root.ts';
import type { FloorPlan } from '../server/modules/venues/floor-plan.ts';
import { readStadium, stadiumPlan } from '../test/kit/metalist.ts';
import { openDatabases } from './inventory/databases.ts';
import { exitOnSignals } from './inventory/guard.ts';
import { openProduct, type Product } from './inventory/product.ts';
import { openReport, type Report, short, spreadOf, spreadText } from './inventory/report.ts';
import { machineLine, type PostgresFacts, postgresFacts } from './machine.ts';
import { bowlPlan } from './venues/bowl-plan.ts';
import { type Measured, measurePlan } from './venues/measure-plan.ts';

const SIZES = [1_000, 10_000, 40_000, 100_000];
const SMOKE_SIZES = [200, 1_000];
const ROUNDS = 5;
const IMPORT_MAX_MS = 5_000;
const CREATE_MAX_MS = 3_000;
const MAP_MAX_BYTES = 350_000;
const USAGE = 'npm run bench -- venues [--smoke]';

type Plan = { readonly name: string; readonly seats: number; readonly plan: FloorPlan };
type Seen = ReadonlyMap<Plan, readonly Measured[]>;

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
    report.line(
      'Whole requests over HTTP in memory, callers and server in one process; median of ' +
        `${isSmoke ? 1 : ROUNDS} rounds (lowest to highest).` +
        (isSmoke ? ' A smoke run measures nothing.' : ''),
    );
    const product = await openProduct(await databases.fresh(), { worker: false });
    try {
      tell(report, await measure(product, report, isSmoke));
    } finally {
      await product.close();
    }
  } finally {
    await databases.stop();
  }
  if (!isSmoke) keep(report);
  return 0;
}

async function measure(product: Product, report: Report, isSmoke: boolean): Promise<Seen> {
  const plans = plansOf(isSmoke);
  const seen = new Map<Plan, Measured[]>(plans.map((plan) => [plan, []]));
  // Not measured: the code is compiled, the connections are there.
  for (const { plan } of plans.slice(0, 2)) await measurePlan(product, plan);
  for (let round = 0; round < (isSmoke ? 1 : ROUNDS); round += 1) {
    const turn = round % plans.length;
    for (const one of [...plans.slice(turn), ...plans.slice(0, turn)]) {
      const measured = await measurePlan(product, one.plan);
      if (measured.seats !== one.seats) throw new Error(`${one.name} shows ${measured.seats}`);
      seen.get(one)?.push(measured);
    }
    report.progress(`round ${round + 1} done`);
  }
  return seen;
}

/** The stadium is real input, which is not part of the project. */
function plansOf(isSmoke: boolean): Plan[] {
  const plans = (isSmoke ? SMOKE_SIZES : SIZES).map((seats) => ({
    name: `${seats.toLocaleString('en')} seats`,
    ...{ seats, plan: bowlPlan(seats) },
  }));
  const data = process.env['FANFARE_REAL_DATA'] ?? join(projectRoot, '..', 'shared', 'data');
  if (isSmoke || !existsSync(join(data, 'metalist-stadium-kharkiv'))) return plans;
  const stadium = readStadium(data);
  const plan = stadiumPlan(stadium, 'football');
  return [...plans, { name: 'the stadium', seats: stadium.totalSeats, plan }];
}

function tell(report: Report, seen: Seen): void {
  const rows = [...seen].map(([{ name, seats }, all]) => {
    const ms = (of: (one: Measured) => number) => spreadOf(all.map(of));
    const imported = ms(({ importMs }) => importMs);
    const created = ms(({ createMs }) => createMs);
    return [
      name,
      spreadText(imported),
      short((1_000 * imported.median) / seats),
      spreadText(ms(({ importStallMs }) => importStallMs)),
      spreadText(created),
      short((1_000 * created.median) / seats),
      spreadText(ms(({ createStallMs }) => createStallMs)),
      spreadText(ms(({ createAgainMs }) => createAgainMs)),
    ];
  });
  report.section(
    'cost',
    'a floor plan taken, and events made in it; a stall is the longest of each',
  );
  report.table(
    [
      ...['', 'import ms', 'µs a seat', 'stall ms', 'first event ms', 'µs a seat', 'stall ms'],
      'next event ms',
    ],
    rows,
  );
  report.section('map', 'the seat map on the wire, and the first time that it is asked for');
  report.table(
    ['', 'br bytes', 'gzip bytes', 'plain bytes', 'br bytes a seat', 'first ms'],
    [...seen].map(([{ name, seats }, all]) => {
      const { br, gzip, identity } = present(all[0], 'a round').mapBytes;
      const drawn = spreadOf(all.map(({ mapMs }) => mapMs));
      return [name, ...[br, gzip, identity, br / seats].map(short), spreadText(drawn)];
    }),
  );
  report.note('rounds', Object.fromEntries([...seen].map(([{ name }, all]) => [name, all])));
  figures(report, seen);
}

/** The bars are those of the stadium; where it is not there, of the bowl of its size. */
function figures(report: Report, seen: Seen): void {
  const [plan, all] = present(
    [...seen].find(([{ name }]) => name === 'the stadium') ??
      [...seen].find(([{ seats }]) => seats === 40_000) ??
      [...seen].at(-1),
    'a plan',
  );
  const figure = (says: string, of: (one: Measured) => number, atMost: number | null) =>
    report.figure({
      says,
      bar: atMost === null ? null : { atMost },
      value: spreadOf(all.map(of)),
    });
  report.section('figures', `of ${plan.name}, unless they say otherwise`);
  figure('import, ms', ({ importMs }) => importMs, IMPORT_MAX_MS);
  figure('first event, ms', ({ createMs }) => createMs, CREATE_MAX_MS);
  figure('seat map, bytes as br', ({ mapBytes }) => mapBytes.br, MAP_MAX_BYTES);
  figure('seat map, bytes as gzip', ({ mapBytes }) => mapBytes.gzip, MAP_MAX_BYTES);
  figure('longest stall of an import, ms', ({ importStallMs }) => importStallMs, null);
  const growth = (of: (one: Measured) => number) => {
    const costs = [...seen].map(([{ seats }, each]) => spreadOf(each.map(of)).median / seats);
    return Math.max(...costs) / Math.min(...costs);
  };
  report.figure({
    says: 'import: most ÷ least cost of a seat over all sizes',
    ...{ bar: null, value: growth(({ importMs }) => importMs) },
  });
  report.figure({
    says: 'first event: most ÷ least cost of a seat over all sizes',
    ...{ bar: null, value: growth(({ createMs }) => createMs) },
  });
}

function keep(report: Report): void {
  const results = join(projectRoot, 'bench', 'results');
  mkdirSync(results, { recursive: true });
  const name = `venues-table-${new Date().toISOString().slice(0, 10)}`;
  writeFileSync(join(results, `${name}.txt`), report.text());
  writeFileSync(join(results, `${name}.json`), `${JSON.stringify(report.json(), null, 1)}\n`);
  console.log(`kept as bench/results/${name}.txt and .json`);
}
