/**
 * A scanner for TypeScript and TSX that knows just enough: where comments, strings, templates,
 * regular expressions and JSX text begin and end. It gives back the code with all of those blanked
 * (same length, same lines), so that a rule may search it by pattern and never meets a word that
 * only stands in a sentence. There is no compiler to ask: TypeScript 7 has no JavaScript API, and a
 * tool that needs one sees nothing and says so to nobody.
 *
 * Known limits, all loud: what it misreads leaves brackets that do not balance, and the rule
 * `legible` reports those. A regular expression straight after `)` or `}` is taken for a division.
 */
import type { SourceFile } from './source.ts';

export type Span = { readonly start: number; readonly end: number };

export type Literal = Span & {
  readonly kind: 'string' | 'template';
  /** As long as the span: the delimiters are blank, and each `${…}` is a `$` and blanks. */
  readonly text: string;
};

export type Scan = {
  readonly code: string;
  readonly literals: readonly Literal[];
  readonly comments: readonly Span[];
};

type Cursor = {
  readonly text: string;
  readonly jsx: boolean;
  readonly blanks: Span[];
  readonly literals: Literal[];
  readonly comments: Span[];
  at: number;
};

const scans = new WeakMap<SourceFile, Scan>();

export function scanOf(file: SourceFile): Scan {
  const known = scans.get(file);
  if (known) return known;
  const scanned = scanTs(file.text, /x$/.test(file.path));
  scans.set(file, scanned);
  return scanned;
}

export function scanTs(text: string, jsx = false): Scan {
  const c: Cursor = { text, jsx, blanks: [], literals: [], comments: [], at: 0 };
  if (text.startsWith('#!')) comment(c, endOfLine(text, 0));
  scanCode(c, false);
  return { code: blanked(text, c.blanks), literals: c.literals, comments: c.comments };
}

/** The text with the spans turned to spaces; line breaks stay. Spans are in order. */
export function blanked(text: string, spans: readonly Span[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const span of spans) {
    parts.push(text.slice(from, span.start), blank(text.slice(span.start, span.end)));
    from = span.end;
  }
  return parts.join('') + text.slice(from);
}

function blank(text: string): string {
  return text.includes('\n') ? text.replace(/[^\n]/g, ' ') : ' '.repeat(text.length);
}

/** Runs to the end of the text or, nested, to the `}` that closes what the caller opened. */
function scanCode(c: Cursor, nested: boolean): void {
  // Braces matter only where one of them ends the code.
  const stop = nested ? /['"`/<{}]/g : c.jsx ? /['"`/<]/g : /['"`/]/g;
  for (let depth = 0; ; ) {
    stop.lastIndex = c.at;
    const found = stop.exec(c.text);
    c.at = found?.index ?? c.text.length;
    if (!found) return;
    const char = found[0];
    if (char === "'" || char === '"') scanString(c);
    else if (char === '/') scanSlash(c);
    else if (char === '`') scanTemplate(c);
    else if (char === '<' && c.jsx && startsJsx(c)) scanJsx(c);
    else {
      if (char === '}' && depth === 0) return;
      if (char === '{') depth++;
      if (char === '}') depth--;
      c.at++;
    }
  }
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

function comment(c: Cursor, end: number): void {
  const span = { start: c.at, end };
  c.comments.push(span);
  c.blanks.push(span);
  c.at = end;
}

function scanSlash(c: Cursor): void {
  const next = c.text[c.at + 1];
  if (next === '/') comment(c, endOfLine(c.text, c.at));
  else if (next === '*') {
    const end = c.text.indexOf('*/', c.at + 2);
    comment(c, end < 0 ? c.text.length : end + 2);
  } else {
    const end = mayStartRegex(c) ? endOfRegex(c.text, c.at) : null;
    if (end !== null) c.blanks.push({ start: c.at + 1, end: end - 1 });
    c.at = end ?? c.at + 1;
  }
}

/** Words after which an expression begins, so that `/` opens a regular expression and `<` a tag. */
const BEFORE_EXPRESSION =
  /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|throw|default|yield|await)$/;

function mayStartRegex(c: Cursor): boolean {
  const end = endOfCodeBefore(c);
  if (end === 0 || '(,=:[!&|?{;+-*%~^<>'.includes(c.text.charAt(end - 1))) return true;
  return BEFORE_EXPRESSION.test(c.text.slice(Math.max(0, end - 12), end));
}

