/**
 * Expected outcomes are values, faults are exceptions.
 *
 * A refusal is something a caller can cause and must handle: it has a stable `code` from a closed
 * union. A fault is a bug or a broken world: it is thrown, logged with the request id, and becomes
 * a 500. Assertions stay on in production: a wrong state that goes on selling costs more than a
 * stopped request.
 */
export type Refusal = {
  readonly code: string;
  /** One sentence for a person; never needed to tell refusals apart. */
  readonly detail?: string;
  /** Extra members of the problem document, e.g. the seats that were taken. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** Where in the request the refusal lies, for refusals that a form shows beside a field. */
  readonly issues?: readonly Issue[];
};

/** `path` is dotted, from the request body's root: `items.0.quantity`. */
export type Issue = { readonly path: string; readonly code: string; readonly message: string };

export type Ok<T> = { readonly ok: true; readonly value: T };
export type Refused<R extends Refusal> = { readonly ok: false; readonly refusal: R };
export type Result<T, R extends Refusal> = Ok<T> | Refused<R>;

export function ok<T>(value: T): Ok<T> {
  return { ok: true, value };
}

export function refused<const C extends string>(
  code: C,
  more: Omit<Refusal, 'code'> = {},
): Refused<Refusal & { readonly code: C }> {
  return { ok: false, refusal: { code, ...more } };
}

/** Refusal type of a room, from its closed list of codes. */
export type RefusalOf<C extends string> = Refusal & { readonly code: C };

export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

export function assertNever(value: never): never {
  throw new AssertionError(`unexpected value: ${JSON.stringify(value)}`);
}

/** The value, where "absent" would be a bug; `what` names the thing in the thrown message. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new AssertionError(`${what} is missing`);
  return value;
}
