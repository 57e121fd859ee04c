/** Numbers that keep a file one answer to one question, and a room one room. */
import { callerOf, functionsOf } from './brackets.ts';
import { sqlScanOf } from './scan-sql.ts';
import { scanOf } from './scan-ts.ts';
import {
  type Finding,
  isScript,
  isSql,
  isTest,
  lineAt,
  type Rule,
  roomOf,
  type SourceFile,
  startsOf,
} from './source.ts';

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const SQL_FUNCTION_LINES_MAX = 150;
const ROOM_FILES_MAX = 25;
const LINE_COLUMNS_MAX = 100;

export const fileSize: Rule = {
  name: 'file-size',
  why: 'every long-lived shop has one order file that swallowed the rest; ours must be impossible',
  check: (files) =>
    files.flatMap((file) => {
      const lines = lineAt(file, Math.max(0, file.text.length - 1));
      if (lines <= FILE_LINES_MAX) return [];
      const message = `${lines} lines, at most ${FILE_LINES_MAX}`;
      return [{ path: file.path, line: FILE_LINES_MAX + 1, rule: 'file-size', message }];
    }),
};

export const functionSize: Rule = {
  name: 'function-size',
  why: 'a function that does not fit on a screen is not read to its end',
  check: (files) =>
    files.flatMap((file) => {
      if (isSql(file.path)) return sqlFunctions(file);
      return isScript(file.path) ? scriptFunctions(file) : [];
    }),
};

function scriptFunctions(file: SourceFile): Finding[] {
  if (lineAt(file, file.text.length) <= FUNCTION_LINES_MAX) return [];
  return functionsOf(file)
    .filter(({ start, end }) => end - start >= FUNCTION_LINES_MAX)
    .filter(({ start, end }) => lineAt(file, end) - lineAt(file, start) >= FUNCTION_LINES_MAX)
    .filter(({ start }) => {
      // A group of tests is a chapter, not a function.
      return !isTest(file.path) || !/^describe\b/.test(callerOf(file, start));
    })
    .map(({ start, end }) => tooLong(file, start, end, FUNCTION_LINES_MAX));
}

const CREATE_FUNCTION = /\bcreate\s+(?:or\s+replace\s+)?(?:function|procedure)\b/g;

/** A body between dollar quotes, or `begin atomic … end`, or one `return` up to its semicolon. */
function sqlFunctions(file: SourceFile): Finding[] {
  const { code, bodies } = sqlScanOf(file);
  return [...code.matchAll(CREATE_FUNCTION)].flatMap(({ index: start }) => {
    const semicolon = code.indexOf(';', start);
    const body = bodies.find((one) => one.start > start && one.start < semicolon);
    const atomic = /\bbegin\s+atomic\b/.test(code.slice(start, semicolon));
    const end = body?.end ?? (atomic ? code.indexOf('\nend', start) : semicolon);
    const last = end < 0 ? code.length : end;
    const lines = lineAt(file, last) - lineAt(file, start) + 1;
    return lines > SQL_FUNCTION_LINES_MAX
      ? [tooLong(file, start, last, SQL_FUNCTION_LINES_MAX)]
      : [];
  });
}

function tooLong(file: SourceFile, start: number, end: number, max: number): Finding {
  const line = lineAt(file, start);
  const lines = lineAt(file, end) - line + 1;
  const message = `a function of ${lines} lines, at most ${max}`;
  return { path: file.path, line, rule: 'function-size', message };
}

export const roomSize: Rule = {
  name: 'room-size',
  why: 'a room of more files than that is two rooms',
  check: (files) => {
    const count = new Map<string, number>();
    for (const { path } of files) {
      const room = roomOf(path);
      if (room && !isTest(path)) count.set(room, (count.get(room) ?? 0) + 1);
    }
    return [...count]
      .filter(([, number]) => number > ROOM_FILES_MAX)
      .map(([room, number]) => ({
        path: `server/modules/${room}`,
        line: 1,
        rule: 'room-size',
        message: `${number} files, at most ${ROOM_FILES_MAX}`,
      }));
  },
};

export const lineWidth: Rule = {
  name: 'line-width',
  why: 'two files side by side on one screen',
  check: (files) =>
    files
      .filter(({ path }) => isScript(path) || path.endsWith('.fn.sql'))
      .flatMap((file) =>
        wideLines(file).flatMap((line) => {
          const text = file.text.slice(startsOf(file)[line - 1], startsOf(file)[line]).trimEnd();
          const columns = [...text].length;
          if (columns <= LINE_COLUMNS_MAX || mayBeWide(file, text, line)) return [];
          const message = `${columns} columns, at most ${LINE_COLUMNS_MAX}`;
          return [{ path: file.path, line, rule: 'line-width', message }];
        }),
      ),
};

/** Lines too long in units of UTF-16, of which a column may have two. */
function wideLines(file: SourceFile): number[] {
  const starts = startsOf(file);
  return starts.flatMap((start, index) => {
    const length = (starts[index + 1] ?? file.text.length) - start;
    return length > LINE_COLUMNS_MAX ? [index + 1] : [];
  });
}

/** What no formatter can break: addresses, one string or pattern alone, templates, test titles. */
function mayBeWide(file: SourceFile, text: string, line: number): boolean {
  if (text.includes('://') || /^\s*(['"]).*\1(?:\.\w+\()?[),;\]}]*$/.test(text)) return true;
  if (/^\s*\/.*\/[dgimsuvy]*[),;\]}]*$/.test(text) && !/^\s*\/[/*]/.test(text)) return true;
  if (isTest(file.path) && /^\s*(?:it|test|describe)\b/.test(text)) return true;
  return scanOf(file).literals.some(
    ({ kind, start, end }) =>
      kind === 'template' && lineAt(file, start) <= line && line <= lineAt(file, end),
  );
}
