import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePlans } from './compare-plans.ts';
import { floorPlan } from './floor-plan.ts';
import { layOut } from './lay-out.ts';
import { focalPointOf, survey } from './survey.ts';

type Row = readonly [label: string, seats: unknown];

const hall = (rows: readonly Row[], more: object = {}) => ({
  sections: [
    { name: 'S', category: 'A', rows: rows.map(([label, seats]) => ({ label, seats })), ...more },
  ],
});
const surveyOf = (plan: object) => survey(floorPlan.parse(plan));

/** What differs, as one line for each kind that does. */
function differences(before: object, after: object): string[] {
  const { seats, standing } = comparePlans(surveyOf(before), surveyOf(after));
  const lines = [
    ['gone', seats.gone.map(({ key }) => key)],
    ['added', seats.added.map(({ key }) => key)],
    ['moved', seats.moved.map(({ after: is }) => is.key)],
    ['recategorised', seats.recategorised.map(({ after: is }) => is.key)],
    ['room gone', standing.gone.map(({ section }) => section)],
    ['room added', standing.added.map(({ section }) => section)],
    [
      'smaller',
      standing.smaller.map(
        ({ before: was, after: is }) => `${is.section} ${was.capacity} ${is.capacity}`,
      ),
    ],
    ['larger', standing.larger.map(({ after: is }) => is.section)],
    ['room recategorised', standing.recategorised.map(({ after: is }) => is.section)],
  ] as const;
  return lines.flatMap(([what, which]) =>
    which.length > 0 ? [`${what}: ${which.join(' ')}`] : [],
  );
}

const drawn = (...xs: readonly number[]) =>
  xs.map((x, i) => ({ number: `${i + 1}`, position: { x, y: 0 } }));
const three: Row = ['1', '1-3'];
const room = (name: string, capacity: number, category = 'A') => ({
  name,
  category,
  standing: { capacity },
});

describe('another version of a plan', () => {
  it.each([
    ['the same', hall([three]), hall([three]), []],
    ['a row less', hall([three, ['2', '1-2']]), hall([three]), ['gone: S-2-1 S-2-2']],
    ['seats more, at either end', hall([three]), hall([['1', '0-4']]), ['added: S-1-0 S-1-4']],
    [
      'a row more before all others',
      hall([three, ['2', '1']]),
      hall([['0', '1'], three, ['2', '1']]),
      ['added: S-0-1'],
    ],
    [
      'the first row last',
      hall([
        ['1', '1'],
        ['2', '1'],
        ['3', '1'],
      ]),
      hall([
        ['2', '1'],
        ['3', '1'],
        ['1', '1'],
      ]),
      ['moved: S-1-1'],
    ],
    [
      'a seat elsewhere in its row',
      hall([['1', '1-5']]),
      hall([['1', '1,3-5,2']]),
      ['moved: S-1-2'],
    ],
    [
      'another category',
      hall([three]),
      hall([three], { category: 'B' }),
      ['recategorised: S-1-1 S-1-2 S-1-3'],
    ],
    [
      'drawn by another hand',
      hall([['1', drawn(0, 10, 20)]]),
      hall([['1', drawn(4.9, 5.1, 20)]]),
      [],
    ],
    [
      'a seat moved',
      hall([['1', drawn(0, 10, 20)]]),
      hall([['1', drawn(0, 10, 25.1)]]),
      ['moved: S-1-3'],
    ],
    [
      'a single seat moved, by the pitch of other rows',
      hall([
        ['1', drawn(0, 10)],
        ['2', drawn(0)],
      ]),
      hall([
        ['1', drawn(0, 10)],
        ['2', drawn(6)],
      ]),
      ['moved: S-2-1'],
    ],
    [
      'a single seat drawn by another hand',
      hall([
        ['1', drawn(0, 10)],
        ['2', drawn(0)],
      ]),
      hall([
        ['1', drawn(0, 10)],
        ['2', drawn(4)],
      ]),
      [],
    ],
    [
      'a section moved',
      hall([['1', drawn(0, 10)]]),
      hall([['1', drawn(0, 10)]], { position: { x: 0, y: 50 } }),
      ['moved: S-1-1 S-1-2'],
    ],
    [
      'a name that two seats share',
      { sections: [{ name: 'A-1', category: 'A', rows: [{ label: '2', seats: '3' }] }] },
      { sections: [{ name: 'A', category: 'A', rows: [{ label: '1-2', seats: '3' }] }] },
      ['moved: A-1-2-3'],
    ],
    [
      'room to stand',
      { sections: [room('Pit', 100), room('Bar', 20), room('Hill', 5)] },
      { sections: [room('Roof', 1), room('Hill', 6), room('Pit', 90, 'B')] },
      [
        'room gone: Bar',
        'room added: Roof',
        'smaller: Pit 100 90',
        'larger: Hill',
        'room recategorised: Pit',
      ],
    ],
    [
      'seats instead of room',
      { sections: [room('S', 100)] },
      hall([['1', '1']]),
      ['added: S-1-1', 'room gone: S'],
    ],
  ])('%s', (_what, before, after, lines) => {
    expect(differences(before, after)).toEqual(lines);
  });

  it('has every seat of both in one list, or two where it moved and costs something else', () => {
    const row = fc
      .uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 })
      .map((numbers) => numbers.join(','));
    const rows = fc.uniqueArray(fc.tuple(fc.constantFrom('1', '2', '3'), row), {
      minLength: 1,
      selector: ([label]) => label,
    });
    const plan = fc
      .record({ rows, category: fc.constantFrom('A', 'B') })
      .map((one) => surveyOf(hall(one.rows, { category: one.category })));
    fc.assert(
      fc.property(plan, plan, (before, after) => {
        const { same, gone, added, moved, recategorised } = comparePlans(before, after).seats;
        const changed = new Set([...moved, ...recategorised]);
        expect(same + changed.size + gone.length).toBe(before.seats.length);
        expect(same + changed.size + added.length).toBe(after.seats.length);
        const there = comparePlans(after, before).seats;
        expect(new Set(there.gone.map(({ key }) => key))).toEqual(
          new Set(added.map(({ key }) => key)),
        );
        // Those that stay in order may be others, but they are as many: the most there can be.
        const inRows = new Set(before.seats.map(({ row: no }) => no)).size === 1;
        if (inRows) expect(there.moved.length).toBe(moved.length);
      }),
    );
  });
});

it('a stadium in reverse keeps one seat in its place', () => {
  const rows = Array.from({ length: 75 }, (_, i): Row => [String(i), '1-2000']);
  const reversed = rows.map(([label]): Row => [label, '2000-1']).reverse();
  const { moved } = comparePlans(surveyOf(hall(rows)), surveyOf(hall(reversed))).seats;
  // The others have turned around it: which one it is, does not matter.
  expect(moved).toHaveLength(75 * 2_000 - 1);
});

it('a row more moves nobody in plans that nobody drew, laid out as they were', () => {
  const laidOut = (plan: object) => {
    const drawnNow = floorPlan.parse(plan);
    return survey(layOut(drawnNow, focalPointOf(drawnNow)));
  };
  const rows: readonly Row[] = [three, ['2', '1-8']];
  const { seats } = comparePlans(laidOut(hall(rows)), laidOut(hall([['0', '1-20'], ...rows])));
  expect(seats).toMatchObject({ same: 11, moved: [], gone: [] });
  expect(seats.added).toHaveLength(20);
});
