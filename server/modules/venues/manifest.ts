/**
 * Seats as a table: `section,row,seat[,category,x,y]`, CSV with a header, as people export them
 * from a spreadsheet: with commas or, where a comma is the decimal sign, with semicolons. One line
 * is one seat; sections and rows follow each other in the order in which they are first named.
 */
import { isUtf8 } from 'node:buffer';
import { type Issue, ok, type Result } from '../../kernel/result.ts';
import {
  type CsvRow,
  csvCell,
  isFormula,
  parseCsv,
  type Separator,
  separatorOf,
  withoutGuard,
} from './csv.ts';
import { type FloorPlan, floorPlan, type PlanFinding, SEATS_MAX, seatsOf } from './floor-plan.ts';
import { add, ORIGIN, type Point } from './polygons.ts';
import { issuesOf, type ReadPlan, type UnreadablePlan, unreadable } from './read-plan.ts';

const COLUMNS = ['section', 'row', 'seat', 'category', 'x', 'y'] as const;
type Column = (typeof COLUMNS)[number];
const NEEDED: readonly Column[] = ['section', 'row', 'seat'];
/** Of seats whose file names none. */
const CATEGORY_DEFAULT = 'Standard';

type Header = { readonly at: ReadonlyMap<Column, number>; readonly separator: Separator };
type Line = {
  readonly no: number;
  readonly section: string;
  readonly row: string;
  readonly seat: string;
  readonly category: string;
  readonly position: Point | null;
};

export function readManifest(bytes: Buffer): Result<ReadPlan, UnreadablePlan> {
  const text = textOf(bytes);
  if (typeof text !== 'string') return unreadable([text]);
  const separator = separatorOf(text);
  const rows = parseCsv(text, separator, SEATS_MAX + 1);
  if (rows === 'too many') {
    const message = `has more than ${SEATS_MAX} seats`;
    return unreadable([issue(SEATS_MAX + 2, 'too_many_seats', message)]);
  }
  if ('code' in rows) return unreadable([rows]);
  const [first, ...body] = rows;
  const findings: PlanFinding[] = [];
  const header = headerOf(first, separator, findings);
  if (!header) {
    const message = `the first line must name the columns ${COLUMNS.join(separator)}`;
    return unreadable([issue(first?.no ?? 1, 'malformed_header', message)]);
  }
  const wrong: Issue[] = [];
  const lines = body.flatMap((row) => {
    const line = lineOf(row, header);
    if ('code' in line) wrong.push(line);
    return 'code' in line ? [] : [line];
  });
  const issues = [...wrong, ...repeatedIn(lines)];
  if (issues.length > 0) return unreadable(issues);
  if (lines.length === 0) return unreadable([issue(1, 'no_seats', 'no line of a seat follows')]);
  const without = lines.find(({ category }) => category === '');
  if (without) {
    const message = `seats without a category are ${CATEGORY_DEFAULT}`;
    const path = `line ${header.at.has('category') ? without.no : 1}`;
    findings.push({ code: 'category_assumed', severity: 'warning', path, message });
  }
  return planOf(lines, findings);
}

const issue = (lineNo: number, code: string, message: string): Issue => ({
  path: `line ${lineNo}`,
  code,
  message,
});

/** Guessing an encoding would turn names into others; whoever exported it can choose UTF-8. */
function textOf(bytes: Buffer): string | Issue {
  const message = (what: string) => `looks like ${what}; save it as CSV UTF-8`;
  const start = bytes.subarray(0, 2).toString('hex');
  if (start === 'fffe' || start === 'feff' || bytes.includes(0)) {
    return issue(1, 'wrong_encoding', message('UTF-16, or no text at all'));
  }
  if (isUtf8(bytes)) return bytes.toString('utf8').replace(/^\ufeff/, '');
  let lineNo = 1;
  let from = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
    if (!isUtf8(bytes.subarray(from, end))) break;
    lineNo += 1;
    from = end + 1;
  }
  return issue(lineNo, 'wrong_encoding', message('Latin-1 or Windows-1252'));
}

function headerOf(
  row: CsvRow | undefined,
  separator: Separator,
  findings: PlanFinding[],
): Header | null {
  const at = new Map<Column, number>();
  const others: string[] = [];
  for (const [i, name] of (row?.cells ?? []).entries()) {
    const column = COLUMNS.find((one) => one === name.toLowerCase());
    if (!column) others.push(name);
    else if (at.has(column)) return null;
    else at.set(column, i);
  }
  if (!NEEDED.every((one) => at.has(one)) || at.has('x') !== at.has('y')) return null;
  const named = others.filter((name) => name !== '');
  if (named.length > 0) {
    const message = `these columns are not read: ${named.join(', ').slice(0, 200)}`;
    const path = `line ${row?.no ?? 1}`;
    findings.push({ code: 'column_ignored', severity: 'warning', path, message });
  }
  return { at, separator };
}

