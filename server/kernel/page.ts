/**
 * Lists by cursor. A cursor is the sort key of the last row seen, signed for its list, so that a
 * made-up or foreign one is refused instead of being trusted.
 */
import { z } from 'zod';
import { ok, type Refusal, type Result, refused } from './result.ts';
import { type Secrets, sameSecret } from './secrets.ts';

export const PAGE_LIMIT_MAX = 200;
const PAGE_LIMIT_DEFAULT = 50;
const SIGNATURE_CHARS = 12;

export const pageQuery = {
  limit: z
    .string()
    // Digits only: what else `Number` understands (`1e2`, `0x10`, a blank) is a slip.
    .regex(/^[0-9]{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(1).max(PAGE_LIMIT_MAX))
    .default(PAGE_LIMIT_DEFAULT)
    .meta({
      type: 'integer',
      minimum: 1,
      maximum: PAGE_LIMIT_MAX,
      default: PAGE_LIMIT_DEFAULT,
      description: 'How many at most',
    }),
  cursor: z.string().max(500).optional().describe('`nextCursor` of the page before'),
};

export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ data: z.array(item), nextCursor: z.string().nullable() });
}

export type Page<View> = { data: View[]; nextCursor: string | null };

export type CursorRefusal = Refusal & { readonly code: 'validation_failed' };

/** The values that the list continues after; null for the first page. */
export function readCursor(
  secrets: Secrets,
  list: string,
  cursor: string | undefined,
): Result<readonly string[] | null, CursorRefusal> {
  if (cursor === undefined) return ok(null);
  const [payload = '', signature = '', ...rest] = cursor.split('.');
  if (rest.length === 0 && sameSecret(signature, sign(secrets, list, payload))) {
    const values: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    // Only what `writeCursor` wrote carries this signature.
    return ok(values as readonly string[]);
  }
  const message = 'is not a cursor of this list';
  return refused('validation_failed', {
    issues: [{ path: 'cursor', code: 'invalid_cursor', message }],
  });
}

/**
 * A page from rows that were asked for one more than `limit`: the extra row only tells that there
 * is more.
 */
export function toPage<Row, View>(
  secrets: Secrets,
  list: string,
  found: readonly Row[],
  limit: number,
  shape: { readonly view: (row: Row) => View; readonly key: (row: Row) => readonly string[] },
): Page<View> {
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const more = found.length > limit && last !== undefined;
  return {
    data: page.map(shape.view),
    nextCursor: more ? writeCursor(secrets, list, shape.key(last)) : null,
  };
}

function writeCursor(secrets: Secrets, list: string, values: readonly string[]): string {
  const payload = Buffer.from(JSON.stringify(values)).toString('base64url');
  return `${payload}.${sign(secrets, list, payload)}`;
}

function sign(secrets: Secrets, list: string, payload: string): string {
  return secrets.derive(`cursor:${list}`, payload).slice(0, SIGNATURE_CHARS);
}