/** Where the code before the cursor ends, white space and comments left out. */
function endOfCodeBefore(c: Cursor): number {
  let end = c.at;
  for (let known = c.comments.length - 1; ; known--) {
    while (end > 0 && /\s/.test(c.text.charAt(end - 1))) end--;
    const last = c.comments[known];
    if (last?.end !== end) return end;
    end = last.start;
  }
}

/** The end of the regular expression that opens at `at`, or null: it must close on its line. */
function endOfRegex(text: string, at: number): number | null {
  let inClass = false;
  for (let i = at + 1; i < text.length; i++) {
    const char = text[i];
    if (char === '\n') return null;
    if (char === '\\') i++;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if (char === '/' && !inClass) return i + 1;
  }
  return null;
}

function scanString(c: Cursor): void {
  const quote = c.text[c.at];
  let end = c.at + 1;
  while (end < c.text.length && c.text[end] !== '\n' && c.text[end] !== quote) {
    end += c.text[end] === '\\' ? 2 : 1;
  }
  if (c.text[end] === quote) stringLiteral(c, end + 1);
  // A quote that does not close on its line quotes nothing.
  else c.at++;
}

function stringLiteral(c: Cursor, end: number): void {
  const start = c.at;
  const text = ` ${c.text.slice(start + 1, end - 1)} `;
  c.literals.push({ kind: 'string', start, end, text });
  c.blanks.push({ start: start + 1, end: end - 1 });
  c.at = end;
}

function scanTemplate(c: Cursor): void {
  const stop = /[`\\]|\$\{/g;
  const start = c.at;
  let text = ' ';
  for (let at = start + 1; ; ) {
    stop.lastIndex = at;
    const found = stop.exec(c.text);
    at = found?.index ?? c.text.length;
    if (found?.[0] === '\\') {
      at += 2;
      continue;
    }
    const from = start + text.length;
    c.blanks.push({ start: from, end: at });
    text += c.text.slice(from, at);
    if (found?.[0] !== '${') {
      c.at = Math.min(at + 1, c.text.length);
      c.literals.push({ kind: 'template', start, end: c.at, text: `${text} ` });
      return;
    }
    c.at = at + 2;
    scanCode(c, true);
    text += `$${blank(c.text.slice(at + 1, c.at + 1))}`;
    at = c.at + 1;
  }
}

/** `<` that begins an element, not a comparison and not the type parameters of an arrow. */
function startsJsx(c: Cursor): boolean {
  const here = c.text.slice(c.at, c.at + 80);
  if (!/^<[A-Za-z_>]/.test(here)) return false;
  if (/^<(?:const\s+)?[\w$]+(?:\s*,|\s+extends\b|\s*=|>\s*\()/.test(here)) return false;
  const end = endOfCodeBefore(c);
  if (end === 0 || '(,=:[!&|?{>'.includes(c.text.charAt(end - 1))) return true;
  return BEFORE_EXPRESSION.test(c.text.slice(Math.max(0, end - 12), end));
}

function scanJsx(c: Cursor): void {
  const stop = /["'{<>/]/g;
  c.at++;
  for (let typeDepth = 0; ; ) {
    stop.lastIndex = c.at;
    const found = stop.exec(c.text);
    c.at = found?.index ?? c.text.length;
    if (!found) return;
    const char = found[0];
    if (char === '{') scanBraces(c);
    else if (char === '"' || char === "'") {
      const end = c.text.indexOf(char, c.at + 1);
      stringLiteral(c, end < 0 ? c.text.length : end + 1);
    } else if (char === '/' && /[/*]/.test(c.text.charAt(c.at + 1))) scanSlash(c);
    else {
      c.at++;
      if (char === '<') typeDepth++;
      else if (char === '>' && typeDepth > 0) typeDepth--;
      else if (char === '>') {
        if (c.text[c.at - 2] !== '/') scanChildren(c);
        return;
      }
    }
  }
}

function scanBraces(c: Cursor): void {
  c.at++;
  scanCode(c, true);
  c.at++;
}

function scanChildren(c: Cursor): void {
  const stop = /[{<]/g;
  for (;;) {
    stop.lastIndex = c.at;
    const found = stop.exec(c.text);
    const end = found?.index ?? c.text.length;
    c.blanks.push({ start: c.at, end });
    c.at = end;
    if (!found) return;
    if (found[0] === '{') scanBraces(c);
    else if (c.text[end + 1] === '/') {
      const close = c.text.indexOf('>', end);
      c.at = close < 0 ? c.text.length : close + 1;
      return;
    } else scanJsx(c);
  }
}
