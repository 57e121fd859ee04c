import { describe, expect, it } from 'vitest';
import { type FloorPlan, floorPlan } from './floor-plan.ts';
import { survey } from './survey.ts';

type Input = { readonly sections: readonly object[] } & Readonly<Record<string, unknown>>;

const surveyOf = (plan: Input) => survey(floorPlan.parse(plan));
const rowsOf = (...seats: unknown[]) =>
  seats.map((each, i) => ({ label: String(i + 1), seats: each }));
const stalls = (seats: unknown, more: object = {}) => ({
  sections: [{ name: 'Stalls', category: 'A', rows: rowsOf(seats), ...more }],
});
const findingsOf = (plan: Input) =>
  surveyOf(plan).findings.map(({ severity, code, path }) => `${severity} ${code} ${path}`);
const drawn = (positions: Readonly<Record<string, number | readonly [number, number]>>) =>
  Object.entries(positions).map(([number, at]) => {
    const [x, y] = typeof at === 'number' ? [at, 0] : at;
    // Written with a letter: objects put whole numbers in order.
    return { number: number.slice(1), position: { x, y } };
  });

describe('a survey', () => {
  it('names every seat, in the order of the document, with its category and its position', () => {
    const { seats, standing, findings } = surveyOf({
      categories: [{ name: 'A' }, { name: 'B' }],
      sections: [
        {
          name: 'SB_3_5',
          position: { x: 100, y: 10 },
          category: 'A',
          rows: [
            {
              label: '6',
              position: { x: 5, y: 1 },
              seats: [
                { number: '1', position: { x: 0.5, y: 0 } },
                { number: '2', position: { x: 1.5, y: 0 }, category: 'B', features: ['companion'] },
              ],
            },
            { label: '7', category: 'B', seats: '3' },
          ],
        },
        { name: 'Pit', category: 'B', standing: { capacity: 300 } },
      ],
    });
    expect(findings).toEqual([]);
    expect(standing).toEqual([{ section: 'Pit', category: 'B', capacity: 300 }]);
    expect(seats.map(({ key, category, at, row }) => [key, category, at.x, at.y, row])).toEqual([
      ['SB_3_5-6-1', 'A', 105.5, 11, 0],
      ['SB_3_5-6-2', 'B', 106.5, 11, 0],
      ['SB_3_5-7-3', 'B', 100, 10, 1],
    ]);
    expect(seats.map(({ features }) => features)).toEqual([[], ['companion'], []]);
  });

  it('looks from where the plan says, or from the middle of the front edge', () => {
    expect(surveyOf({ ...stalls('1'), focalPoint: { x: 3, y: 4 } }).focalPoint).toEqual({
      x: 3,
      y: 4,
    });
    const size = { width: 80, height: 60 };
    expect(surveyOf({ ...stalls('1'), size }).focalPoint).toEqual({ x: 40, y: 0 });
    expect(surveyOf(stalls('1')).focalPoint).toEqual({ x: 0, y: 0 });
  });
});

describe('who sits beside whom', () => {
  it.each([
    ['numbers in a row', '1-4', [0, 1, 2, 3]],
    ['a number that is missing', '1-3,5-6', [0, 1, 2, 4, 5]],
    ['a row that starts at 6', '6-8', [0, 1, 2]],
    ['an aisle of many numbers', '1-3,31-33', [0, 1, 2, 4, 5, 6]],
    ['odd numbers', '1,3,5,9', [0, 1, 2, 4]],
    ['numbers that go down', '4-1', [0, 1, 2, 3]],
    ['a gap in a row of three', '1,2,4', [0, 1, 3]],
    ['labels that are none', [{ number: 'A' }, { number: '12a' }, { number: '99' }], [0, 1, 2]],
    ['seats as drawn', drawn({ n1: 0, n2: 5, n3: 10 }), [0, 1, 2]],
    ['an aisle as drawn', drawn({ n1: 0, n2: 5, n3: 20, n4: 25 }), [0, 1, 3, 4]],
    ['numbers that are missing, drawn side by side', drawn({ n1: 0, n2: 5, n5: 10 }), [0, 1, 2]],
    [
      'even seats after odd ones',
      drawn({ n1: 0, n3: 10, n5: 20, n2: 5, n4: 15, n6: 25 }),
      [0, 2, 4, 1, 3, 5],
    ],
    [
      'a table that people sit around',
      drawn({ n1: [0, 0], n2: [5, 0], n3: [5, 5], n4: [0, 5] }),
      [0, 1, 2, 3],
    ],
    ['all in one spot', drawn({ n1: 3, n2: 3, n3: 3 }), [0, 1, 2]],
    ['one seat', '5', [0]],
  ])('%s', (_what, seats, places) => {
    expect(surveyOf(stalls(seats)).seats.map(({ place }) => place)).toEqual(places);
  });

  it('nobody sits beside a seat of another row, though its label is the same', () => {
    const rows = ['1-2', '3-4'].map((seats) => ({ label: '1', seats }));
    const { seats, findings } = surveyOf({ sections: [{ name: 'S', category: 'A', rows }] });
    expect(findings).toEqual([]);
    expect(seats.map(({ row, place }) => [row, place])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]);
  });
});

const square = [
  [0, 0],
  [9, 0],
  [9, 9],
  [0, 9],
].map(([x, y]) => ({ x, y }));
const swapped = [0, 2, 1, 3].map((i) => square[i]);

