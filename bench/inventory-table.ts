/**
 * The inventory engine against the usual ways to hold tickets and against itself, in one run:
 * bench/README.md says what each section measures and how to read it. Arms take turns in blocks,
 * each block on a fresh event; after every block the books are checked, and one that is wrong ends
 * the run. Results are kept as text and JSON under bench/results/.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { present } from '../server/kernel/result.ts';
import { projectRoot } from '../server/kernel/root.ts';
import type { Bench } from './inventory/bench.ts';
import { openDatabases } from './inventory/databases.ts';
import { exitOnSignals } from './inventory/guard.ts';
import { parseOptions, USAGE, WrongOption } from './inventory/options.ts';
import { openRedis } from './inventory/redis.ts';
import { figureLine, openReport } from './inventory/report.ts';
import { chosen, sectionNames } from './inventory/sections.ts';
import { machineLine, type PostgresFacts, postgresFacts, syncMs } from './machine.ts';

export async function main(args: readonly string[] = []): Promise<number> {
  const options = optionsOr(args);
  if (options === null) return 2;
  exitOnSignals();
  const startedAt = performance.now();
  const databases = await openDatabases();
  const { client, folder } = databases;
  const redis = await openRedis(folder).catch(async (error: unknown) => {
    await databases.stop();
    throw error;
  });
  const report = openReport(false);
  const bench: Bench = { options, databases, redis, report, startedAt };
  try {
    const { rows } = await client.query<PostgresFacts>(postgresFacts);
    report.line(machineLine(present(rows[0], 'the facts of the server'), folder));
    report.line(
      'Everything runs on this one machine, so compare within the run: ratios, not absolutes.' +
        (options.smoke ? ' A smoke run measures nothing.' : ''),
    );
    for (const section of chosen(options.only)) {
      const sectionStartedAt = performance.now();
      report.section(section.name, section.title);
      await client.query('checkpoint');
      await section.run(bench);
      const took = (performance.now() - sectionStartedAt) / 1_000;
      report.progress(`${section.name} took ${took.toFixed(1)} s`);
    }
    report.line('');
    report.line(`fdatasync of 8 KB at the end ${syncMs(folder).toFixed(2)} ms`);
    summary(bench);
  } finally {
    await redis?.stop();
    await databases.stop();
  }
  report.line(`${((performance.now() - startedAt) / 60_000).toFixed(1)} minutes in all`);
  if (!options.smoke) keep(bench);
  return 0;
}

function optionsOr(args: readonly string[]) {
  try {
    return parseOptions(args, sectionNames);
  } catch (error) {
    if (!(error instanceof WrongOption)) throw error;
    console.error(`${error.message}\n\n${USAGE}`);
    return null;
  }
}

function summary({ report }: Bench): void {
  report.line('');
  report.line('== figures');
  for (const figure of report.figures) {
    if (figure.bar !== null) report.line(figureLine(figure));
  }
  const missed = report.figures.filter(({ isMet }) => isMet === false).length;
  const barred = report.figures.filter(({ bar }) => bar !== null).length;
  report.line(`${barred - missed} of ${barred} bars met`);
}

/** A part of a run never takes the place of a whole one. */
function keep({ options, report }: Bench): void {
  const results = join(projectRoot, 'bench', 'results');
  mkdirSync(results, { recursive: true });
  const date = new Date().toISOString().slice(0, 10);
  const part = options.only.length > 0 ? `-${options.only.join('-')}` : '';
  const scaled = options.scale === 1 ? '' : `-scale-${options.scale}`;
  const name = `inventory-table-${date}${part}${scaled}`;
  writeFileSync(join(results, `${name}.txt`), report.text());
  writeFileSync(join(results, `${name}.json`), `${JSON.stringify(report.json(), null, 1)}\n`);
  console.log(`kept as bench/results/${name}.txt and .json`);
}
