import { describe, expect, it } from 'vitest';
import { gridPlan, type PlannedSeat, planSeats } from './seat-plan.ts';

describe('a plan', () => {
  const seat: PlannedSeat = { poolId: 'p', section: 'a', row: 1, place: 1, distance: 1 };
  it.each([
    [{ poolId: '' }, 'seat 1: has no pool'],
    [{ place: 1 }, 'seat 1: place 1 of row 1 is there twice'],
    [{ section: 'b' }, 'seat 1: row 1 is in section a and in section b'],
    [{ row: 1.5 }, 'seat 1: row 1.5 is not a whole number'],
    [{ place: -1 }, 'seat 1: place -1 is not a whole number'],
    [{ place: 2 ** 31 }, 'seat 1: place 2147483648 is not a whole number'],
    [{ distance: -0.1 }, 'seat 1: distance -0.1 is not 0 or more'],
    [{ distance: Number.NaN }, 'seat 1: distance NaN is not 0 or more'],
    [{ distance: 1e39 }, 'seat 1: distance 1e+39 is not 0 or more'],
  ])('refuses %o', (wrong, message) => {
    expect(() => planSeats([seat, { ...seat, place: 2, ...wrong }])).toThrow(message);
    expect(planSeats([seat, { ...seat, place: 2 }]).seats).toHaveLength(2);
  });

  it('is generated from counts: rows behind each other, aisles, the middle nearest', () => {
    const section = { section: 'a', poolId: 'p', rows: 2, placesPerRow: 4, aislesAfter: [2] };
    const { seats } = gridPlan([section, { section: 'b', poolId: 'q', rows: 1, placesPerRow: 1 }]);
    expect(seats.map(({ row, place }) => `${row}/${place}`)).toEqual([
      ...['0/0', '0/1', '0/3', '0/4'],
      ...['1/0', '1/1', '1/3', '1/4'],
      '2/0',
    ]);
    expect(seats.map((one) => one.distance.toFixed(2))).toEqual([
      ...['3.20', '3.05', '3.05', '3.20'],
      ...['4.05', '3.94', '3.94', '4.05'],
      '5.70',
    ]);
  });

  it('has sections where they are said to stand, and no aisle outside of its rows', () => {
    const section = { section: 'a', poolId: 'p', rows: 1, placesPerRow: 3 };
    const { seats } = gridPlan([{ ...section, at: { rightM: 3, backM: 4 } }]);
    expect(seats[1]?.distance).toBe(5);
    for (const after of [0, 3, 1.5]) {
      expect(() => gridPlan([{ ...section, aislesAfter: [after] }])).toThrow(`place ${after}`);
    }
  });
});
