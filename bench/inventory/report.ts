/** The output of a run: lines for people as they come, figures with their bars, and JSON. */
import type { Block } from './blocks.ts';

export type Spread = { readonly median: number; readonly low: number; readonly high: number };

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [upper = Number.NaN, lower = upper] = [sorted[middle], sorted[middle - 1]];
  const median = sorted.length % 2 === 1 ? upper : (upper + lower) / 2;
  return { median, low: sorted[0] ?? Number.NaN, high: sorted.at(-1) ?? Number.NaN };
}

export type Bar =
  | { readonly atLeast: number; readonly aim?: number }
  | { readonly atMost: number }
  | null;

export type Figure = Spread & {
  readonly section: string;
  readonly says: string;
  readonly bar: Bar;
  /** Null where there is no bar. */
  readonly isMet: boolean | null;
};

export type Report = {
  readonly line: (text: string) => void;
  /** To the terminal only. */
  readonly progress: (text: string) => void;
  readonly table: (head: readonly string[], rows: readonly (readonly string[])[]) => void;
  readonly block: (block: Block) => void;
  readonly figure: (figure: Omit<Figure, 'section' | 'isMet' | keyof Spread> & Values) => void;
  /** Numbers that belong into the JSON and are not blocks. */
  readonly note: (name: string, value: unknown) => void;
  readonly section: (name: string, title: string) => void;
  readonly text: () => string;
  readonly figures: readonly Figure[];
  readonly json: () => unknown;
};

type Values = { readonly value: Spread | number };

const asSpread = (value: Spread | number): Spread =>
  typeof value === 'number' ? { median: value, low: value, high: value } : value;

function isMet(bar: Bar, { median }: Spread): boolean | null {
  if (bar === null) return null;
  return 'atLeast' in bar ? median >= bar.atLeast : median <= bar.atMost;
}

export function openReport(quiet: boolean): Report {
  const lines: string[] = [];
  const figures: Figure[] = [];
  const blocks: (Block & { section: string })[] = [];
  const notes: Record<string, unknown> = {};
  let current = '';
  const line = (text: string) => {
    lines.push(text);
    if (!quiet) console.log(text);
  };
  return {
    line,
    progress: (text) => {
      if (!quiet) console.log(`  … ${text}`);
    },
    table: (head, rows) => {
      for (const row of [head, ...rows]) line(padded(row, [head, ...rows]));
      line('');
    },
    block: (block) => void blocks.push({ section: current, ...block }),
    figure: ({ says, bar, value }) => {
      const spread = asSpread(value);
      const figure = { section: current, says, bar, ...spread, isMet: isMet(bar, spread) };
      figures.push(figure);
      line(figureLine(figure));
    },
    note: (name, value) => {
      notes[`${current}: ${name}`] = value;
    },
    section: (name, title) => {
      current = name;
      line('');
      line(`== ${name}: ${title}`);
    },
    text: () => `${lines.join('\n')}\n`,
    figures,
    json: () => ({ figures, notes, blocks }),
  };
}

function padded(row: readonly string[], rows: readonly (readonly string[])[]): string {
  return row
    .map((text, i) => {
      const width = Math.max(...rows.map((other) => other[i]?.length ?? 0));
      return i === 0 ? text.padEnd(width + 2) : text.padStart(width + 2);
    })
    .join('')
    .trimEnd();
}

export function figureLine({ says, bar, isMet: met, ...spread }: Figure): string {
  const range =
    spread.low === spread.high ? '' : ` (${short(spread.low)} to ${short(spread.high)})`;
  const wanted = bar === null ? '' : `  [${barText(bar)}: ${met ? 'met' : 'NOT MET'}]`;
  return `${says}: ${short(spread.median)}${range}${wanted}`;
}

function barText(bar: NonNullable<Bar>): string {
  if ('atMost' in bar) return `bar ≤ ${bar.atMost}`;
  return bar.aim === undefined ? `bar ≥ ${bar.atLeast}` : `bar ≥ ${bar.atLeast}, aim ${bar.aim}`;
}

/** Three significant digits, or whole from 100 on. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

export const spreadText = (spread: Spread): string =>
  `${short(spread.median)} (${short(spread.low)} to ${short(spread.high)})`;
