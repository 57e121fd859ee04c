import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type At, leastApart, outsideBy, star } from '../../../test/kit/shapes.ts';
import { type FloorPlan, floorPlan } from './floor-plan.ts';
import { layOut } from './lay-out.ts';
import { type Survey, survey } from './survey.ts';

/** As it comes from a request: JSON knows no negative zero. */
const parsed = (plan: object) => floorPlan.parse(JSON.parse(JSON.stringify(plan)));

function laidOut(plan: FloorPlan): { readonly plan: FloorPlan; readonly found: Survey } {
  const laid = layOut(plan, survey(plan).focalPoint);
  return { plan: laid, found: survey(laid) };
}

const box = (left: number, top: number, width: number, height: number): At[] => [
  { x: left, y: top },
  { x: left + width, y: top },
  { x: left + width, y: top + height },
  { x: left, y: top + height },
];
const rowsOf = (...seats: readonly unknown[]) =>
  seats.map((each, i) => ({ label: String(i + 1), seats: each }));
const spots = ({ seats }: Survey) => seats.map(({ at }) => [at.x, at.y]);

describe('a section with an outline', () => {
  const hall = (outline: readonly At[], more: object = {}) =>
    parsed({
      size: { width: 100, height: 100 },
      sections: [{ name: 'S', category: 'A', outline, rows: rowsOf('1-4', '1-2,4'), ...more }],
    });

  it.each([
    [
      'below',
      box(40, 80, 20, 10),
      [
        [44, 82.5],
        [48, 82.5],
        [52, 82.5],
        [56, 82.5],
        [44, 87.5],
        [48, 87.5],
        [56, 87.5],
      ],
    ],
    [
      'above',
      box(40, 10, 20, 10),
      [
        [56, 17.5],
        [52, 17.5],
        [48, 17.5],
        [44, 17.5],
        [56, 12.5],
        [52, 12.5],
        [44, 12.5],
      ],
    ],
    [
      'right',
      box(80, 40, 10, 20),
      [
        [82.5, 56],
        [82.5, 52],
        [82.5, 48],
        [82.5, 44],
        [87.5, 56],
        [87.5, 52],
        [87.5, 44],
      ],
    ],
  ])('%s the middle, faces it, from left to right for whoever sits there', (_side, outline, at) => {
    const { found } = laidOut(hall(outline));
    expect(spots(found)).toEqual(at);
    expect(found.findings).toEqual([]);
  });

  it('is square to its own sides, whichever way it is turned', () => {
    const turned = [
      [60, 80],
      [80, 60],
      [90, 70],
      [70, 90],
    ].map(([x = 0, y = 0]) => ({ x, y }));
    const [first, second] = laidOut(hall(turned)).found.seats;
    const step = {
      x: (second?.at.x ?? 0) - (first?.at.x ?? 0),
      y: (second?.at.y ?? 0) - (first?.at.y ?? 0),
    };
    expect(step.x).toBeCloseTo(-step.y, 2);
    expect(step.x).toBeGreaterThan(0);
  });

  it('has curved rows around the middle, each as far from it as its row', () => {
    const { found } = laidOut(
      hall(box(10, 70, 80, 25), { rowShape: 'curved', rows: rowsOf('1-9', '1-9') }),
    );
    const away = found.seats.map(({ at, row }) => ({
      row,
      away: Math.hypot(at.x - 50, at.y - 50),
    }));
    for (const row of [0, 1]) {
      const those = away.filter((one) => one.row === row).map((one) => one.away);
      expect(Math.max(...those) - Math.min(...those)).toBeLessThan(0.01);
    }
    expect(new Set(found.seats.map(({ at }) => at.y)).size).toBeGreaterThan(8);
  });

  it('keeps rows away from a tip', () => {
    const wedge = [
      { x: 50, y: 55 },
      { x: 90, y: 95 },
      { x: 10, y: 95 },
    ];
    const { found } = laidOut(hall(wedge, { rows: rowsOf(...Array(4).fill('1-10')) }));
    const apart = leastApart(
      found.seats.map(({ at }) => at),
      5,
    );
    // Rows evenly from the tip on would have the first ten seats on ten units: one apart.
    expect(apart).toBeGreaterThan(1.7);
  });

  it('keeps rows that are drawn, and finds room for the others', () => {
    const drawn = [
      { number: '1', position: { x: 41.123456, y: 81 } },
      { number: '2', position: { x: 59, y: 81 } },
    ];
    const { found } = laidOut(hall(box(40, 80, 20, 10), { rows: rowsOf(drawn, '1-2') }));
    expect(spots(found)).toEqual([
      [41.123456, 81],
      [59, 81],
      [48, 87.5],
      [52, 87.5],
    ]);
  });

  it('leaves a row that cannot be read to the survey', () => {
    const { plan, found } = laidOut(hall(box(40, 80, 20, 10), { rows: rowsOf('1-x', '1') }));
    expect(plan.sections[0]?.rows?.[0]?.seats).toBe('1-x');
    expect(found.findings.map(({ code }) => code)).toEqual(['malformed_seats']);
  });
});

