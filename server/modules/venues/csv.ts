/** Comma-separated values as spreadsheets write and read them. */
import type { Issue } from '../../kernel/result.ts';

export type Separator = ',' | ';';

/** The line that a row begins in, the first being 1, and its cells, trimmed. */
export type CsvRow = { readonly no: number; readonly cells: readonly string[] };

/** What the header is separated by, the whole file is. */
export function separatorOf(text: string): Separator {
  const [header = ''] = text.slice(0, 2_000).split(/[\r\n]/, 1);
  return header.split(';').length > header.split(',').length ? ';' : ',';
}

const PLAIN = { ',': /[^,\r\n]*/y, ';': /[^;\r\n]*/y } as const;
const BREAK = /\r\n|\n|\r/y;
const SPACES = /[ \t]*/y;

/** All rows that are not empty, or what is wrong and where; stops where there are too many. */
export function parseCsv(
  text: string,
  separator: Separator,
  rowsMax: number,
): readonly CsvRow[] | Issue | 'too many' {
  const rows: CsvRow[] = [];
  let cells: string[] = [];
  let at = 0;
  let lineNo = 1;
  let startedIn = 1;
  const eat = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? '';
    at += found.length;
    return found;
  };
  for (;;) {
    eat(SPACES);
    if (text[at] === '"') {
      const end = closingQuote(text, at);
      if (end === null) return malformed(lineNo, 'a quote is never closed');
      const cell = text.slice(at + 1, end);
      cells.push(cell.replaceAll('""', '"').trim());
      lineNo += cell.split(/\r\n|\n|\r/).length - 1;
      at = end + 1;
      eat(SPACES);
    } else cells.push(eat(PLAIN[separator]).trim());
    if (text[at] === separator) {
      at += 1;
      continue;
    }
    const isBreak = eat(BREAK) !== '';
    if (!isBreak && at < text.length) {
      return malformed(lineNo, 'text follows a quote that is closed');
    }
    if (cells.some((cell) => cell !== '')) rows.push({ no: startedIn, cells });
    if (rows.length > rowsMax) return 'too many';
    if (!isBreak) return rows;
    cells = [];
    lineNo += 1;
    startedIn = lineNo;
  }
}

function closingQuote(text: string, open: number): number | null {
  let at = text.indexOf('"', open + 1);
  while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
  return at < 0 ? null : at;
}

const malformed = (lineNo: number, message: string): Issue => ({
  path: `line ${lineNo}`,
  code: 'malformed_csv',
  message,
});

/** What a spreadsheet computes when it opens the file; a dash or a number with a sign is none. */
const FORMULA = /^[=@]|^[+-](?!\d*(?:[.,]\d+)?$)/;
const GUARDED = /^'+[=@+-]/;

export const isFormula = (cell: string): boolean => FORMULA.test(cell);

/** The apostrophe is how a spreadsheet is told that a cell is text; here it comes off again. */
export const withoutGuard = (cell: string): string => (GUARDED.test(cell) ? cell.slice(1) : cell);

export function csvCell(value: string): string {
  const safe = FORMULA.test(value) || GUARDED.test(value) ? `'${value}` : value;
  return /[",;\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
