import { describe, expect, it } from 'vitest';
import { AssertionError, assert, assertNever, ok, present, refused } from './result.ts';

describe('outcomes', () => {
  it('are values', () => {
    expect(ok(1)).toEqual({ ok: true, value: 1 });
    expect(refused('sold_out', { detail: 'None left.' })).toEqual({
      ok: false,
      refusal: { code: 'sold_out', detail: 'None left.' },
    });
  });

  it('keep their code as a type', () => {
    const code: 'sold_out' = refused('sold_out').refusal.code;
    expect(code).toBe('sold_out');
  });
});

describe('assertions', () => {
  it.each([false, null, undefined, 0, ''])('fail on %j', (condition) => {
    expect(() => assert(condition, 'it holds')).toThrow(new AssertionError('it holds'));
  });
  it.each([true, 1, 'a', {}])('hold on %j', (condition) => {
    expect(() => assert(condition, 'it holds')).not.toThrow();
  });
  it('name what cannot be', () => {
    expect(() => assertNever('odd' as never)).toThrow('unexpected value: "odd"');
  });
  it.each([null, undefined])('%j is not present', (value) => {
    expect(() => present(value, 'the order')).toThrow('the order is missing');
  });
  it.each([0, '', false])('%j is present', (value) => {
    expect(present(value, 'it')).toBe(value);
  });
});