/** Numbers as people write them: from anywhere, with holes, odd ones only, down, or names. */
const numbers = fc.oneof(
  fc
    .record({
      first: fc.nat(50),
      holes: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 25 }),
    })
    .map(({ first, holes }) => {
      const upTo = (i: number) => holes.slice(0, i + 1).reduce((sum, hole) => sum + hole, first);
      return holes.map((_, i) => ({ number: String(upTo(i)) }));
    }),
  fc
    .integer({ min: 1, max: 30 })
    .map((count) => Array.from({ length: count }, (_, i) => ({ number: `p${i}` }))),
  fc.tuple(fc.nat(40), fc.nat(40)).map(([first, last]) => `${first}-${last}`),
);

const section = (outline: fc.Arbitrary<At[]>) =>
  fc.record({
    outline,
    rowShape: fc.constantFrom('straight' as const, 'curved' as const),
    position: fc.record({
      x: fc.integer({ min: -100, max: 100 }),
      y: fc.integer({ min: -100, max: 100 }),
    }),
    rows: fc.array(numbers, { minLength: 1, maxLength: 12 }).map((rows) => rowsOf(...rows)),
  });

describe('whatever the outline', () => {
  it('nobody stands outside of it, nor on somebody else, and neighbours stay neighbours', () => {
    fc.assert(
      fc.property(section(star), fc.boolean(), (one, hasSize) => {
        const size = hasSize ? { size: { width: 400, height: 400 } } : {};
        const plan = parsed({ ...size, sections: [{ name: 'S', category: 'A', ...one }] });
        const { found } = laidOut(plan);
        const inSection = found.seats.map(({ at }) => ({
          x: at.x - one.position.x,
          y: at.y - one.position.y,
        }));
        expect(Math.max(...inSection.map((at) => outsideBy(one.outline, at)))).toBeLessThan(0.01);
        expect(leastApart(inSection, 1)).toBeGreaterThan(0);
        const places = (from: Survey) => from.seats.map(({ key, row, place }) => [key, row, place]);
        if (one.rowShape === 'straight') expect(places(found)).toEqual(places(survey(plan)));
      }),
      { numRuns: 300 },
    );
  });

  it('there is an answer in numbers, which can be read again and changes nothing more', () => {
    const wild = fc.oneof(
      fc.integer({ min: -5, max: 5 }),
      fc.double({ min: -1e7, max: 1e7, noNaN: true }),
    );
    const any = fc.array(fc.record({ x: wild, y: wild }), { minLength: 3, maxLength: 12 });
    fc.assert(
      fc.property(
        section(fc.oneof(star, any)),
        fc.option(fc.record({ x: wild, y: wild }), { nil: undefined }),
        (one, focalPoint) => {
          const plan = parsed({
            ...(focalPoint ? { focalPoint } : {}),
            sections: [{ name: 'S', category: 'A', ...one }],
          });
          const { plan: laid } = laidOut(plan);
          expect(floorPlan.parse(JSON.parse(JSON.stringify(laid)))).toEqual(laid);
          expect(layOut(laid, survey(laid).focalPoint)).toEqual(laid);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('sections without an outline', () => {
  it('stand behind all that is drawn, one behind the other, options of a slot in one spot', () => {
    const slot = (option: string) => ({ slot: { name: 'floor', option } });
    const { found } = laidOut(
      parsed({
        focalPoint: { x: 0, y: 0 },
        sections: [
          { name: 'Back', category: 'A', rows: rowsOf('1-2', '1,2,4') },
          {
            name: 'Boxes',
            category: 'A',
            position: { x: 9, y: 9 },
            rows: rowsOf('1'),
            ...slot('boxes'),
          },
          { name: 'Seats', category: 'A', rows: rowsOf('1', '1'), ...slot('seats') },
          { name: 'More', category: 'A', rows: rowsOf('1') },
          { name: 'Drawn', category: 'A', outline: box(-50, 0, 100, 84), rows: rowsOf('1') },
        ],
      }),
    );
    const counted = found.seats.filter((seat) => seat.section !== 'Drawn');
    expect(counted.map(({ section: name, at }) => [name, at.x, at.y])).toEqual([
      ['Back', -5, 100],
      ['Back', 5, 100],
      ['Back', -15, 116],
      ['Back', -5, 116],
      ['Back', 15, 116],
      ['Boxes', 0, 148],
      ['Seats', 0, 148],
      ['Seats', 0, 164],
      ['More', 0, 196],
    ]);
  });

  it('stay within the size of the plan', () => {
    const rows = rowsOf(...Array(40).fill('1-60'));
    const { found } = laidOut(
      parsed({ size: { width: 100, height: 90 }, sections: [{ name: 'S', category: 'A', rows }] }),
    );
    const [xs, ys] = [found.seats.map(({ at }) => at.x), found.seats.map(({ at }) => at.y)];
    expect(Math.min(...xs)).toBeGreaterThan(0);
    expect(Math.max(...xs)).toBeLessThan(100);
    expect(Math.max(...ys)).toBeLessThan(90);
    expect(
      leastApart(
        found.seats.map(({ at }) => at),
        1,
      ),
    ).toBeGreaterThan(0.9);
  });
});

it('a plan that is too large is given back as it came', () => {
  const rows = rowsOf(...Array<string>(2_000).fill('1-2000'));
  const plan = {
    sections: [{ name: 'S', category: 'A', rows, outline: box(0, 0, 9, 9) }],
  } as FloorPlan;
  expect(layOut(plan, { x: 1, y: 1 })).toEqual({ ...plan, focalPoint: { x: 1, y: 1 } });
});
