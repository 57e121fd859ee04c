import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clashesOf, gapsOf, type Use } from './rules-schedule.ts';

const at = (hour: number) => new Date(Date.UTC(2035, 0, 1) + hour * 3_600_000);
const use = (eventId: string, from: number, to: number): Use => ({
  eventId,
  from: at(from),
  to: at(to),
});

describe('a schedule', () => {
  it('names each pair that overlaps, with the time of it', () => {
    const uses = [use('a', 0, 10), use('b', 8, 12), use('c', 9, 10), use('d', 12, 14)];
    expect(clashesOf(uses)).toEqual([
      { eventIds: ['a', 'b'], from: at(8), to: at(10) },
      { eventIds: ['a', 'c'], from: at(9), to: at(10) },
      { eventIds: ['b', 'c'], from: at(9), to: at(10) },
    ]);
  });

  it('is free before, between and after, but not while one use outlasts the next', () => {
    const uses = [use('a', 2, 10), use('b', 3, 4), use('c', 12, 30)];
    const hours = gapsOf(uses, at(0), at(24)).map(({ from, to }) => [from, to]);
    expect(hours).toEqual([
      [at(0), at(2)],
      [at(10), at(12)],
    ]);
    expect(gapsOf([], at(0), at(24))).toEqual([{ from: at(0), to: at(24) }]);
  });

  it('is free in an hour exactly where no use is', () => {
    const hours = fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 8 }));
    fc.assert(
      fc.property(fc.array(hours, { maxLength: 8 }), (list) => {
        const uses = list
          .map(([from, length], i) => use(String(i), from, from + length))
          .sort((a, b) => a.from.getTime() - b.from.getTime());
        const gaps = gapsOf(uses, at(0), at(24));
        for (let hour = 0; hour < 24; hour++) {
          const within = (one: { from: Date; to: Date }) =>
            one.from <= at(hour) && at(hour) < one.to;
          expect(gaps.some(within)).toBe(!uses.some(within));
        }
      }),
    );
  });
});
