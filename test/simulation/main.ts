/** `npm run sim -- …`: what was asked for, run, told, and kept where a file was named. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { type Demand, printCounters } from './counters.ts';
import { type CrashReport, crashLoop } from './crash.ts';
import { runCrashChild } from './crash-child.ts';
import { type Cluster, startCluster } from './database.ts';
import { type Killed, killLoop } from './kill.ts';
import { runPlanted } from './planted.ts';
import { type SimulationReport, simulate } from './simulate.ts';
import type { Found } from './world.ts';

const FULL_OPERATIONS = 1_000_000;
const TOLD_MAX = 5;

const USAGE = `npm run sim -- [--seed S] [--ops N] [--demand full|smoke|none] [--report FILE]
npm run sim -- --kill server|postgres [--rounds N] [--seed S] [--report FILE]
npm run sim -- --planted NAME|smoke|quick|all [--seed S] [--report FILE]
npm run sim -- --crash [--report FILE]
  --seed S       the same seed tries the same things (default: 1)
  --ops N        how many operations (default: 20000)
  --minutes N    ends after so many minutes, whatever is left
  --clients N    how many operations are under way at once (default: 72)
  --step N       operations between two audits (default: 100)
  --demand D     which states must have been reached: each ${100} times (full, the default from a
                 million operations on), the frequent ones once (smoke), or none
  --kill WHAT    kills the server, or PostgreSQL, in a storm of holds, and looks what is left
  --rounds N     how often (default: 20)
  --crash        dies once at each step of a checkout, and looks whether it ends well
  --planted NAME runs once for each planted bug whose name contains NAME (all: for every one,
                 quick: without the slow ones, smoke: those of the tests)
  --report FILE  keeps the report there as JSON, and beside it as text`;

const OPTIONS = {
  seed: { type: 'string', default: '1' },
  ops: { type: 'string', default: '20000' },
  step: { type: 'string', default: '100' },
  clients: { type: 'string', default: '72' },
  demand: { type: 'string' },
  kill: { type: 'string' },
  crash: { type: 'boolean', default: false },
  'crash-child': { type: 'string' },
  planted: { type: 'string' },
  rounds: { type: 'string', default: '20' },
  minutes: { type: 'string' },
  report: { type: 'string' },
} as const;

export type Say = (line: string) => void;

type Arguments = {
  readonly seed: number;
  readonly operations: number;
  readonly step: number;
  readonly clients: number;
  readonly demand: Demand;
  readonly kill: Killed | null;
  readonly crash: boolean;
  /** The database of a server that dies where it is told to. */
  readonly crashChild: string | null;
  readonly rounds: number;
  /** When it ends, whatever is left. */
  readonly untilMs: number | undefined;
  readonly planted: string | null;
  readonly report: string | undefined;
};

class WrongUse extends Error {
  override readonly name = 'WrongUse';
}

function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const operations = whole('ops', values.ops);
  const byDefault = operations >= FULL_OPERATIONS ? 'full' : 'smoke';
  return {
    seed: whole('seed', values.seed),
    operations,
    step: whole('step', values.step),
    clients: whole('clients', values.clients),
    demand: demandOf(values.demand ?? byDefault),
    kill: values.kill === undefined ? null : killedOf(values.kill),
    crash: values.crash,
    crashChild: values['crash-child'] ?? null,
    rounds: whole('rounds', values.rounds),
    untilMs:
      values.minutes === undefined
        ? undefined
        : Date.now() + whole('minutes', values.minutes) * 60_000,
    planted: values.planted ?? null,
    report: values.report,
  };
}

function killedOf(text: string): Killed {
  if (text === 'server' || text === 'postgres') return text;
  throw new WrongUse('--kill must be server or postgres');
}

function whole(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new WrongUse(`--${name} must be a whole number`);
  return Number(text);
}

function demandOf(text: string): Demand {
  if (text === 'full' || text === 'smoke' || text === 'none') return text;
  throw new WrongUse('--demand must be full, smoke or none');
}

/** Resolves to the exit code: 0 nothing found, 1 a violation or a state not reached, 2 usage. */
export async function main(args: readonly string[], say: Say): Promise<number> {
  let given: Arguments;
  try {
    given = readArguments(args);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    say(USAGE);
    return 2;
  }
  if (given.crashChild !== null) return runCrashChild(given.crashChild);
  const cluster = await startCluster();
  try {
    if (given.crash) return await runCrashes(given, cluster, say);
    if (given.planted !== null) return await runAllPlanted(given, given.planted, cluster, say);
    if (given.kill !== null) return await runKillLoop(given, given.kill, cluster, say);
    return await runSimulation(given, cluster, say);
  } finally {
    await cluster.stop();
  }
}

async function runSimulation(given: Arguments, cluster: Cluster, say: Say): Promise<number> {
  const { seed, operations, step, clients } = given;
  say(`Simulation with seed ${seed}: ${operations} operations, an audit after every ${step}`);
  const databaseUrl = await cluster.makeDatabase('simulation');
  const report = await simulate({
    seed,
    operations,
    step,
    concurrency: clients,
    databaseUrl,
    locals: 2,
    children: 1,
    say,
    ...(given.untilMs === undefined ? {} : { untilMs: given.untilMs }),
  });
  const text = textOf(report, given.demand);
  for (const line of text) say(line);
  if (given.report !== undefined) keep(given.report, report, text);
  return report.violations.length + report.missing(given.demand).length > 0 ? 1 : 0;
}

