/** Runs the simulation for each planted bug, on a database that has it, and looks who finds it. */
import { functionFiles } from '../../server/kernel/functions.ts';
import { type Cluster, onDatabase } from './database.ts';
import { killLoop } from './kill.ts';
import type { Plant } from './planting.ts';
import { plants } from './plants.ts';
import { simulate } from './simulate.ts';
import type { Found } from './world.ts';

const OPERATIONS_MAX = 8_000;
const KILLS_MAX = 10;

export type PlantedResult = {
  readonly name: string;
  readonly caughtBy: readonly string[];
  /** What found it first; null where nothing did, or another check than those that must. */
  readonly caught: { readonly check: string; readonly detail: string } | null;
  readonly operations: number;
  readonly seconds: number;
  /** What else was found, or went wrong. */
  readonly instead: string | null;
};

/** Those whose name contains the text, or all. */
export async function runPlanted(
  cluster: Cluster,
  options: {
    readonly seed: number;
    readonly wanted?: string;
    /** Without those that take long; or only those of the tests. */
    readonly only?: 'quick' | 'smoke';
    readonly say: (line: string) => void;
  },
): Promise<readonly PlantedResult[]> {
  const results: PlantedResult[] = [];
  for (const [n, plant] of plants.entries()) {
    if (options.wanted !== undefined && !plant.name.includes(options.wanted)) continue;
    if (options.only === 'quick' && plant.slow) continue;
    if (options.only === 'smoke' && !plant.smoke) continue;
    const result = await runOne(cluster, plant, `planted_${n}`, options.seed);
    results.push(result);
    const { name, caught, instead, operations, seconds } = result;
    const by = caught
      ? `${caught.check}: ${caught.detail}`
      : `NOT CAUGHT${instead ? `: ${instead}` : ''}`;
    options.say(`  ${name}: ${by} (${operations} operations, ${seconds.toFixed(1)} s)`);
  }
  return results;
}

async function runOne(
  cluster: Cluster,
  plant: Plant,
  database: string,
  seed: number,
): Promise<PlantedResult> {
  const { name, caughtBy, changes = [] } = plant;
  checkChanges(plant);
  const databaseUrl = await cluster.makeDatabase(database, ({ path, text }) =>
    changes
      .filter(({ file }) => file.test(path))
      .reduce((changed, { find, put }) => replaceAll(changed, find, put), text),
  );
  await onDatabase(databaseUrl, plant.statements ?? []);
  const startedAtMs = performance.now();
  const { violations, operations } = await (plant.killed
    ? killed(cluster, databaseUrl, database, seed)
    : simulate({
        seed,
        operations: OPERATIONS_MAX,
        databaseUrl,
        locals: 2,
        children: 0,
        slots: 4,
        concurrency: 48,
        faults: 'none',
        ...(plant.override ? { change: plant.override } : {}),
        ...plant.run,
      }));
  await cluster.dropDatabase(database);
  const caught = violations.find(({ check }) => caughtBy.includes(check)) ?? null;
  return {
    name,
    caughtBy,
    caught: caught && { check: caught.check, detail: caught.detail },
    operations,
    seconds: (performance.now() - startedAtMs) / 1_000,
    instead: insteadOf(violations),
  };
}

/** A commit that does not wait loses what was acknowledged, once the server is killed. */
function killed(cluster: Cluster, databaseUrl: string, database: string, seed: number) {
  return killLoop({
    killed: 'postgres',
    seed,
    rounds: KILLS_MAX,
    cluster,
    databaseUrl,
    afterStart: () =>
      onDatabase(databaseUrl, [
        `alter database ${database} set synchronous_commit = off`,
        `select pg_terminate_backend(a.pid) from pg_stat_activity a
         where a.datname = current_database() and a.pid <> pg_backend_pid()`,
      ]),
  });
}

function insteadOf(violations: readonly Found[]): string | null {
  const [first] = violations;
  return first ? `${first.check}: ${first.detail}` : null;
}

/** Each change must find its text: a bug that was not planted cannot be caught. */
export function checkChanges({ name, changes = [] }: Plant): void {
  for (const { file, find, put } of changes) {
    const found = functionFiles()
      .filter(({ path }) => file.test(path))
      .some(({ text }) => replaceAll(text, find, put) !== text);
    if (!found) throw new Error(`"${name}": the text to change is not there any more: ${find}`);
  }
}

/** Every place where it stands. */
function replaceAll(text: string, find: string | RegExp, put: string): string {
  const pattern = typeof find === 'string' ? find : new RegExp(find.source, `${find.flags}g`);
  return text.replaceAll(pattern, put);
}
