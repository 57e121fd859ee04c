/**
 * A scanner for PostgreSQL's SQL: comments and quoted strings are blanked, function bodies between
 * dollar quotes stay, since they are code. What was blanked is told, for rules that ask about it.
 */
import { blanked, type Span, scanOf } from './scan-ts.ts';
import { isScript, isSql, isTest, type SourceFile, zoneOf } from './source.ts';

export type SqlScan = {
  /** Lower case, as long as the text. */
  readonly code: string;
  readonly comments: readonly Span[];
  /** Each from its opening `$tag$` to its closing one, both included. */
  readonly bodies: readonly Span[];
  readonly problem: { readonly at: number; readonly what: string } | null;
};

const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\b[eE]'(?:[^'\\]|\\.|'')*(?:'|$)|'(?:[^']|'')*(?:'|$)|\$[A-Za-z_]*\$/g;

export function scanSql(text: string): SqlScan {
  const blanks: Span[] = [];
  const comments: Span[] = [];
  const bodies: Span[] = [];
  let open: { readonly start: number; readonly tag: string } | null = null;
  let problem: SqlScan['problem'] = null;
  for (const match of text.matchAll(TOKEN)) {
    const token = match[0];
    const span = { start: match.index, end: match.index + token.length };
    if (token.startsWith('$')) {
      if (!open) open = { start: span.start, tag: token };
      else if (open.tag === token) {
        bodies.push({ start: open.start, end: span.end });
        open = null;
      }
      continue;
    }
    blanks.push(span);
    if (/^(?:--|\/\*)/.test(token)) comments.push(span);
    else if (span.end === text.length && !/'[^']*'$/.test(token)) {
      problem = { at: span.start, what: 'a quoted string is never closed' };
    }
  }
  if (open) problem = { at: open.start, what: `${open.tag} is never closed` };
  return { code: lower(blanked(text, blanks)), comments, bodies, problem };
}

/** `toLowerCase` may change the length of the text (İ); this never does. */
function lower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** A piece of SQL in its file: `offset` is where its code begins there. */
export type SqlUnit = {
  readonly file: SourceFile;
  readonly kind: 'statement' | 'view' | 'function' | 'migration';
  readonly offset: number;
  readonly scan: SqlScan;
};

const scans = new WeakMap<SourceFile, SqlScan>();

/** The scan of a whole SQL file. */
export function sqlScanOf(file: SourceFile): SqlScan {
  const known = scans.get(file);
  if (known) return known;
  const scanned = scanSql(file.text);
  scans.set(file, scanned);
  return scanned;
}

const units = new WeakMap<SourceFile, readonly SqlUnit[]>();

/** All SQL of a file that belongs to the server; tests, tools and the bench say what they like. */
export function sqlUnits(file: SourceFile): readonly SqlUnit[] {
  const known = units.get(file);
  if (known) return known;
  const found = findUnits(file);
  units.set(file, found);
  return found;
}

function findUnits(file: SourceFile): SqlUnit[] {
  if (isSql(file.path)) {
    const kind = isMigration(file.path) ? 'migration' : 'function';
    if (kind === 'function' && !file.path.endsWith('.fn.sql')) return [];
    return [{ file, kind, offset: 0, scan: sqlScanOf(file) }];
  }
  if (!isScript(file.path) || isTest(file.path)) return [];
  const holdsSql = file.path.endsWith('.sql.ts');
  if (!holdsSql && zoneOf(file.path) !== 'kernel') return [];
  const kind = file.path.endsWith('.view.sql.ts') ? 'view' : 'statement';
  return scanOf(file)
    .literals.filter((one) => (holdsSql && one.kind === 'template') || looksLikeSql(one.text))
    .map(({ start, text }) => ({ file, kind, offset: start, scan: scanSql(text) }));
}

export function isMigration(path: string): boolean {
  return path.startsWith('db/migrations/') && isSql(path);
}

/**
 * Statements, told from English by their shape: all letters of the keyword small or all large, and
 * `select` where a statement, a subquery or a CTE may begin ("Select a seat from the map" is none).
 */
const STATEMENTS = [
  /(?:^|[;(\n])\s*(?:select|SELECT)\b[\s\S]*?\b(?:from|FROM)\b/,
  /\b(?:select|SELECT)\s+[a-z_]+\.[a-z_]+(?:@v)?\s*\(/,
  /\b(?:insert\s+into|INSERT\s+INTO)\s+["$a-z_]/,
  /\b(?:delete\s+from|DELETE\s+FROM)\s+["$a-z_]/,
  /\b(?:update|UPDATE)\s+[\w."$]+(?:\s+(?:as\s+|AS\s+)?\w+)?\s+(?:set|SET)\s+\(?\s*["\w][\w\s,"]*\)?\s*=/,
  /\b(?:merge\s+into|MERGE\s+INTO)\s+["$a-z_]/,
  /\b(?:truncate|TRUNCATE)\s+(?:table\s+|TABLE\s+)?[a-z_]+\.[a-z_]+/,
  /@v\s*\(/,
];

export function looksLikeSql(text: string): boolean {
  return STATEMENTS.some((statement) => statement.test(text));
}