async function runKillLoop(
  { seed, rounds, untilMs, demand, report: file }: Arguments,
  killed: Killed,
  cluster: Cluster,
  say: Say,
): Promise<number> {
  say(`kill -9 of ${killed}, ${rounds} times in a storm, with seed ${seed}`);
  const databaseUrl = await cluster.makeDatabase('simulation');
  const report = await killLoop({
    ...{ seed, rounds, killed, cluster, databaseUrl, say },
    ...(untilMs === undefined ? {} : { untilMs }),
  });
  const { min, median, max } = report.recoveryMs;
  const text = [
    '',
    `kill -9 of ${killed}, seed ${seed}: ${report.rounds} of ${rounds} rounds; ${machine()}`,
    `${report.acknowledged} requests acknowledged of ${report.operations} operations in ` +
      `${report.seconds.toFixed(1)} s, ${report.answersLost} answers lost, ` +
      `${report.eventsAudited} events audited whole`,
    `recovery ${min} ms, median ${median} ms, at most ${max} ms; ` +
      `${report.late} of ${report.rounds} rounds above ${report.recoveryMaxMs} ms`,
    ...told(report.violations),
    report.violations.length > 0
      ? `${report.violations.length} violations`
      : `0 acknowledged requests lost, 0 oversold: below ${bound(report.acknowledged)} each (95 %).`,
  ];
  for (const line of text) say(line);
  if (file !== undefined) keep(file, report, text);
  const late = demand === 'none' ? 0 : report.late;
  return report.violations.length + late > 0 ? 1 : 0;
}

async function runCrashes(
  { report: file }: Arguments,
  cluster: Cluster,
  say: Say,
): Promise<number> {
  say('kill -9 of a server at each step of a checkout');
  const databaseUrl = await cluster.makeDatabase('simulation');
  const report: CrashReport = await crashLoop({ databaseUrl, say });
  const text = [
    '',
    `${report.crashes.length} deaths in ${report.seconds.toFixed(1)} s; ${machine()}`,
    ...report.violations,
    `${report.violations.length} violations`,
  ];
  for (const line of text) say(line);
  if (file !== undefined) keep(file, report, text);
  return report.violations.length > 0 ? 1 : 0;
}

async function runAllPlanted(
  { seed, report }: Arguments,
  planted: string,
  cluster: Cluster,
  say: Say,
): Promise<number> {
  const lines: string[] = [];
  const hear = (line: string) => {
    lines.push(line);
    say(line);
  };
  hear(`Planted bugs, each with seed ${seed}`);
  const some: Readonly<Record<string, object>> = {
    all: {},
    quick: { only: 'quick' },
    smoke: { only: 'smoke' },
  };
  const wanted = some[planted] ?? { wanted: planted };
  const results = await runPlanted(cluster, { seed, ...wanted, say: hear });
  const caught = results.filter((result) => result.caught !== null).length;
  hear(`${caught} of ${results.length} caught`);
  if (report !== undefined) keep(report, results, lines);
  return caught === results.length && caught > 0 ? 0 : 1;
}

const machine = () => `${cpus().length} processors, Node ${process.versions.node}`;

const bound = (trials: number) => (3 / trials).toExponential(1);

const told = (violations: readonly Found[]) =>
  violations
    .slice(0, TOLD_MAX)
    .flatMap((violation) => [
      `${violation.check} at step ${violation.step}, event ${violation.eventId}, ` +
        `${violation.objectId}: ${violation.detail}`,
      ...violation.rows.map((row) => `    ${JSON.stringify(row)}`),
    ]);

function textOf(report: SimulationReport, demand: Demand): readonly string[] {
  const missing = report.missing(demand);
  const { violations } = report;
  return [
    '',
    `seed ${report.seed}, plan ${report.planDigest}, ${report.operations} operations in ` +
      `${report.seconds.toFixed(1)} s (${report.operationsPerSecond}/s), ${report.steps} steps, ` +
      `${report.eventsAudited} events audited whole, at most ${report.memoryMaxMb} MB; ${machine()}`,
    ...(report.operations < report.wanted ? [`Ended early: ${report.wanted} were wanted`] : []),
    '',
    'Answers',
    ...Object.entries(report.answers).map(([name, n]) => `  ${String(n).padStart(9)} ${name}`),
    '',
    'States reached',
    ...printCounters(report.counters),
    '',
    ...(missing.length > 0 ? [`Not reached often enough (${demand}): ${missing.join(', ')}`] : []),
    ...told(violations),
    violations.length > 0
      ? `${violations.length} violations; again with: npm run sim -- --seed ${report.seed} ` +
        `--ops ${report.operations}`
      : `No violation in ${report.operations} operations: below ${bound(report.operations)} each (95 %).`,
  ];
}

/** FILE as JSON, and the same name with .txt as text. */
function keep(file: string, report: object, text: readonly string[]): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(`${file.replace(/\.json$/, '')}.txt`, `${text.join('\n')}\n`);
}