describe('what is wrong with a plan', () => {
  it.each([
    ['numbers that are none', stalls('1-x'), ['error malformed_seats sections.0.rows.0.seats']],
    ['a seat twice', stalls('1-3,2'), ['error duplicate_seat sections.0.rows.0.seats.3']],
    [
      'a name too long',
      stalls('1', { name: 'x'.repeat(60), rows: [{ label: 'row', seats: '1' }] }),
      ['error name_too_long sections.0.rows.0.seats.0'],
    ],
    [
      'rows without a category',
      stalls('1-500', { category: undefined }),
      ['error no_category sections.0.rows.0'],
    ],
    [
      'standing room without one',
      { sections: [{ name: 'Pit', standing: { capacity: 5 } }] },
      ['error no_category sections.0'],
    ],
    [
      'a category nobody knows',
      { ...stalls('1-500'), categories: [{ name: 'B' }] },
      ['error unknown_category sections.0.category'],
    ],
    [
      'one of a seat',
      { ...stalls([{ number: '1', category: 'C' }]), categories: [{ name: 'A' }] },
      ['error unknown_category sections.0.rows.0.seats.0.category'],
    ],
    [
      'a section without anything',
      { sections: [{ name: 'S', category: 'A' }] },
      ['error empty_section sections.0'],
    ],
    [
      'a section for both',
      stalls('1', { standing: { capacity: 5 } }),
      ['error rows_and_standing sections.0'],
    ],
    [
      'sections of one name',
      { sections: ['1', '2'].map((seats) => stalls(seats).sections[0] ?? {}) },
      ['error duplicate_name sections.1'],
    ],
    ['a gate nobody knows', stalls('1', { gate: 'North' }), ['error unknown_gate sections.0.gate']],
    [
      'an outline that crosses itself',
      stalls('1', { outline: swapped }),
      ['error outline_crosses_itself sections.0.outline'],
    ],
    [
      'an outline that is a line',
      stalls('1', { outline: square.map(({ x }) => ({ x, y: x })) }),
      ['error outline_without_area sections.0.outline'],
    ],
    ['an outline that is closed', stalls('1', { outline: [...square, square[0]] }), []],
    [
      'two seats in one spot',
      stalls(drawn({ n1: 0, n2: 5, n3: 5 })),
      ['warning seats_in_one_spot sections.0.rows.0.seats.2'],
    ],
    [
      'a row that is drawn in part',
      stalls([{ number: '1' }, ...drawn({ n2: 5 })]),
      ['warning position_missing sections.0.rows.0'],
    ],
  ])('%s', (_what, plan, findings) => {
    expect(findingsOf(plan)).toEqual(findings);
  });

  it('options of a slot may stand in one spot', () => {
    const option = (name: string) => ({
      ...{ name, category: 'A', slot: { name: 'front', option: name } },
      rows: rowsOf(drawn({ n1: 0, n2: 5 })),
    });
    expect(findingsOf({ sections: [option('seats'), option('boxes')] })).toEqual([]);
  });

  it('is an error still, behind any number of warnings, and counted', () => {
    const many = Array.from({ length: 900 }, (_, i) => ({
      number: `${i}`,
      position: { x: 1, y: 1 },
    }));
    const { findings } = surveyOf(stalls([...many, { number: '5', position: { x: 2, y: 2 } }]));
    expect(findings).toHaveLength(202);
    expect(findings.filter(({ severity }) => severity === 'error').map(({ code }) => code)).toEqual(
      ['duplicate_seat'],
    );
    expect(findings.at(-1)).toMatchObject({
      severity: 'warning',
      message: 'and 699 more findings',
    });
  });
});

describe('hostile plans cost little', () => {
  /** Not parsed: these are about what the survey does with what the schema lets through. */
  const sections = (count: number, more: (i: number) => object) =>
    ({
      sections: Array.from({ length: count }, (_, i) => ({
        name: `S${i}`,
        category: 'A',
        ...more(i),
      })),
    }) as FloorPlan;

  it('billions of seats in a few letters', () => {
    const rows = rowsOf(...Array<string>(2_000).fill('1-2000'));
    const { seats, findings } = survey(sections(2_000, () => ({ rows })));
    expect(seats).toEqual([]);
    expect(findings).toMatchObject([
      { code: 'too_many_seats', message: 'has 8000000000 seats, at most 150000' },
    ]);
  });

  it('a hundred and fifty thousand seats of one name', () => {
    const same = Array<object>(2_000).fill({ number: '1' });
    const { seats, findings } = survey(
      sections(75, () => ({ name: 'S', rows: [{ label: '1', seats: same }] })),
    );
    expect(seats).toHaveLength(1);
    expect(findings).toHaveLength(201);
    expect(findings.at(-1)).toMatchObject({ code: 'more_findings', severity: 'error' });
  });

  it('two million points', () => {
    const outline = Array.from({ length: 1_000 }, (_, i) => ({ x: i % 2 ? 1e6 : 0, y: i }));
    const rows = rowsOf('1');
    expect(survey(sections(2_000, () => ({ outline, rows }))).findings).toMatchObject([
      { code: 'too_many_outline_points' },
    ]);
    const rowsEach = rowsOf(...Array<string>(51).fill('1'));
    expect(survey(sections(100, () => ({ outline, rows: rowsEach }))).findings).toMatchObject([
      { code: 'outlines_too_detailed', path: 'sections' },
    ]);
    // As many as are looked at, each edge as wide as the outline.
    const { findings } = survey(sections(100, () => ({ outline, rows })));
    expect(findings.every(({ code }) => code === 'outline_crosses_itself')).toBe(true);
  });
});
