import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FreeSeat, proposeSeats, type UnseatedParty } from './propose-seats.ts';

/**
 * Rows as drawn: a letter is a free seat of that category, anything else none. The focal point is
 * above the column `focal`; a row further back is as far as ten places.
 */
function free(rows: readonly string[], focal = 0): FreeSeat[] {
  return rows.flatMap((line, row) =>
    [...line].flatMap((category, place) =>
      /[A-Z]/.test(category)
        ? [
            {
              seatNo: 100 * row + place,
              category,
              row,
              place,
              distance: 10 * row + Math.abs(place - focal),
            },
          ]
        : [],
    ),
  );
}

const party = (id: string, seats: string, distance: number): UnseatedParty => ({
  id,
  seats: [...seats].map((category) => ({ category, distance })),
});

describe('a party that loses its seats', () => {
  it.each([
    ['sits where it was', 'AAAAAA', 'AA', 4, [4, 5], 1],
    ['sits together, though further off', 'A.A.AA', 'AA', 0, [4, 5], 1],
    ['leaves nobody alone', 'AAA.AA', 'AA', 0, [4, 5], 1],
    ['leaves somebody alone rather than part', 'AAA', 'AA', 0, [0, 1], 1],
    ['stays in its category', 'AAABB', 'BB', 0, [3, 4], 1],
    ['is split into as few blocks as possible', 'A.AA.AAA', 'AAAA', 0, [5, 6, 7, 0], 2],
    ['sits in all there is', 'A.A.A', 'AAA', 0, [0, 2, 4], 3],
    ['has each its category', 'AABB', 'BABA', 0, [2, 0, 3, 1], 2],
  ])('%s', (_what, row, seats, distance, seatNos, blocks) => {
    expect(proposeSeats([party('p', seats, distance)], free([row]))).toEqual([
      { id: 'p', seatNos, blocks, reason: null },
    ]);
  });

  it('gets none where its category has not enough, and takes none from others', () => {
    const proposed = proposeSeats(
      [party('p', 'AAAB', 0), party('q', 'AA', 0), party('r', 'C', 0)],
      free(['AAA']),
    );
    const short = (category: string, wanted: number, left: number) => ({
      code: 'not_enough_seats',
      category,
      wanted,
      left,
    });
    expect(proposed).toEqual([
      { id: 'p', seatNos: [], blocks: 0, reason: short('B', 1, 0) },
      { id: 'q', seatNos: [0, 1], blocks: 1, reason: null },
      { id: 'r', seatNos: [], blocks: 0, reason: short('C', 1, 0) },
    ]);
  });

  it('comes after larger ones, after those who sat nearer, after lower ids', () => {
    const parties = [
      party('d', 'A', 9),
      party('c', 'A', 2),
      party('b', 'A', 2),
      party('a', 'AA', 30),
    ];
    const seats = free(['AA', 'A.A.A']);
    const found = new Map(proposeSeats(parties, seats).map(({ id, seatNos }) => [id, seatNos]));
    expect(Object.fromEntries(found)).toEqual({ a: [0, 1], b: [100], c: [102], d: [104] });
    expect(proposeSeats(parties.toReversed(), seats.toReversed()).toReversed()).toEqual(
      proposeSeats(parties, seats),
    );
  });

  it('without seats is no party', () => {
    expect(proposeSeats([party('p', '', 0)], [])).toEqual([
      { id: 'p', seatNos: [], blocks: 0, reason: null },
    ]);
  });

  it('is not seated by a plan with a seat twice', () => {
    const [seat] = free(['A']);
    expect(() => proposeSeats([], seat ? [seat, { ...seat, seatNo: 7 }] : [])).toThrow(
      'seat 0 is free twice',
    );
  });
});

/** Distances in quarters: sums of them are exact in any order. */
const seats = fc
  .array(
    fc.record({
      row: fc.nat(2),
      place: fc.nat(9),
      category: fc.constantFrom('A', 'A', 'B'),
      distance: fc.nat(40).map((n) => n / 4),
    }),
    { maxLength: 16, size: 'max' },
  )
  .map((list) => [...new Map(list.map((seat) => [`${seat.row}/${seat.place}`, seat])).values()])
  .map((list) => list.map((seat, seatNo) => ({ ...seat, seatNo })));
const parties = fc
  .array(
    fc.array(fc.record({ category: fc.constantFrom('A', 'A', 'A', 'B'), distance: fc.nat(10) }), {
      maxLength: 5,
    }),
    { maxLength: 5 },
  )
  .map((list) => list.map((those, i) => ({ id: `p${i}`, seats: those })));

