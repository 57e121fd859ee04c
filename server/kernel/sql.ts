/**
 * SQL as values. A statement is text, parameters and a decoder of its rows, so that it can be
 * printed, prepared in a test, and run on a pool or in a transaction alike. Its prepared name is
 * made from the text. `@v` in the text stands for the version suffix of the SQL functions that
 * this build installed (see functions.ts).
 */
import { createHash } from 'node:crypto';
import { functionSuffix } from './functions.ts';
import { AssertionError } from './result.ts';

export type Statement<Row> = {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
  readonly decode: (raw: Readonly<Record<string, unknown>>) => Row;
};

type Column<T> = (raw: unknown) => T;
export type Columns = Readonly<Record<string, Column<unknown>>>;
export type RowOf<C extends Columns> = { readonly [K in keyof C]: ReturnType<C[K]> };

function typed<T>(what: string, fits: (raw: unknown) => boolean): Column<T> {
  return (raw) => {
    if (!fits(raw)) throw new AssertionError(`expected ${what}, got ${typeof raw}`);
    // `fits` has just checked it.
    return raw as T;
  };
}

function nullable<T>(column: Column<T>): Column<T | null> {
  return (raw) => (raw === null ? null : column(raw));
}

/** A list column; a JSON or SQL array. */
export function listOf<T>(column: Column<T>): Column<readonly T[]> {
  return (raw) => {
    if (!Array.isArray(raw)) throw new AssertionError(`expected a list, got ${typeof raw}`);
    return raw.map(column);
  };
}

/** A JSON column with named members. */
export function objectOf<C extends Columns>(columns: C): Column<RowOf<C>> {
  return (raw) => {
    if (typeof raw !== 'object' || raw === null) {
      throw new AssertionError(`expected an object, got ${raw === null ? 'null' : typeof raw}`);
    }
    // Any object can be asked for a member; what is missing fails its column.
    return decodeRow(columns, raw as Readonly<Record<string, unknown>>);
  };
}

export const text = typed<string>('text', (raw) => typeof raw === 'string');
export const int = typed<number>('a safe integer', (raw) => Number.isSafeInteger(raw));
export const real = typed<number>('a number', (raw) => typeof raw === 'number');
export const bool = typed<boolean>('a boolean', (raw) => typeof raw === 'boolean');
export const instant = typed<Date>('a time', (raw) => raw instanceof Date);
export const bytes = typed<Buffer>('bytes', (raw) => Buffer.isBuffer(raw));
export const json: Column<unknown> = (raw) => raw;
export const textOrNull = nullable(text);
export const intOrNull = nullable(int);
export const instantOrNull = nullable(instant);

/** Text of a known shape: an id, a state. Trusted here because the table's constraints hold it. */
export function textAs<T extends string>(): Column<T> {
  // The constraint of the column that is read.
  return text as unknown as Column<T>;
}
export function textAsOrNull<T extends string>(): Column<T | null> {
  // As above.
  return textOrNull as unknown as Column<T | null>;
}

function decodeRow<C extends Columns>(
  columns: C,
  raw: Readonly<Record<string, unknown>>,
): RowOf<C> {
  const row: Record<string, unknown> = {};
  for (const [name, column] of Object.entries(columns)) {
    try {
      row[name] = column(raw[name]);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new AssertionError(`column ${name}: ${reason}`);
    }
  }
  // Every key of `columns` has just been filled by its own decoder.
  return row as RowOf<C>;
}

/**
 * SQL that several statements share, such as the columns of one table: spliced into the text, never
 * a parameter. At one place in the code it must always be the same one.
 */
class Fragment {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export function fragment(strings: TemplateStringsArray): Fragment {
  return new Fragment(strings.join(''));
}

type Rendered = { readonly name: string; readonly text: string; readonly parts: Fragment[] };

const rendered = new WeakMap<TemplateStringsArray, Rendered>();
const isFragment = (value: unknown): value is Fragment => value instanceof Fragment;

function render(
  strings: TemplateStringsArray,
  values: readonly unknown[],
): { name: string; text: string; values: readonly unknown[] } {
  const parameters = values.filter((value) => !isFragment(value));
  const parts = values.filter(isFragment);
  const known = rendered.get(strings);
  if (known) {
    const same = parts.length === known.parts.length && parts.every((p, i) => p === known.parts[i]);
    if (!same) throw new AssertionError('another fragment at the same place of a statement');
    return { name: known.name, text: known.text, values: parameters };
  }
  let count = 0;
  const text = strings
    .reduce((all, part, i) => {
      if (i === 0) return part;
      const value = values[i - 1];
      if (isFragment(value)) return all + value.text + part;
      count += 1;
      return `${all}$${count}${part}`;
    }, '')
    .replaceAll('@v', functionSuffix());
  const name = createHash('sha1').update(text).digest('hex').slice(0, 20);
  rendered.set(strings, { name, text, parts });
  return { name, text, values: parameters };
}

/** `rows({ id: text })\`select id from … where x = ${x}\`` */
export function rows<C extends Columns>(columns: C) {
  return (strings: TemplateStringsArray, ...values: unknown[]): Statement<RowOf<C>> => ({
    ...render(strings, values),
    decode: (raw) => decodeRow(columns, raw),
  });
}

/** A statement whose rows nobody reads. */
export function command(strings: TemplateStringsArray, ...values: unknown[]): Statement<null> {
  return { ...render(strings, values), decode: () => null };
}
