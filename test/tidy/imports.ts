/** The imports of a file, found in its scanned code, so none in a comment or a string. */
import { type Literal, type Scan, scanOf } from './scan-ts.ts';
import type { SourceFile } from './source.ts';

export type Import = {
  readonly start: number;
  readonly end: number;
  /**
   * `type` is erased; `import { type A } from` is not (with verbatimModuleSyntax the import itself
   * stays), so it counts as a value. `computed` is an `import()` whose path nobody can read.
   */
  readonly kind: 'value' | 'type' | 'computed';
  /** As written; empty where it is computed. */
  readonly specifier: string;
  /** From the repository's root where the specifier is relative, else null. */
  readonly target: string | null;
  /** What stands between `import` and `from`. */
  readonly clause: string;
};

const STATIC =
  /\b(?:import|export)(?=[\s*{])\s*(type\s+(?!from\b))?(\*(?:\s+as\s+[\w$]+)?|\{[^}]*\}|[\w$]+(?:\s*,\s*(?:\{[^}]*\}|\*\s+as\s+[\w$]+))?)\s*from\s*(?=['"])/g;
const BARE = /\bimport\s*(?=['"])/g;
const CALL = /\b(?:import|require)\s*\(\s*/g;

const imports = new WeakMap<SourceFile, readonly Import[]>();

export function importsOf(file: SourceFile): readonly Import[] {
  const known = imports.get(file);
  if (known) return known;
  const found = findImports(file);
  imports.set(file, found);
  return found;
}

function findImports(file: SourceFile): Import[] {
  const scan = scanOf(file);
  const found: Import[] = [];
  for (const match of scan.code.matchAll(STATIC)) {
    const literal = stringAt(scan, match.index + match[0].length);
    if (!literal) continue;
    const kind = match[1] ? 'type' : 'value';
    found.push({ ...where(file.path, literal), start: match.index, kind, clause: match[2] ?? '' });
  }
  for (const match of scan.code.matchAll(BARE)) {
    const literal = stringAt(scan, match.index + match[0].length);
    if (!literal) continue;
    found.push({ ...where(file.path, literal), start: match.index, kind: 'value', clause: '' });
  }
  for (const match of scan.code.matchAll(CALL)) {
    const before = scan.code.slice(Math.max(0, match.index - 20), match.index);
    if (/[.$]\s*$/.test(before)) continue;
    const at = match.index + match[0].length;
    const literal = stringAt(scan, at);
    // The whole argument must be one string: `import('./a' + b)` is computed.
    const whole = literal && /^\s*[,)]/.test(scan.code.slice(literal.end, literal.end + 80));
    const place = whole ? where(file.path, literal) : { end: at, specifier: '', target: null };
    const kind = !whole ? 'computed' : /\btypeof\s+$/.test(before) ? 'type' : 'value';
    found.push({ ...place, start: match.index, kind, clause: '' });
  }
  return found;
}

function stringAt(scan: Scan, at: number): Literal | null {
  return scan.literals.find((one) => one.start === at && one.kind === 'string') ?? null;
}

function where(from: string, literal: Literal): Pick<Import, 'specifier' | 'target' | 'end'> {
  const specifier = literal.text.slice(1, -1);
  const end = literal.end;
  if (!specifier.startsWith('.')) return { specifier, target: null, end };
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return { specifier, target: parts.join('/'), end };
}
