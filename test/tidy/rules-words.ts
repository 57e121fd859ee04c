/** What a file may say: imports of pure rules, casts, leftovers, names, and the word "event". */
import { bracketsOf } from './brackets.ts';
import { importsOf } from './imports.ts';
import { sqlScanOf } from './scan-sql.ts';
import { scanOf } from './scan-ts.ts';
import {
  type Finding,
  fileName,
  findingsOf,
  isScript,
  isServer,
  isSql,
  isTest,
  lineAt,
  type Rule,
  roomOf,
  type SourceFile,
  zoneOf,
} from './source.ts';

const PURE_KERNEL = /^server\/kernel\/(?:result|money|time|ids)\.ts$/;

export const purity: Rule = {
  name: 'purity',
  why: 'rules are values in, value out: tested by tables, without a database, a clock or a mock',
  check: (files) =>
    files
      .filter(({ path }) => /\/rules(?:-[\w-]+)?\.ts$/.test(path) && roomOf(path))
      .flatMap((file) =>
        importsOf(file).flatMap(({ kind, specifier, target, start }) => {
          if (kind === 'type' || /^\.\/rules(?:-[\w-]+)?\.ts$/.test(specifier)) return [];
          if (target && PURE_KERNEL.test(target)) return [];
          const message = `rules import rules, types and kernel/{result,money,time,ids} only, not ${specifier}`;
          return [{ path: file.path, line: lineAt(file, start), rule: 'purity', message }];
        }),
      ),
};

