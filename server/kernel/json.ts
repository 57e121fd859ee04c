/**
 * JSON from strangers. `JSON.parse` alone lets through what hurts later: a key given twice (two
 * readers, two truths), `__proto__` (poisons whoever merges), NUL and lone surrogates (PostgreSQL
 * refuses both, as a fault), integers that silently become their neighbour, nesting that overflows
 * whoever walks it.
 *
 * One pass over the text finds the first of these, without recursion and in time proportional to
 * the text; only then does `JSON.parse` build the value. The pass knows the whole grammar
 * (RFC 8259), so it also says where a malformed text breaks.
 *
 * Most texts are plain: `readPlain` sees in less time that nothing is wrong with them. It never
 * refuses; what it is not sure of goes through the pass.
 */
import { type Ok, type RefusalOf, type Result, refused } from './result.ts';

export type JsonLimits = {
  /** Arrays and objects inside each other; the outermost is 1. */
  readonly maxDepth: number;
  /** Members of all objects and elements of all arrays, together. */
  readonly maxMembers: number;
};

/** For a request: the largest we take, a seat map, is far below both (chosen by taste). */
export const DEFAULT_JSON_LIMITS: JsonLimits = { maxDepth: 32, maxMembers: 10_000 };

export type JsonRefusalCode =
  | 'byte_order_mark'
  | 'malformed_json'
  | 'trailing_content'
  | 'too_deep'
  | 'too_many_members'
  | 'duplicate_key'
  | 'forbidden_key'
  | 'nul_character'
  | 'lone_surrogate'
  | 'number_out_of_range';

/** Bounds of what a refusal repeats from the text: it ends up in logs and in the answer. */
const MAX_LABEL_CHARS = 40;
const MAX_PATH_CHARS = 200;

/**
 * The value, or the first finding: its path in `issues`, its position (UTF-16 units from the
 * start) in `extra.position`. An integer beyond ±(2^53 − 1) is refused, as I-JSON (RFC 7493)
 * advises: its neighbour would read as the same number.
 */
export function parseStrictJson(
  text: string,
  limits: JsonLimits = DEFAULT_JSON_LIMITS,
): Result<unknown, RefusalOf<JsonRefusalCode>> {
  return readPlain(text, limits) ?? readScanned(text, limits);
}

/** The pass by itself. */
export function readScanned(
  text: string,
  limits: JsonLimits = DEFAULT_JSON_LIMITS,
): Result<unknown, RefusalOf<JsonRefusalCode>> {
  const scan: Scan = { text, limits, at: 0, members: 0, frames: [], finding: null };
  let step: Step | null = readStart;
  while (step) step = step(scan);
  if (!scan.finding) return { ok: true, value: JSON.parse(text) };
  const { code, message, path, position } = scan.finding;
  return refused(code, {
    detail: `The body is not JSON that we take: ${message} at character ${position}.`,
    issues: [{ path, code, message }],
    extra: { position },
  });
}

/** An escape, a character of two halves, a name that the pass looks at twice. */
const INTRICATE = /[\\\ud800-\udfff]|prototype|__proto__/;

/** Counted in a value: no key was there twice if its text has as many. */
type Counted = { members: number; keys: number; isSure: boolean };

function readPlain(text: string, limits: JsonLimits): Ok<unknown> | null {
  if (INTRICATE.test(text)) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const counted: Counted = { members: 0, keys: 0, isSure: true };
  countIn(value, limits.maxDepth, counted);
  const isPlain = counted.isSure && counted.members <= limits.maxMembers;
  return isPlain && counted.keys === keysIn(text) ? { ok: true, value } : null;
}

