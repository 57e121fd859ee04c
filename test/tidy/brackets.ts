/** Brackets and function bodies in scanned code, where no bracket stands in a string or comment. */
import { type Scan, scanOf } from './scan-ts.ts';
import type { SourceFile } from './source.ts';

type Brackets = {
  /** At an opening bracket: where it closes. Elsewhere 0, where nothing can close. */
  readonly closeOf: Int32Array;
  /** Where they stop to balance, or null. */
  readonly broken: number | null;
};

const known = new WeakMap<Scan, Brackets>();

export function bracketsOf(scan: Scan): Brackets {
  const before = known.get(scan);
  if (before) return before;
  const found = findBrackets(scan.code);
  known.set(scan, found);
  return found;
}

/** By code, not by pattern: this loop sees every character of the repository. */
function findBrackets(code: string): Brackets {
  const closeOf = new Int32Array(code.length);
  const open: number[] = [];
  for (let at = 0; at < code.length; at++) {
    switch (code.charCodeAt(at)) {
      case 40: // (
      case 91: // [
      case 123: // {
        open.push(at);
        break;
      case 41: // )
      case 93: // ]
      case 125: {
        const opened = open.pop();
        if (opened === undefined || !PAIRS.has(code.charAt(opened) + code.charAt(at))) {
          return { closeOf, broken: at };
        }
        closeOf[opened] = at;
      }
    }
  }
  return { closeOf, broken: open.at(-1) ?? null };
}

const PAIRS = new Set(['()', '[]', '{}']);

/** From the parenthesis that opens its parameters (or its arrow) to the end of its body. */
type FunctionSpan = { readonly start: number; readonly end: number };

const CONTROL = /(?:^|[^\w$.])(?:if|for|while|switch|catch|with|await)\s*$/;

/**
 * Every function of a file: a parameter list followed by a body, an arrow or a return type. What
 * only looks like one (`case f(x): …`) is part of a function anyway, so it never outgrows it.
 */
export function functionsOf(file: SourceFile): readonly FunctionSpan[] {
  const scan = scanOf(file);
  const { code } = scan;
  const { closeOf } = bracketsOf(scan);
  const startOf = new Map<number, number>();
  for (let open = code.indexOf('('); open >= 0; open = code.indexOf('(', open + 1)) {
    const body = closeOf[open] ? bodyAfter(code, closeOf, (closeOf[open] ?? 0) + 1) : null;
    if (body === null || CONTROL.test(code.slice(Math.max(0, open - 8), open))) continue;
    // Of two parameter lists that lead to one body, the nearer is its own: it comes later.
    startOf.set(body, open);
  }
  for (let arrow = code.indexOf('=>'); arrow >= 0; arrow = code.indexOf('=>', arrow + 2)) {
    const body = skipSpace(code, arrow + 2);
    if (!startOf.has(body)) startOf.set(body, arrow);
  }
  return [...startOf].map(([body, start]) => ({ start, end: endOfBody(code, closeOf, body) }));
}

function skipSpace(code: string, from: number): number {
  let at = from;
  while (code[at] === ' ' || code[at] === '\n') at++;
  return at;
}

/** Where the body begins after a parameter list that ends before `from`; null if there is none. */
function bodyAfter(code: string, closeOf: Int32Array, from: number): number | null {
  const at = skipSpace(code, from);
  if (code[at] === '{') return at;
  if (code.startsWith('=>', at)) return skipSpace(code, at + 2);
  if (code[at] !== ':') return null;
  return bodyAfterType(code, closeOf, at + 1);
}

/** After these a `{` in a return type opens a type, not the body. */
const BEFORE_TYPE = /^(?:[:|&?]|=>|is|keyof|readonly|extends)$/;

/**
 * Where the body begins after a return type that starts at `from`. In `(x): (y) => …` the arrow is
 * the type's if a body follows later, as in `function f(x): (y) => Z {`, and the body's if not.
 */
function bodyAfterType(code: string, closeOf: Int32Array, from: number): number | null {
  let last = ':';
  let angles = 0;
  let afterArrow: number | null = null;
  for (let at = from; at < code.length; at++) {
    const char = code.charAt(at);
    if (char === ' ' || char === '\n') continue;
    if (code.startsWith('=>', at)) {
      const ambiguous = last === ')' && afterArrow === null;
      if (angles === 0 && !ambiguous) return skipSpace(code, at + 2);
      if (angles === 0) afterArrow = skipSpace(code, at + 2);
      last = '=>';
      at++;
      continue;
    }
    if (char === '{' && angles === 0 && !BEFORE_TYPE.test(last)) return at;
    if (';)]}'.includes(char) || (char === ',' && angles === 0)) return afterArrow;
    if (char === '<') angles++;
    if (char === '>') angles--;
    at = closeOf[at] || at;
    last = wordOrChar(code, at, last);
  }
  return afterArrow;
}

function wordOrChar(code: string, at: number, last: string): string {
  const char = code.charAt(at);
  return /\w/.test(char) && /\w/.test(code.charAt(at - 1)) ? last + char : char;
}

function endOfBody(code: string, closeOf: Int32Array, body: number): number {
  if (code[body] === '{') return closeOf[body] || body;
  for (let at = body; at < code.length; at++) {
    if (';,)]}'.includes(code.charAt(at))) return at;
    at = closeOf[at] || at;
  }
  return code.length;
}

/** Who is handed the function that starts at `start`: `describe` for `describe('a', () => {`. */
export function callerOf(file: SourceFile, start: number): string {
  const { code } = scanOf(file);
  const { closeOf } = bracketsOf(scanOf(file));
  let end = closeOf.findLastIndex((close, open) => open < start && close > start);
  // `describe.each(…)(` is called with what a call gave back.
  while (code[end - 1] === ')') end = closeOf.indexOf(end - 1);
  return /[\w$.]*$/.exec(code.slice(Math.max(0, end - 60), Math.max(0, end)))?.[0] ?? '';
}