function lineOf({ no, cells }: CsvRow, { at, separator }: Header): Line | Issue {
  // Spreadsheets leave empty cells out at the end; what is needed is asked for below.
  const cell = (column: Column) => cells[at.get(column) ?? -1] ?? '';
  for (const column of NEEDED) {
    if (cell(column) === '') return issue(no, 'missing', `${column} is empty`);
  }
  const names = (['section', 'row', 'seat', 'category'] as const).map((column) => {
    const text = cell(column);
    return { column, text, name: withoutGuard(text).normalize('NFC').trim() };
  });
  const formula = names.find(({ text }) => isFormula(text));
  if (formula) return issue(no, 'formula', `${formula.column} begins like a formula`);
  const [section = '', row = '', seat = '', category = ''] = names.map(({ name }) => name);
  const [x, y] = [numberOf(cell('x'), separator), numberOf(cell('y'), separator)];
  if (cell('x') === '' && cell('y') === '') {
    return { no, section, row, seat, category, position: null };
  }
  if (x !== null && y !== null) return { no, section, row, seat, category, position: { x, y } };
  const message = `x and y are ${cell('x') || 'empty'} and ${cell('y') || 'empty'}`;
  return issue(no, 'not_a_number', message.slice(0, 100));
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

function numberOf(text: string, separator: Separator): number | null {
  const plain = separator === ';' ? text.replace(',', '.') : text;
  const number = Number(plain);
  return DECIMAL.test(plain) && Number.isFinite(number) ? number : null;
}

/** Found here, where lines have numbers; in a plan they would have paths. */
function repeatedIn(lines: readonly Line[]): Issue[] {
  const seen = new Map<string, number>();
  return lines.flatMap(({ no, section, row, seat }) => {
    const key = `${section}\n${row}\n${seat}`;
    const before = seen.get(key);
    if (before === undefined) seen.set(key, no);
    return before === undefined
      ? []
      : [issue(no, 'duplicate_seat', `is the seat of line ${before}`)];
  });
}

function planOf(lines: readonly Line[], findings: PlanFinding[]): ReturnType<typeof readManifest> {
  const sections = new Map<string, Map<string, Line[]>>();
  for (const line of lines) {
    const rows = sections.get(line.section) ?? new Map<string, Line[]>();
    const row = rows.get(line.row);
    if (row) row.push(line);
    else rows.set(line.row, [line]);
    sections.set(line.section, rows);
  }
  const ordered = [...sections].map(([name, rows]) => ({ name, rows: [...rows] }));
  // In the plan's order, not the file's: a table that was written of a plan makes the same one.
  const inOrder = ordered.flatMap(({ rows }) => rows.flatMap(([, seats]) => seats));
  const categories = new Set(inOrder.map(({ category }) => category || CATEGORY_DEFAULT));
  const plan = floorPlan.safeParse({
    categories: [...categories].map((name) => ({ name })),
    sections: ordered.map(({ name, rows }) => ({
      name,
      rows: rows.map(([label, seats]) => ({ label, seats: seats.map(seatOf) })),
    })),
  });
  if (plan.success) return ok({ plan: plan.data, findings });
  const lineAt = (path: readonly PropertyKey[]): string => {
    const [list, section, , row, , seat] = path;
    if (list === 'categories') {
      const name = [...categories][Number(section)];
      return `line ${lines.find(({ category }) => category === name)?.no ?? 1}`;
    }
    const inSection = ordered[Number(section)]?.rows;
    const inRow = inSection?.[Number(row ?? 0)]?.[1];
    return `line ${(inRow?.[Number(seat ?? 0)] ?? inSection?.[0]?.[1][0])?.no ?? 1}`;
  };
  return unreadable(issuesOf(plan.error, lineAt));
}

const seatOf = ({ seat, category, position }: Line): unknown => ({
  number: seat,
  category: category || CATEGORY_DEFAULT,
  ...(position ? { position } : {}),
});

/**
 * The same table, of a plan: what it says of its seats, and no more. Positions are the plan's;
 * seats that have none get none.
 */
export function writeManifest({ sections }: FloorPlan): string {
  const lines = [COLUMNS.join(',')];
  for (const section of sections) {
    for (const row of section.rows ?? []) {
      const start = add(section.position ?? ORIGIN, row.position ?? ORIGIN);
      for (const { number, category, position } of seatsOf(row) ?? []) {
        const at = position && add(start, position);
        const names = [
          section.name,
          row.label,
          number,
          category ?? row.category ?? section.category ?? '',
        ];
        lines.push([...names.map(csvCell), at?.x ?? '', at?.y ?? ''].join(','));
      }
    }
  }
  return [...lines, ''].join('\r\n');
}
