import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Form, parseForm } from './form.ts';
import { createdInterval, list, metadata, readParams, withMetadata } from './params.ts';

function parsed(text: string): unknown {
  const form = parseForm(text);
  if (!form.ok) throw new Error(form.refusal.detail);
  return JSON.parse(JSON.stringify(form.value));
}

describe('parseForm', () => {
  it.each([
    ['', {}],
    ['a=1&b=x+y%20z', { a: '1', b: 'x y z' }],
    ['a[b][c]=1&a[d]=2', { a: { b: { c: '1' }, d: '2' } }],
    ['a[0][b]=1&a[1][b]=2', { a: { '0': { b: '1' }, '1': { b: '2' } } }],
    ['a[]=x&a[]=y', { a: { '0': 'x', '1': 'y' } }],
    ['a%5Bb%5D=%E2%82%AC', { a: { b: '€' } }],
    ['a', { a: '' }],
    ['constructor=1', { constructor: '1' }],
  ])('%s', (text, form) => {
    expect(parsed(text)).toEqual(form);
  });

  it.each([
    ['a=1&a=2', 'twice'],
    ['a=1&a[b]=2', 'both'],
    ['a[b]=1&a=2', 'twice'],
    ['a=%', 'escape'],
    ['a=%FF', 'escape'],
    ['a[b=1', 'name'],
    ['[a]=1', 'name'],
    ['a]b=1', 'name'],
    ['=1', 'name'],
    ['__proto__[x]=1', 'name'],
    ['a[__proto__][x]=1', 'name'],
    [`${'a'}${'[b]'.repeat(6)}=1`, 'deeply'],
    [Array.from({ length: 501 }, (_, i) => `a${i}=`).join('&'), '500'],
  ])('refuses %#: %s', (text, why) => {
    const form = parseForm(text);
    expect(form.ok).toBe(false);
    if (!form.ok) expect(form.refusal.detail).toContain(why);
  });

  it('reads back whatever an SDK writes', () => {
    // The one name that is refused, as the table above says.
    const name = fc.stringMatching(/^[a-z_]{1,10}$/).filter((text) => text !== '__proto__');
    const object = fc.dictionary(name, fc.string({ unit: 'grapheme' }), { noNullPrototype: true });
    fc.assert(
      fc.property(object, (values) => {
        const text = Object.entries(values)
          .map(([key, value]) => `m[${encodeURIComponent(key)}]=${encodeURIComponent(value)}`)
          .join('&');
        expect(parsed(text)).toEqual(text === '' ? {} : { m: values });
      }),
    );
  });
});

describe('parameters', () => {
  const schema = z.strictObject({ items: list(z.strictObject({ id: z.string() })).optional() });
  const read = (text: string) => {
    const form = parseForm(text);
    return readParams(schema, form.ok ? form.value : ({} as Form));
  };

  it('are lists where the schema says so', () => {
    expect(read('items[0][id]=a&items[1][id]=b')).toMatchObject({
      ok: true,
      value: { items: [{ id: 'a' }, { id: 'b' }] },
    });
  });

  it('are named in Stripe’s notation where they are wrong', () => {
    expect(read('items[0][id]=a&items[0][x]=1')).toMatchObject({
      ok: false,
      refusal: { status: 400, error: { code: 'parameter_unknown', param: 'items[0][x]' } },
    });
    expect(read('items[0][x]=1')).toMatchObject({ ok: false });
    expect(read('items[a][id]=1')).toMatchObject({
      ok: false,
      refusal: { error: { param: 'items' } },
    });
  });

  it('bound metadata as Stripe does', () => {
    const fits = (given: unknown) => metadata.safeParse(given).success;
    expect(fits({ ['k'.repeat(40)]: 'v'.repeat(500) })).toBe(true);
    expect(fits({ ['k'.repeat(41)]: 'v' })).toBe(false);
    expect(fits({ k: 'v'.repeat(501) })).toBe(false);
    expect(fits(Object.fromEntries(Array.from({ length: 51 }, (_, i) => [i, 'v'])))).toBe(false);
    expect(withMetadata({ a: '1' }, { a: '', b: '2' })).toEqual({ b: '2' });
    expect(withMetadata({ a: '1' }, '')).toEqual({});
  });

  it('read a time filter as a closed interval', () => {
    expect(createdInterval(5)).toEqual({ createdFromS: 5, createdToS: 5 });
    expect(createdInterval({ gt: 5, lt: 9 })).toEqual({ createdFromS: 6, createdToS: 8 });
  });
});