const areNeighbours = (a: FreeSeat, b: FreeSeat) =>
  a.category === b.category && a.row === b.row && Math.abs(a.place - b.place) === 1;
const blocksIn = (chosen: readonly FreeSeat[]) =>
  chosen.length -
  chosen.flatMap((a, i) => chosen.slice(i + 1).filter((b) => areNeighbours(a, b))).length;

function subsets<T>(list: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return list.flatMap((one, i) =>
    subsets(list.slice(i + 1), size - 1).map((rest) => [one, ...rest]),
  );
}

/** Of every block there is, the best by the first two ranks: leaves an orphan, how far off. */
function bestRank(
  left: readonly FreeSeat[],
  old: UnseatedParty['seats'],
): readonly [number, number] {
  const mean = (list: readonly { distance: number }[]) =>
    list.reduce((sum, one) => sum + one.distance, 0) / list.length;
  return subsets(left, old.length)
    .filter((chosen) => blocksIn(chosen) === 1)
    .map((chosen) => rankOf(chosen, left, mean(old)))
    .reduce(
      (best, one) => (one[0] < best[0] || (one[0] === best[0] && one[1] < best[1]) ? one : best),
      [9, 0],
    );
}

function rankOf(
  chosen: readonly FreeSeat[],
  left: readonly FreeSeat[],
  mean: number,
): readonly [number, number] {
  const others = left.filter((seat) => !chosen.includes(seat));
  const beside = others.filter((seat) => chosen.some((one) => areNeighbours(one, seat)));
  const orphan = beside.some((seat) => !others.some((other) => areNeighbours(seat, other)));
  const sum = chosen.reduce((total, { distance }) => total + distance, 0);
  return [Number(orphan), Math.abs(sum / chosen.length - mean)];
}

describe('whoever loses what', () => {
  it('gets the seats that a search through all choices finds, and nobody gets them twice', () => {
    fc.assert(
      fc.property(parties, seats, (those, all) => {
        const proposed = proposeSeats(those, all);
        const meanOf = (one: UnseatedParty) =>
          one.seats.reduce((sum, { distance }) => sum + distance, 0) / (one.seats.length || 1);
        const turns = [...those].sort(
          (a, b) =>
            b.seats.length - a.seats.length || meanOf(a) - meanOf(b) || (a.id < b.id ? -1 : 1),
        );
        let left: FreeSeat[] = all;
        for (const one of turns) {
          const mine = proposed[those.indexOf(one)];
          const seatNos = mine?.seatNos ?? [];
          const isShort = ['A', 'B'].some(
            (category) =>
              one.seats.filter((seat) => seat.category === category).length >
              left.filter((seat) => seat.category === category).length,
          );
          expect([one.id, mine?.reason !== null, seatNos.length]).toEqual([
            one.id,
            isShort,
            isShort ? 0 : one.seats.length,
          ]);
          const chosen = seatNos.flatMap((no) => left.filter((seat) => seat.seatNo === no));
          expect(chosen.map(({ category }) => category)).toEqual(
            isShort ? [] : one.seats.map(({ category }) => category),
          );
          let fewest = 0;
          for (const category of isShort ? [] : ['A', 'B']) {
            const old = one.seats.filter((seat) => seat.category === category);
            const [given, there] = [chosen, left].map((list) =>
              list.filter((seat) => seat.category === category),
            );
            if (old.length === 0 || !given || !there) continue;
            const least = Math.min(...subsets(there, old.length).map(blocksIn));
            fewest += least;
            if (least > 1) continue;
            const mean = old.reduce((sum, { distance }) => sum + distance, 0) / old.length;
            expect(rankOf(given, there, mean)).toEqual(bestRank(there, old));
          }
          expect(mine?.blocks).toBe(fewest);
          left = left.filter((seat) => !seatNos.includes(seat.seatNo));
        }
      }),
      { numRuns: 300 },
    );
  });
});

it('two thousand parties find seats together among forty thousand', () => {
  const rows = Array.from({ length: 1_000 }, (_, row) =>
    'A'.repeat(40).replace(row % 3 ? 'AAAAAAA' : '', '.......'),
  );
  const lost = Array.from({ length: 2_000 }, (_, i) =>
    party(`p${i}`, 'A'.repeat((i % 6) + 1), i * 5),
  );
  const proposed = proposeSeats(lost, free(rows, 20));
  const given = proposed.flatMap(({ seatNos }) => seatNos);
  expect(new Set(given).size).toBe(lost.reduce((sum, one) => sum + one.seats.length, 0));
  expect(proposed.every(({ blocks }) => blocks === 1)).toBe(true);
});
