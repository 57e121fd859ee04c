import { describe, expect, it } from 'vitest';
import { createPace } from './pace-refunds.ts';

describe('D10: the pace of refunds', () => {
  const at = { ms: 1_000 };
  const pace = () => createPace(10, 3, () => at.ms);

  it('lets a few go at once, and lays the rest out over time', () => {
    const { reserve } = pace();
    const waits = Array.from({ length: 6 }, () => reserve('acct'));
    expect(waits.map((seconds) => Math.round(seconds * 10))).toEqual([0, 0, 0, 1, 2, 3]);
  });

  it('makes one that is too many wait, without giving it a place', () => {
    const { admit } = pace();
    expect([admit('a'), admit('a'), admit('a')]).toEqual([0, 0, 0]);
    expect([admit('a'), admit('a')]).toEqual([1, 1]);
    expect(admit('b')).toBe(0);
    at.ms += 100;
    expect([admit('a'), admit('a')]).toEqual([0, 1]);
  });

  it('holds its rate over ten thousand', () => {
    const { reserve } = pace();
    const waits = Array.from({ length: 10_000 }, () => reserve('acct'));
    expect(Math.round(waits.at(-1) ?? 0)).toBe(Math.round((10_000 - 3) / 10));
  });
});
