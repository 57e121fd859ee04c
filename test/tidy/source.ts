/**
 * What every rule is handed (a source file) and hands back (a finding), and where a file stands in
 * the house: its zone, its room, its schema.
 */
export type SourceFile = { readonly path: string; readonly text: string };

export type Finding = {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  readonly message: string;
};

/** A rule and its reason stand together; `check` sees all files and reads nothing else. */
export type Rule = {
  readonly name: string;
  readonly why: string;
  readonly check: (files: readonly SourceFile[]) => Finding[];
};

export type Zone =
  | 'kernel'
  | 'room'
  | 'adapters'
  | 'sandbox'
  | 'wiring'
  | 'server'
  | 'web'
  | 'test'
  | 'bench'
  | 'tools'
  | 'elsewhere';

/** Files right below `server/`, commands, and the pages that the server itself makes. */
const WIRING = /^server\/(?:[a-z.-]+\.ts$|cli\/|web\/)/;
const FOLDER_ZONES: readonly (readonly [string, Zone])[] = [
  ['server/kernel/', 'kernel'],
  ['server/modules/', 'room'],
  ['server/adapters/', 'adapters'],
  ['server/sandbox/', 'sandbox'],
  ['server/', 'server'],
  ['web/', 'web'],
  ['test/', 'test'],
  ['bench/', 'bench'],
  ['tools/', 'tools'],
];

export function zoneOf(path: string): Zone {
  if (WIRING.test(path)) return 'wiring';
  return FOLDER_ZONES.find(([folder]) => path.startsWith(folder))?.[1] ?? 'elsewhere';
}

/** The room that a file belongs to, or null; a file beside the rooms belongs to none. */
export function roomOf(path: string): string | null {
  return /^server\/modules\/([^/]+)\//.exec(path)?.[1] ?? null;
}

/** The schema that a file's SQL may write, or null. */
export function schemaOf(path: string): string | null {
  const zone = zoneOf(path);
  if (zone === 'kernel' || zone === 'sandbox') return zone;
  return roomOf(path)?.replaceAll('-', '_') ?? null;
}

export function isServer(path: string): boolean {
  return path.startsWith('server/');
}

export function isTest(path: string): boolean {
  return path.startsWith('test/') || /\.test\.[cm]?[jt]sx?$/.test(path);
}

/** TypeScript and JavaScript: what the scanner of scan-ts.ts reads. */
export function isScript(path: string): boolean {
  return /\.[cm]?[jt]sx?$/.test(path);
}

export function isSql(path: string): boolean {
  return path.endsWith('.sql');
}

export function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

const lineStarts = new WeakMap<SourceFile, readonly number[]>();

/** The line, from 1, on which the character at `at` stands. */
export function lineAt(file: SourceFile, at: number): number {
  const starts = startsOf(file);
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= at) low = middle;
    else high = middle;
  }
  return low + 1;
}

/** Where each line begins. */
export function startsOf(file: SourceFile): readonly number[] {
  const known = lineStarts.get(file);
  if (known) return known;
  const starts = [0];
  for (let at = file.text.indexOf('\n'); at >= 0; at = file.text.indexOf('\n', at + 1)) {
    starts.push(at + 1);
  }
  lineStarts.set(file, starts);
  return starts;
}

/** At most one finding a line for one pattern; `code` has the offsets of the file's text. */
export function findingsOf(
  file: SourceFile,
  code: string,
  pattern: RegExp,
  rule: string,
  message: (match: RegExpMatchArray) => string,
): Finding[] {
  const byLine = new Map<number, Finding>();
  for (const match of code.matchAll(pattern)) {
    const line = lineAt(file, match.index);
    if (byLine.has(line)) continue;
    byLine.set(line, { path: file.path, line, rule, message: message(match) });
  }
  return [...byLine.values()];
}