function countIn(value: unknown, depthLeft: number, counted: Counted): void {
  if (typeof value === 'number') {
    // A safe integer or a fraction; beyond, the text decides.
    if (Math.abs(value) > Number.MAX_SAFE_INTEGER) counted.isSure = false;
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (depthLeft === 0) {
    counted.isSure = false;
    return;
  }
  const members: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  counted.members += members.length;
  if (!Array.isArray(value)) counted.keys += members.length;
  for (const member of members) countIn(member, depthLeft - 1, counted);
}

/** In a JSON text without escapes: quotes only begin and end strings, and a key has a colon. */
function keysIn(text: string): number {
  let keys = 0;
  for (let start = text.indexOf('"'); start >= 0; ) {
    let next = text.indexOf('"', start + 1) + 1;
    start = text.indexOf('"', next);
    while (text.charCodeAt(next) <= 0x20) next++;
    if (text[next] === ':') keys++;
  }
  return keys;
}

type Finding = {
  readonly code: JsonRefusalCode;
  readonly message: string;
  readonly path: string;
  readonly position: number;
};

/** An open array (`keys` is null) or object. `label` is the index or key being read. */
type Frame = { readonly keys: Set<string> | null; label: string | number };

type Scan = {
  readonly text: string;
  readonly limits: JsonLimits;
  readonly frames: Frame[];
  at: number;
  members: number;
  finding: Finding | null;
};

/** Reads one thing and says what must come next; null when done or refused. */
type Step = (scan: Scan) => Step | null;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;

function readStart(scan: Scan): Step | null {
  if (scan.text.startsWith('\ufeff')) return stop(scan, 'byte_order_mark', 'a byte order mark');
  return readValue;
}

function readValue(scan: Scan): Step | null {
  skipSpace(scan);
  const { text, at } = scan;
  const unit = text.charCodeAt(at);
  if (unit === QUOTE) return readString(scan) ? afterValue : null;
  if (unit === MINUS || (unit >= 0x30 && unit <= 0x39)) return readNumber(scan);
  if (text[at] === '{' || text[at] === '[') return open(scan);
  const word = ['true', 'false', 'null'].find((candidate) => text.startsWith(candidate, at));
  if (!word) return stop(scan, 'malformed_json', 'no value');
  scan.at += word.length;
  return afterValue;
}

function open(scan: Scan): Step | null {
  if (scan.frames.length >= scan.limits.maxDepth) {
    return stop(scan, 'too_deep', `more than ${scan.limits.maxDepth} levels`);
  }
  const isObject = scan.text[scan.at] === '{';
  scan.at++;
  scan.frames.push({ keys: isObject ? new Set() : null, label: isObject ? '' : 0 });
  return isObject ? readFirstKey : readFirstElement;
}

function readFirstElement(scan: Scan): Step | null {
  skipSpace(scan);
  return scan.text[scan.at] === ']' ? close(scan) : readElement;
}

function readElement(scan: Scan): Step | null {
  return count(scan) ? readValue : null;
}

function readFirstKey(scan: Scan): Step | null {
  skipSpace(scan);
  return scan.text[scan.at] === '}' ? close(scan) : readKey;
}

function readKey(scan: Scan): Step | null {
  skipSpace(scan);
  const frame = scan.frames.at(-1);
  const position = scan.at;
  if (!frame?.keys || scan.text.charCodeAt(position) !== QUOTE) {
    return stop(scan, 'malformed_json', 'no key', null);
  }
  frame.label = '';
  if (!count(scan) || !readString(scan)) return null;
  const token = scan.text.slice(position, scan.at);
  // `readString` has checked the token, so it is a JSON string.
  const key = token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1);
  frame.label = key;
  const parent = scan.frames.at(-2);
  if (key === '__proto__' || (key === 'prototype' && isConstructor(parent))) {
    return stop(scan, 'forbidden_key', 'a key that could change a prototype', frame, position);
  }
  if (frame.keys.has(key)) {
    return stop(scan, 'duplicate_key', 'a key for the second time', frame, position);
  }
  frame.keys.add(key);
  skipSpace(scan);
  if (scan.text[scan.at] !== ':') return stop(scan, 'malformed_json', 'no colon', null);
  scan.at++;
  return readValue;
}

/** Whether what is being read is the value of a key `constructor`. */
function isConstructor(parent: Frame | undefined): boolean {
  return parent?.keys != null && parent.label === 'constructor';
}

function afterValue(scan: Scan): Step | null {
  skipSpace(scan);
  const { text, at } = scan;
  const frame = scan.frames.at(-1);
  if (!frame) {
    if (at === text.length) return null;
    return stop(scan, 'trailing_content', 'something after the value');
  }
  if (text[at] === (frame.keys ? '}' : ']')) return close(scan);
  if (text[at] !== ',') return stop(scan, 'malformed_json', 'neither a comma nor the end', null);
  scan.at++;
  if (frame.keys) return readKey;
  if (typeof frame.label === 'number') frame.label++;
  return readElement;
}

