/**
 * Seats as a table: `section,row,seat[,category,x,y]`, CSV with a header, as people export them from
 * a spreadsheet. One line is one seat; sections and rows follow each other in the order in which
 * they are first named.
 */
import { isUtf8 } from 'node:buffer';
import { ok, type Result, refused } from '../../kernel/result.ts';
import { type FloorPlan, floorPlan, type PlanFinding, SEATS_MAX } from './floor-plan.ts';
import type { ReadPlan, UnreadablePlan } from './pretix.ts';
import { survey } from './survey.ts';

const COLUMNS = ['section', 'row', 'seat', 'category', 'x', 'y'] as const;
type Column = (typeof COLUMNS)[number];
const NEEDED: readonly Column[] = ['section', 'row', 'seat'];
/** Of seats whose file names none. */
const CATEGORY_DEFAULT = 'Standard';
const ISSUES_MAX = 100;

type Line = { readonly no: number; readonly cells: Readonly<Record<Column, string>> };

export function readManifest(bytes: Buffer): Result<ReadPlan, UnreadablePlan> {
  if (!isUtf8(bytes)) return unreadable([issue('', 'wrong_encoding', 'is not UTF-8')]);
  const rows = parseCsv(bytes.toString('utf8').replace(/^\ufeff/, ''));
  if (rows === null) return unreadable([issue('', 'malformed_csv', 'a quote is never closed')]);
  const [header, ...body] = rows;
  const columns = columnsOf(header?.cells ?? []);
  if (!columns) {
    const message = `the first line must name the columns: ${COLUMNS.join(',')}`;
    return unreadable([issue('line 1', 'malformed_header', message)]);
  }
  if (body.length > SEATS_MAX) {
    const message = `has ${body.length} seats, at most ${SEATS_MAX}`;
    return unreadable([issue('', 'too_many_seats', message)]);
  }
  const issues: ReturnType<typeof issue>[] = [];
  const lines = body.flatMap(({ no, cells }) => {
    const found = lineOf(no, cells, columns);
    if ('code' in found) {
      issues.push(found);
      return [];
    }
    return [found];
  });
  if (issues.length > 0) return unreadable(issues);
  return planOf(lines, columns);
}

type Problem = { readonly path: string; readonly code: string; readonly message: string };

const issue = (path: string, code: string, message: string): Problem => ({ path, code, message });

function unreadable(issues: readonly Problem[]): Result<never, UnreadablePlan> {
  return refused('plan_not_readable', { issues: issues.slice(0, ISSUES_MAX) });
}

type Row = { readonly no: number; readonly cells: readonly string[] };

/** Rows with the line each begins in; empty lines are passed over. Null for an open quote. */
function parseCsv(text: string): Row[] | null {
  const rows: Row[] = [];
  const CELL = /(?:"((?:[^"]|"")*)"|([^",\r\n;]*))(,|;|\r?\n|$)/y;
  let cells: string[] = [];
  let lineNo = 1;
  let startedIn = 1;
  for (;;) {
    const at = CELL.lastIndex;
    const found = CELL.exec(text);
    if (!found) return null;
    const [whole, quoted, plain = '', separator] = found;
    cells.push(quoted === undefined ? plain.trim() : quoted.replaceAll('""', '"').trim());
    lineNo += whole.split('\n').length - 1;
    if (separator === ',' || separator === ';') continue;
    if (cells.some((cell) => cell !== '')) rows.push({ no: startedIn, cells });
    cells = [];
    startedIn = lineNo;
    if (at + whole.length >= text.length) return rows;
  }
}

function columnsOf(header: readonly string[]): Map<Column, number> | null {
  const columns = new Map<Column, number>();
  for (const [i, name] of header.entries()) {
    const column = COLUMNS.find((one) => one === name.toLowerCase());
    if (!column || columns.has(column)) return null;
    columns.set(column, i);
  }
  return NEEDED.every((one) => columns.has(one)) ? columns : null;
}

/** What a spreadsheet would take for a formula, whoever opens an export of ours later. */
const FORMULA = /^[=+@\t\r]|^-(?![\d.])/;

function lineOf(
  no: number,
  cells: readonly string[],
  columns: ReadonlyMap<Column, number>,
): Line | Problem {
  const path = `line ${no}`;
  if (cells.length !== columns.size) {
    return issue(path, 'wrong_columns', `has ${cells.length} cells, not ${columns.size}`);
  }
  const cell = (column: Column) => cells[columns.get(column) ?? -1] ?? '';
  const found = Object.fromEntries(COLUMNS.map((column) => [column, cell(column)])) as Record<
    // Each of them has just been entered.
    Column,
    string
  >;
  for (const column of COLUMNS) {
    const value = found[column];
    if (FORMULA.test(value)) return issue(path, 'formula', `${column} begins like a formula`);
    if (NEEDED.includes(column) && value === '')
      return issue(path, 'missing', `${column} is empty`);
  }
  const isPlaced = found.x !== '' || found.y !== '';
  if (isPlaced && !(isNumber(found.x) && isNumber(found.y))) {
    return issue(
      path,
      'not_a_number',
      `x and y are ${found.x || 'empty'} and ${found.y || 'empty'}`,
    );
  }
  return { no, cells: found };
}

const isNumber = (text: string) => text !== '' && Number.isFinite(Number(text));

function planOf(
  lines: readonly Line[],
  columns: ReadonlyMap<Column, number>,
): ReturnType<typeof readManifest> {
  const findings: PlanFinding[] = [];
  const sections = new Map<string, Map<string, unknown[]>>();
  const categories = new Set<string>();
  for (const { cells } of lines) {
    const rows = sections.get(cells.section) ?? new Map<string, unknown[]>();
    sections.set(cells.section, rows);
    const seats = rows.get(cells.row) ?? [];
    rows.set(cells.row, seats);
    const category = cells.category || CATEGORY_DEFAULT;
    categories.add(category);
    const position = cells.x === '' ? undefined : { x: Number(cells.x), y: Number(cells.y) };
    seats.push({ number: cells.seat, category, ...(position ? { position } : {}) });
  }
  if (!columns.has('category')) {
    const message = `no column names a category: all are ${CATEGORY_DEFAULT}`;
    findings.push({ code: 'category_assumed', severity: 'warning', path: 'line 1', message });
  }
  const plan = floorPlan.safeParse({
    categories: [...categories].map((name) => ({ name })),
    sections: [...sections].map(([name, rows]) => ({
      name,
      rows: [...rows].map(([label, seats]) => ({ label, seats })),
    })),
  });
  if (plan.success) return ok({ plan: plan.data, findings });
  return unreadable(
    plan.error.issues.map(({ path, code, message }) =>
      issue(path.map(String).join('.'), code, message),
    ),
  );
}

/** The same table, of a plan; what a spreadsheet would take for a formula is quoted away. */
export function writeManifest(plan: FloorPlan): string {
  const lines = survey(plan).seats.map(({ section, rowLabel, number, category, at }) =>
    [section, rowLabel, number, category, at.x, at.y].map(cellOf).join(','),
  );
  return [COLUMNS.join(','), ...lines, ''].join('\r\n');
}

function cellOf(value: string | number): string {
  const text = String(value);
  const safe = typeof value === 'string' && FORMULA.test(text) ? `'${text}` : text;
  return /[",;\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