const ANY = /\bany\b(?<=(?:[:<|&,([=>]|\b(?:as|extends|keyof|readonly))\s*any)(?!\s*[(:.])/g;
const CAST = /\bas\s+(?!const\b)(?:[\w$({['"`<]|[|&](?![|&]))/g;
const NOT_NULL = /[\w$)\]]!(?!=)/g;
/** `import { a as b }`, `export * as c`: names, not casts. */
const RENAMES =
  /\b(?:import|export)\s+(?:type\s+)?(?:[\w$]+\s*,\s*)?(?:\*\s+as\s+[\w$]+|\{[^}]*\})/g;
/** The renamed key of a mapped type: `[K in keyof T as …]`. */
const KEYS = /\[\s*[\w$]+\s+in\s/g;

export const casts: Rule = {
  name: 'casts',
  why: 'whoever overrules the compiler says, in a comment there, why it is true',
  check: (files) =>
    files
      .filter(({ path }) => /\.[cm]?tsx?$/.test(path) && !isTest(path))
      .flatMap((file) => {
        const { code } = scanOf(file);
        const any = findingsOf(file, code, ANY, 'casts', () => 'any: name the type, or unknown');
        const silent = [...castsIn(file), ...code.matchAll(NOT_NULL)].map((match) => ({
          path: file.path,
          line: lineAt(file, match.index),
          rule: 'casts',
          message: 'a cast or ! needs a comment that says why it is true',
        }));
        const byLine = new Map(silent.map((finding) => [finding.line, finding]));
        const reasoned = reasonsIn(file);
        return [...any, ...[...byLine.values()].filter(({ line }) => !reasoned(line))];
      }),
};

function castsIn(file: SourceFile): RegExpExecArray[] {
  const { code } = scanOf(file);
  const found = [...code.matchAll(CAST)];
  if (found.length === 0) return [];
  const { closeOf } = bracketsOf(scanOf(file));
  const names = [
    ...[...code.matchAll(RENAMES)].map(({ 0: text, index }) => [index, index + text.length]),
    ...[...code.matchAll(KEYS)].map(({ index }) => [index, closeOf[index] || index]),
  ];
  return found.filter(
    ({ index }) => !names.some(([start = 0, end = 0]) => start < index && index < end),
  );
}

/** Lines above the cast that may belong to the same statement, until its comment. */
const STATEMENT_LINES_MAX = 8;

/** Whether a comment stands on the line, or right above the statement that the line is part of. */
function reasonsIn(file: SourceFile): (line: number) => boolean {
  const scan = scanOf(file);
  const commented = new Set<number>();
  for (const { start, end } of scan.comments) {
    for (let line = lineAt(file, start); line <= lineAt(file, end); line++) commented.add(line);
  }
  const lines = scan.code.split('\n');
  return (line) => {
    if (commented.has(line)) return true;
    for (let above = line - 1; above >= line - STATEMENT_LINES_MAX && above > 0; above--) {
      const code = (lines[above - 1] ?? '').trim();
      if (/^[{}]*$/.test(code.replaceAll(' ', ''))) return commented.has(above);
      if (/[;}]$/.test(code)) return false;
      if (commented.has(above)) return true;
    }
    return false;
  };
}

/** Only where a comment begins or a colon follows: XXX is also the code for "no currency". */
const UNFINISHED = /\b(?:TODO|FIXME|XXX(?=:))\b|(?<=^\W*)XXX\b/m;
const SINGLED_OUT = /\.\s*(?:only|skip|todo)\s*(?=[(.`])/g;

export const leftovers: Rule = {
  name: 'leftovers',
  why: 'what is not finished is not committed; what is skipped is forgotten',
  check: (files) =>
    files.flatMap((file) => {
      if (!isScript(file.path) && !isSql(file.path)) return [];
      const scan = isSql(file.path) ? sqlScanOf(file) : scanOf(file);
      const unfinished = scan.comments.flatMap(({ start, end }) => {
        const word = UNFINISHED.exec(file.text.slice(start, end));
        if (!word) return [];
        const line = lineAt(file, start + word.index);
        return [{ path: file.path, line, rule: 'leftovers', message: `${word[0]} was left` }];
      });
      if (isSql(file.path)) return unfinished;
      const say = ([text]: RegExpMatchArray) => `${text.trim()} was left`;
      const broken = findingsOf(file, scan.code, /(?<![.\w$])debugger\b/g, 'leftovers', say);
      const singled = isTest(file.path)
        ? findingsOf(file, scan.code, SINGLED_OUT, 'leftovers', say)
        : [];
      return [...unfinished, ...broken, ...singled];
    }),
};

/** As a statement of its own: what it answers goes nowhere. */
const UNHEARD = /(?<=^|[;{})])\s*await\s+(?:inTx|[\w$.]*\blanes\s*\.\s*(?:ask|turn))\b/g;

export const refusals: Rule = {
  name: 'refusals',
  why: 'what is refused was not done: "busy" that nobody looks at is work that is lost',
  check: (files) =>
    files
      .filter(({ path }) => isScript(path) && isServer(path) && !isTest(path))
      .flatMap((file) =>
        findingsOf(file, scanOf(file).code, UNHEARD, 'refusals', ([text]) => {
          return `${text.trim()}: look at its answer, or use kernel/not-now.ts`;
        }),
      ),
};

const PAGES = /^web\/.*(?:\/pages\/|-page\.tsx$|\/page\.tsx$)/;

export const defaultExports: Rule = {
  name: 'default-exports',
  why: 'a thing has one name everywhere, so a search finds all of its uses',
  check: (files) =>
    files
      .filter(({ path }) => isScript(path) && !/\.config\.[cm]?[jt]s$/.test(path))
      .filter(({ path }) => !PAGES.test(path))
      .flatMap((file) =>
        findingsOf(
          file,
          scanOf(file).code,
          /\bexport\s+default\b|\bexport\s*\{[^}]*\bas\s+default\b/g,
          'default-exports',
          () => 'export it by its name',
        ),
      ),
};

const KEBAB = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*$/;
const EMPTY_WORD = /(?:Manager|Service|Helper|Util)s?$/i;
const EXPORTED =
  /\bexport\s+(?:declare\s+|async\s+|abstract\s+|const\s+(?=enum\b))*(?:function\s*\*?|class|const|let|var|type|interface|enum)\s+([\w$]+)/g;
const EXPORT_LIST = /\bexport\s+(?:type\s+)?\{([^}]*)\}/g;

export const names: Rule = {
  name: 'names',
  why: 'Manager, Service, Helper and Util name nothing; files are found by guessing their names',
  check: (files) =>
    files.flatMap((file) => {
      const odd = file.path.split('/').filter((part) => !KEBAB.test(part));
      const empty = EMPTY_WORD.test(fileName(file.path).split('.')[0] ?? '');
      const spelled = [
        ...odd.map((part) => `${part} is not kebab-case`),
        ...(empty ? [`${fileName(file.path)} says nothing about what is in it`] : []),
      ].map((message) => ({ path: file.path, line: 1, rule: 'names', message }));
      return isScript(file.path) ? [...spelled, ...emptyExports(file)] : spelled;
    }),
};

function emptyExports(file: SourceFile): Finding[] {
  const { code } = scanOf(file);
  const finding = (name: string, at: number): Finding[] => {
    if (!EMPTY_WORD.test(name)) return [];
    const message = `${name}: name what it does`;
    return [{ path: file.path, line: lineAt(file, at), rule: 'names', message }];
  };
  return [
    ...[...code.matchAll(EXPORTED)].flatMap((match) => finding(match[1] ?? '', match.index)),
    ...[...code.matchAll(EXPORT_LIST)].flatMap((match) =>
      (match[1] ?? '')
        .split(',')
        .flatMap((item) => finding(/[\w$]*$/.exec(item.trim())?.[0] ?? '', match.index)),
    ),
  ];
}

export const messages: Rule = {
  name: 'messages',
  why: 'an event is what people attend; what rooms announce is a fact, written to the outbox',
  check: (files) =>
    files
      .filter(({ path }) => isScript(path) && zoneOf(path) === 'room' && !isTest(path))
      .flatMap((file) =>
        findingsOf(
          file,
          scanOf(file).code,
          /\bevent_?(?:bus|emitter)\b/gi,
          'messages',
          ([word]) => {
            return `${word}: rooms announce facts`;
          },
        ),
      ),
};

export const legible: Rule = {
  name: 'legible',
  why: 'a file that this test cannot read is a file that it does not check',
  check: (files) =>
    files.flatMap((file) => {
      const finding = (at: number, message: string): Finding[] => [
        { path: file.path, line: lineAt(file, at), rule: 'legible', message },
      ];
      if (isScript(file.path)) {
        const { broken } = bracketsOf(scanOf(file));
        return broken === null ? [] : finding(broken, 'brackets do not balance as tidy reads them');
      }
      if (!isSql(file.path)) return [];
      const { problem, code } = sqlScanOf(file);
      if (problem) return finding(problem.at, problem.what);
      if (!isServer(file.path)) return [];
      const quoted = [...file.text.matchAll(/\bas\s+'/gi)].find(
        ({ index }) => code.slice(index, index + 2) === 'as',
      );
      return quoted ? finding(quoted.index, 'write the body of a function between $$') : [];
    }),
};