function close(scan: Scan): Step {
  scan.at++;
  scan.frames.pop();
  return afterValue;
}

function count(scan: Scan): boolean {
  if (scan.members >= scan.limits.maxMembers) {
    skipSpace(scan);
    stop(scan, 'too_many_members', `more than ${scan.limits.maxMembers} members`);
    return false;
  }
  scan.members++;
  return true;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SAFE_INTEGER_CHARS = '-9007199254740991'.length;

function readNumber(scan: Scan): Step | null {
  NUMBER.lastIndex = scan.at;
  const literal = NUMBER.exec(scan.text)?.[0];
  if (!literal) return stop(scan, 'malformed_json', 'no number');
  const isInteger = !/[.eE]/.test(literal);
  const fits = isInteger
    ? literal.length <= SAFE_INTEGER_CHARS && Number.isSafeInteger(Number(literal))
    : Number.isFinite(Number(literal));
  if (!fits) return stop(scan, 'number_out_of_range', 'a number too large to be kept exactly');
  scan.at += literal.length;
  return afterValue;
}

/** Moves past the string that starts here; false after a finding. */
function readString(scan: Scan): boolean {
  const { text } = scan;
  /** Where a high surrogate stands that still wants its low one; -1 when none does. */
  let high = -1;
  let at = scan.at + 1;
  while (at < text.length) {
    let unit = text.charCodeAt(at);
    if (unit === QUOTE) break;
    const start = at;
    at++;
    if (unit < 0x20 && unit !== 0) {
      return stopString(scan, 'malformed_json', 'a control character', start);
    }
    if (unit === BACKSLASH) {
      const escaped = readEscape(text, start);
      if (!escaped) return stopString(scan, 'malformed_json', 'an unknown escape', start);
      unit = escaped.unit;
      at = escaped.end;
    }
    if (unit === 0) return stopString(scan, 'nul_character', 'a NUL character', start);
    const isLow = unit >= 0xdc00 && unit <= 0xdfff;
    if (isLow !== high >= 0) {
      return stopString(scan, 'lone_surrogate', 'half of a character', high >= 0 ? high : start);
    }
    high = unit >= 0xd800 && unit <= 0xdbff ? start : -1;
  }
  if (at >= text.length) return stopString(scan, 'malformed_json', 'no end of the string', at);
  if (high >= 0) return stopString(scan, 'lone_surrogate', 'half of a character', high);
  scan.at = at + 1;
  return true;
}

const SIMPLE_ESCAPES = '"\\/bfnrt';

/** The UTF-16 unit that an escape stands for; a blank for the simple ones, of which none hurts. */
function readEscape(text: string, at: number): { unit: number; end: number } | null {
  const letter = text[at + 1];
  if (letter === undefined) return null;
  if (letter !== 'u') return SIMPLE_ESCAPES.includes(letter) ? { unit: 0x20, end: at + 2 } : null;
  const hex = text.slice(at + 2, at + 6);
  if (!/^[0-9a-fA-F]{4}$/.test(hex)) return null;
  return { unit: Number.parseInt(hex, 16), end: at + 6 };
}

/** The four characters that JSON calls white space; others, such as U+00A0, are malformed. */
function skipSpace(scan: Scan): void {
  const { text } = scan;
  for (; scan.at < text.length; scan.at++) {
    const unit = text.charCodeAt(scan.at);
    if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
  }
}

function stopString(scan: Scan, code: JsonRefusalCode, message: string, position: number): false {
  stop(scan, code, message, undefined, position);
  return false;
}

/**
 * Notes the finding. Its path leads to the value being read, or with `inside: null` to the array
 * or object around it, where what is wrong is no value's.
 */
function stop(
  scan: Scan,
  code: JsonRefusalCode,
  message: string,
  inside?: Frame | null,
  position = scan.at,
): null {
  const frames = inside === null ? scan.frames.slice(0, -1) : scan.frames;
  scan.finding = { code, message, path: pathOf(frames), position };
  return null;
}

function pathOf(frames: readonly Frame[]): string {
  const labels = frames.map((frame) => shorten(String(frame.label), MAX_LABEL_CHARS));
  return shorten(labels.filter((label) => label !== '').join('.'), MAX_PATH_CHARS);
}

/** Cut at a character, not through one. */
function shorten(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  return `${text.slice(0, maxChars - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
