/** A planted fault: a small tree with one thing wrong, and its twin where that is put right. */
import type { SourceFile } from './source.ts';

type Tree = Readonly<Record<string, string>>;

export type Plant = {
  readonly rule: string;
  readonly title: string;
  readonly fault: Tree;
  /** `path:line` of the one finding. */
  readonly at: string;
  readonly twin: Tree;
};

export function filesOf(tree: Tree): SourceFile[] {
  return Object.entries(tree).map(([path, text]) => ({ path, text }));
}

export function lines(...all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}

/** `count` lines that end up as one text; for whatever must not grow too long. */
export function repeated(count: number, line: string): string {
  return `${line}\n`.repeat(count);
}

/** A fault in one file on one line: the usual case. */
export function inFile(
  rule: string,
  title: string,
  path: string,
  [fault, twin]: readonly [string, string],
  line = 1,
): Plant {
  return {
    rule,
    title,
    fault: { [path]: `${fault}\n` },
    at: `${path}:${line}`,
    twin: { [path]: `${twin}\n` },
  };
}
