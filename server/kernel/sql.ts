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
  return (raw) => decodeRow(columns, raw as Readonly<Record<string, unknown>>);
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
  return text as unknown as Column<T>;
}
export function textAsOrNull<T extends string>(): Column<T | null> {
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
      throw new AssertionError(`column ${name}: ${(error as Error).message}`);
    }
  }
  // Every key of `columns` has just been filled by its own decoder.
  return row as RowOf<C>;
}

const rendered = new WeakMap<TemplateStringsArray, { name: string; text: string }>();

function render(strings: TemplateStringsArray): { name: string; text: string } {
  const known = rendered.get(strings);
  if (known) return known;
  const text = strings
    .reduce((all, part, i) => (i === 0 ? part : `${all}$${i}${part}`), '')
    .replaceAll('@v', functionSuffix());
  const name = createHash('sha1').update(text).digest('hex').slice(0, 20);
  const statement = { name, text };
  rendered.set(strings, statement);
  return statement;
}

/** `rows({ id: text })\`select id from … where x = ${x}\`` */
export function rows<C extends Columns>(columns: C) {
  return (strings: TemplateStringsArray, ...values: unknown[]): Statement<RowOf<C>> => ({
    ...render(strings),
    values,
    decode: (raw) => decodeRow(columns, raw),
  });
}

/** A statement whose rows nobody reads. */
export function command(strings: TemplateStringsArray, ...values: unknown[]): Statement<null> {
  return { ...render(strings), values, decode: () => null };
}
