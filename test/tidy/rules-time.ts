/** Time, chance and the environment come in through the kernel, or no test can hold them still. */

import { type SqlUnit, sqlUnits } from './scan-sql.ts';
import { scanOf } from './scan-ts.ts';
import {
  type Finding,
  findingsOf,
  isScript,
  isServer,
  isTest,
  lineAt,
  type Rule,
  type SourceFile,
  zoneOf,
} from './source.ts';

const CHANCE =
  /\bDate\s*\.\s*now\b|\bnew\s+Date\b(?:\s*\(\s*\)|(?!\s*\(|\w))|(?<!\bnew\s+)(?<![.\w$])Date\s*\(|\bTemporal\s*\.\s*Now\b|\bMath\s*\.\s*random\b|\b(?:randomUUID|randomBytes|randomInt|randomFill|randomFillSync|getRandomValues)\b/g;

const isCli = (path: string) => path.startsWith('server/cli/');

/** The files of the server for which `exempt` does not hold; tests are free. */
function serverScripts(
  files: readonly SourceFile[],
  exempt: (path: string) => boolean,
): readonly SourceFile[] {
  return files.filter(
    ({ path }) => isScript(path) && isServer(path) && !isTest(path) && !exempt(path),
  );
}

export const chance: Rule = {
  name: 'chance',
  why: 'the clock of a process decides nothing, and a seeded run must repeat: both come in ctx',
  check: (files) =>
    serverScripts(
      files,
      (path) => isCli(path) || zoneOf(path) === 'kernel' || zoneOf(path) === 'adapters',
    ).flatMap((file) =>
      findingsOf(file, scanOf(file).code, CHANCE, 'chance', ([text]) => {
        return `${text.trim()} outside the kernel: take time and chance from ctx`;
      }),
    ),
};

const ENVIRONMENT = /\bprocess\s*(?:\??\.\s*env\b|\[)|\{[^}]*\benv\b[^}]*\}\s*=\s*process\b/g;
const ENVIRONMENT_IMPORT = /\bimport\s*\{[^}]*\benv\b[^}]*\}\s*from\s*'/g;

export const environment: Rule = {
  name: 'environment',
  why: 'every setting has a type, a default and a sentence in one place: server/kernel/config.ts',
  check: (files) =>
    [...serverScripts(files, (path) => path === 'server/kernel/config.ts'), ...webScripts(files)]
      .map((file) => ({ file, code: scanOf(file).code }))
      .flatMap(({ file, code }) => [
        ...findingsOf(file, code, ENVIRONMENT, 'environment', () => 'read the config instead'),
        ...findingsOf(
          file,
          code,
          ENVIRONMENT_IMPORT,
          'environment',
          () => 'read the config instead',
        ),
      ]),
};

function webScripts(files: readonly SourceFile[]): readonly SourceFile[] {
  return files.filter(({ path }) => isScript(path) && zoneOf(path) === 'web' && !isTest(path));
}

export const consoles: Rule = {
  name: 'console',
  why: 'a line that is logged carries its request and its level: use ctx.log; only commands print',
  check: (files) =>
    [...serverScripts(files, isCli), ...webScripts(files)].flatMap((file) =>
      findingsOf(file, scanOf(file).code, /\bconsole\s*\??[.[]/g, 'console', () => 'use ctx.log'),
    ),
};

const START_OF_TRANSACTION =
  /\b(?:(?:now|transaction_timestamp|statement_timestamp)\s*\(\s*\)|current_timestamp\b|current_date\b|current_time\b|localtimestamp\b|localtime\b)/g;

export const sqlTime: Rule = {
  name: 'sql-time',
  why: 'now() is the start of the transaction, before its locks: too early to decide anything',
  check: (files) =>
    files
      .flatMap((file) => sqlUnits(file))
      .filter(({ file }) => zoneOf(file.path) !== 'kernel')
      .flatMap((unit) => [
        ...matches(unit, START_OF_TRANSACTION).map((match) =>
          complain(unit, match, 'sql-time', `${match[0]}: use kernel.instant($now)`),
        ),
        ...matches(unit, /\bclock_timestamp\s*\(/g)
          .filter((match) => !mayReadWallClock(unit, match.index))
          .map((match) => complain(unit, match, 'sql-time', 'use kernel.instant($now)')),
      ]),
};

/** In a migration: a column's default, and the body of a function of the kernel. */
function mayReadWallClock({ kind, scan }: SqlUnit, at: number): boolean {
  if (kind !== 'migration') return false;
  const before = scan.code.slice(0, at);
  if (/\bdefault\s+$/.test(before)) return true;
  return /^create\s+(?:or\s+replace\s+)?function\s+kernel\./.test(
    before.slice(Math.max(0, before.lastIndexOf('create '))),
  );
}

/**
 * `select * into v_row` fills a variable of the table's own row type: there a list of columns is
 * the fragile form, since it is matched by position.
 */
const ALL_COLUMNS =
  /\b(?:select\s+(?:distinct\s+|all\s+)?|returning\s+)(?:[a-z_]\w*\s*\.\s*)?\*(?!\s+into\s+(?:strict\s+)?\w+\s)/g;

export const columns: Rule = {
  name: 'columns',
  why: 'a column added later must not reach code that never asked for it',
  check: (files) =>
    files
      .flatMap((file) => sqlUnits(file))
      .flatMap((unit) =>
        matches(unit, ALL_COLUMNS).map((match) =>
          complain(unit, match, 'columns', 'name the columns instead of *'),
        ),
      ),
};

function matches(unit: SqlUnit, pattern: RegExp): RegExpExecArray[] {
  return [...unit.scan.code.matchAll(pattern)];
}

function complain(
  { file, offset }: SqlUnit,
  match: RegExpExecArray,
  rule: string,
  message: string,
): Finding {
  return { path: file.path, line: lineAt(file, offset + match.index), rule, message };
}
