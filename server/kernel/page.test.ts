import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { PAGE_LIMIT_MAX, pageQuery, readCursor, toPage } from './page.ts';
import { ok } from './result.ts';
import { secretsFrom } from './secrets.ts';

const secrets = secretsFrom(Buffer.alloc(32, 1));
const others = secretsFrom(Buffer.alloc(32, 2));

function pageAfter(key: readonly string[], list = 'orders', by = secrets): string {
  const shape = { view: (row: number) => row, key: () => key };
  return toPage(by, list, [1, 2], 1, shape).nextCursor ?? expect.unreachable('no cursor');
}

describe('a page', () => {
  const shape = { view: (row: { n: number }) => row.n, key: (row: { n: number }) => [`${row.n}`] };
  const rows = [{ n: 1 }, { n: 2 }, { n: 3 }];

  it('has a cursor after its last row, if there is more', () => {
    const page = toPage(secrets, 'orders', rows, 2, shape);
    expect(page.data).toEqual([1, 2]);
    expect(readCursor(secrets, 'orders', page.nextCursor ?? '')).toEqual(ok(['2']));
  });

  it.each([3, 4])('of all rows has none (limit %i)', (limit) => {
    expect(toPage(secrets, 'orders', rows, limit, shape)).toEqual({
      data: [1, 2, 3],
      nextCursor: null,
    });
  });

  it('of nothing has none', () => {
    expect(toPage(secrets, 'orders', [], 10, shape)).toEqual({ data: [], nextCursor: null });
  });
});

describe('a cursor', () => {
  it('gives back any values', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 }), (values) => {
        const wellFormed = values.map((value) => Buffer.from(value).toString());
        expect(readCursor(secrets, 'orders', pageAfter(wellFormed))).toEqual(ok(wellFormed));
      }),
    );
  });

  it('is not needed for the first page', () => {
    expect(readCursor(secrets, 'orders', undefined)).toEqual(ok(null));
  });

  const good = pageAfter(['ord_1']);
  const [payload = '', signature = ''] = good.split('.');
  it.each([
    ['of another list', pageAfter(['ord_1'], 'users')],
    ['of another instance', pageAfter(['ord_1'], 'orders', others)],
    ['with other values', `${Buffer.from('["ord_2"]').toString('base64url')}.${signature}`],
    ['with a shorter signature', good.slice(0, -1)],
    ['with another signature', `${payload}.${signature.replace(/./, 'A')}`],
    ['without a signature', payload],
    ['with an empty signature', `${payload}.`],
    ['with an empty payload', `.${signature}`],
    ['with something behind it', `${good}.x`],
    ['made up', 'abc.def'],
    ['empty', ''],
    ['of dots', '...'],
    ['that is no text', '\u0000'],
  ])('%s is refused', (_what, cursor) => {
    expect(cursor).not.toBe(good);
    expect(readCursor(secrets, 'orders', cursor)).toMatchObject({
      ok: false,
      refusal: { code: 'validation_failed', issues: [{ path: 'cursor', code: 'invalid_cursor' }] },
    });
  });

  it('made up of anything is refused, and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (cursor) => {
        fc.pre(cursor !== good);
        expect(readCursor(secrets, 'orders', cursor).ok).toBe(false);
      }),
    );
  });
});

describe('a limit', () => {
  const query = z.strictObject(pageQuery);
  it.each([
    ['1', 1],
    ['200', PAGE_LIMIT_MAX],
    [undefined, 50],
  ])('%s is %i', (limit, meant) => {
    expect(query.parse({ limit }).limit).toBe(meant);
  });
  it.each([
    '0',
    '-1',
    '201',
    '1e2',
    '0x10',
    ' 5',
    '5.0',
    '',
    'NaN',
    '9'.repeat(400),
    '٣',
    ['1', '2'],
  ])('%j is refused', (limit) => {
    expect(query.safeParse({ limit }).success).toBe(false);
  });
});
