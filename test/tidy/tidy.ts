/**
 * The architecture, as a test. ARCHITECTURE.md describes the house; this keeps it: who may call
 * whom, where SQL stands and whose tables it touches, where time, chance and settings come from,
 * how long things get, what they are called. Everything here is a pure function of the files'
 * texts; only `readTree` looks at the disk. A rule and its reason stand together in `rules-*.ts`;
 * its planted fault stands in `planted-*.ts`, and a rule without one fails the test.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as arrows from './rules-arrows.ts';
import * as size from './rules-size.ts';
import * as sql from './rules-sql.ts';
import * as time from './rules-time.ts';
import * as words from './rules-words.ts';
import { sqlUnits } from './scan-sql.ts';
import { type Finding, isScript, isTest, type Rule, type SourceFile } from './source.ts';

export const rules: readonly Rule[] = [
  words.legible,
  arrows.arrows,
  arrows.layers,
  arrows.cycles,
  arrows.readablePaths,
  arrows.doors,
  arrows.flatRooms,
  sql.sqlPlace,
  sql.ownTables,
  sql.sqlCalls,
  sql.sqlReads,
  sql.views,
  sql.migrations,
  time.chance,
  time.environment,
  time.consoles,
  time.sqlTime,
  time.columns,
  size.fileSize,
  size.functionSize,
  size.roomSize,
  size.lineWidth,
  words.purity,
  words.casts,
  words.refusals,
  words.leftovers,
  words.defaultExports,
  words.names,
  words.messages,
];

/** Everything that `rules` have to say, by file and line. */
export function check(files: readonly SourceFile[]): Finding[] {
  return rules
    .flatMap((rule) => rule.check(files))
    .sort((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1));
}

/** `path:line rule: message`, one a line. */
export function print(findings: readonly Finding[]): string[] {
  return findings.map(({ path, line, rule, message }) => `${path}:${line} ${rule}: ${message}`);
}

/** What was looked at, for a test that must not be green because it saw nothing. */
export function seen(files: readonly SourceFile[]) {
  return {
    scripts: files.filter(({ path }) => isScript(path)).length,
    sqlFunctionFiles: files.filter(({ path }) => path.endsWith('.fn.sql')).length,
    roomImports: arrows.roomImports(files).length,
    statements: files.filter(({ path }) => !isTest(path)).flatMap((file) => sqlUnits(file)).length,
  };
}

const FOLDERS = ['bench', 'bin', 'db', 'server', 'test', 'tools', 'web'];
const NOT_OURS = new Set(['node_modules', 'dist', 'coverage']);

/** The sources under `root` (scripts and SQL), paths from there with `/`, in their order. */
export function readTree(root: string): SourceFile[] {
  const paths = [...filesIn(root, '', (name) => FOLDERS.includes(name))].sort();
  return paths.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

function* filesIn(
  root: string,
  folder: string,
  enters: (name: string) => boolean,
): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory() && enters(entry.name)) {
      yield* filesIn(root, path, (name) => !NOT_OURS.has(name) && !name.startsWith('.'));
    }
    if (entry.isFile() && /\.(?:[cm]?[jt]sx?|sql)$/.test(entry.name)) yield path;
  }
}
