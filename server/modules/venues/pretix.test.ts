import { describe, expect, it } from 'vitest';
import { readPretix } from './pretix.ts';
import { survey } from './survey.ts';
import { writePretix } from './write-pretix.ts';

const at = (x: number, y: number) => ({ x, y });
const seat = (number: string, x: number, more: object = {}) => ({
  ...{ seat_guid: `g-${number}`, seat_number: number, uuid: `u-${number}`, position: at(x, 0) },
  ...{ category: 'Parkett', radius: 9, start_direction: '<' },
  ...more,
});
const row = (label: string, seats: readonly unknown[], more: object = {}) => ({
  ...{ row_number: label, row_label: 'Reihe %s', seat_label: null, row_number_position: 'both' },
  ...{ position: at(3, 4), uuid: `row-${label}`, seats },
  ...more,
});
const polygon = {
  ...{ shape: 'polygon', color: '#fff', border_color: 'rgb(0,0,0)', rotation: 90, uuid: 'p' },
  ...{ position: at(10, 20), text: { text: 'Balkon', size: 16 } },
  polygon: { points: [at(0, 0), at(8, 0), at(8, 4)] },
};
const circle = { shape: 'circle', circle: { radius: 40 }, position: at(1, 1), color: 'red' };
const zone = (name: string, rows: readonly unknown[], areas: readonly unknown[] = []) => ({
  ...{ name, zone_id: name, uuid: `zone-${name}`, position: at(100, 200), rows, areas },
});
const planOf = (zones: readonly unknown[], more: object = {}) => ({
  name: 'Kleines Haus',
  categories: [
    { name: 'Parkett', color: '#7f4a91' },
    { name: ' Rang  1 ', color: 'rgb(1,2,3)' },
  ],
  size: { width: 800, height: 600 },
  zones,
  ...more,
});

/** All that real files do: zones that are drawn only, names that repeat, or are none. */
const house = planOf(
  [
    zone('Stage', [], [circle, { ...polygon, uuid: 'q' }]),
    zone(
      'Saal',
      [
        row('1', [seat('1', 0), seat('2', 10), seat('4', 30, { seat_guid: 'g-1' })]),
        row(' ', [
          seat('', 0),
          seat(' A ', 10, { category: ' Rang  1 ' }),
          seat('', 20, { uuid: null }),
        ]),
        row('empty', []),
        row('2', [seat('1', 0, { category: 'Parkett ', later: { than: ['the', 'schema'] } })], {
          flag: true,
        }),
      ],
      [polygon, circle],
    ),
    zone('Saal', [row('1', [seat('1', 0)])], [polygon, polygon]),
    { ...zone('', [row('1', [seat('e\u0301', 0)])]), displayed: false },
    zone('Bar', [row('nothing', [])]),
  ],
  { extra: { kept: 1 } },
);

function read(document: unknown) {
  const result = readPretix(JSON.parse(JSON.stringify(document)));
  if (!result.ok) throw new Error(JSON.stringify(result.refusal));
  return result.value;
}

const issuesOf = (document: unknown) => {
  const result = readPretix(document);
  return result.ok ? [] : (result.refusal.issues ?? []).map(({ path, code }) => `${path} ${code}`);
};

describe('a seating plan of pretix', () => {
  it('goes out as it came in, whatever it says', () => {
    expect(writePretix(read(house).plan, 'another name')).toStrictEqual(house);
    const { size: _size, ...old } = planOf([zone('Saal', [row('1', [seat('1', 0)])])]);
    expect(writePretix(read(old).plan, '')).toStrictEqual(old);
  });

  it('becomes sections, with outlines where a zone has one polygon', () => {
    const { plan, findings } = read(house);
    expect(plan.sections.map(({ name }) => name)).toEqual(['Saal', 'Saal (2)', 'Zone 4']);
    expect(plan.sections.map(({ outline }) => outline?.length)).toEqual([3, undefined, undefined]);
    const [first, second, third] = plan.sections[0]?.outline ?? [];
    // Turned by a right angle, clockwise.
    expect([first, second]).toEqual([at(10, 20), at(10, 28)]);
    expect([third?.x, third?.y]).toEqual([6, 28]);
    expect(findings.map(({ severity, code, path }) => `${severity} ${code} ${path}`)).toEqual([
      'warning zone_renamed zones.2',
      'warning zone_renamed zones.3',
      'warning unlabelled_rows zones.1',
      'warning unlabelled_seats zones.1',
      'warning repeated_guid zones.1.rows.0.seats.2',
    ]);
  });

  it('names every seat once, those without a label by their position', () => {
    const { seats, findings } = survey(read(house).plan);
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(seats.map(({ key }) => key)).toEqual([
      ...['Saal-1-1', 'Saal-1-2', 'Saal-1-4', 'Saal-(2)-(1)', 'Saal-(2)-A', 'Saal-(2)-(3)'],
      ...['Saal-2-1', 'Saal (2)-1-1', 'Zone 4-1-\u00e9'],
    ]);
    expect(seats.map(({ place }) => place).slice(0, 3)).toEqual([0, 1, 3]);
    expect(seats[1]?.at).toEqual(at(113, 204));
    expect(seats[4]?.category).toBe('Rang  1');
  });

  it('goes out with what was changed here', () => {
    const { plan } = read(house);
    const [first, ...others] = plan.sections;
    const moved = {
      ...plan,
      categories: plan.categories?.map((one) => ({ ...one, name: one.name.toUpperCase() })),
      sections: [
        {
          ...first,
          name: 'Hall',
          outline: [at(0, 0), at(5, 0), at(5, 5)],
          rows: [{ label: 'A', seats: [{ number: '9', category: 'PARKETT' }] }],
        },
        ...others,
      ],
    };
    const out = writePretix(moved as typeof plan, '');
    expect(out).toMatchObject({
      categories: [{ name: 'PARKETT', color: '#7f4a91' }, { name: 'RANG  1' }],
      zones: [
        house.zones[0],
        {
          ...{ name: 'Hall', zone_id: 'Saal' },
          rows: [
            { row_number: 'A', seats: [{ seat_number: '9', category: 'PARKETT' }] },
            row('empty', []),
          ],
          areas: [
            circle,
            { shape: 'polygon', polygon: { points: [at(0, 0), at(5, 0), at(5, 5)] } },
          ],
        },
        house.zones[2],
        house.zones[3],
        house.zones[4],
      ],
    });
    expect(issuesOf(out)).toEqual([]);
  });

  it('is made of a plan that never was one, the same each time, and read back', () => {
    const plan = {
      categories: [{ name: 'A' }],
      sections: [
        {
          name: 'S',
          category: 'A',
          outline: [at(0, 0), at(9, 0), at(9, 9)],
          rows: [{ label: '1', seats: '1-2' }],
        },
        { name: 'Pit', category: 'A', standing: { capacity: 10 } },
      ],
    };
    const out = writePretix(plan, 'Hall');
    expect(writePretix(plan, 'Hall')).toEqual(out);
    const again = read(out).plan;
    expect(again.sections.map(({ name, outline }) => [name, outline])).toEqual([
      ['S', plan.sections[0]?.outline],
    ]);
    expect(survey(again).seats.map(({ key, category }) => [key, category])).toEqual([
      ['S-1-1', 'A'],
      ['S-1-2', 'A'],
    ]);
  });
});

describe('a file that is not taken', () => {
  it.each([
    ['no object', [], [' invalid_type']],
    ['nothing to sit on', planOf([zone('Bar', [])]), ['zones no_seats']],
    [
      'a seat without a position',
      planOf([zone('S', [row('1', [seat('1', 0, { position: null })])])]),
      ['zones.0.rows.0.seats.0.position invalid_type'],
    ],
    [
      'a label that is too long',
      planOf([zone('Bar', []), zone('S', [row('', []), row('1', [seat('x'.repeat(21), 0)])])]),
      ['zones.1.rows.1.seats.0.seat_number wrong_length'],
    ],
    [
      'a row that is',
      planOf([zone('S', [row('x'.repeat(21), [seat('1', 0)])])]),
      ['zones.0.rows.0.row_number wrong_length'],
    ],
    [
      'a size of nothing',
      planOf([zone('S', [row('1', [seat('1', 0)])])], { size: { width: 0, height: 5 } }),
      ['size.width too_small'],
    ],
    [
      'a seat beyond measure',
      planOf([zone('S', [row('1', [seat('1', 1e300)])])]),
      ['zones.0.rows.0.seats.0.position.x too_big'],
    ],
  ])('has %s, and says where', (_what, document, issues) => {
    expect(issuesOf(document)).toEqual(issues);
  });

  it('is no file whose polygon is broken: that is not taken as an outline, and goes out again', () => {
    const eight = { ...polygon, polygon: { points: [at(0, 0), at(8, 8), at(8, 0), at(0, 8)] } };
    const document = planOf([zone('S', [row('1', [seat('1', 0)])], [eight])]);
    const { plan, findings } = read(document);
    expect(findings.map(({ code, path }) => [code, path])).toEqual([
      ['polygon_not_taken', 'zones.0.areas'],
    ]);
    expect(survey(plan).findings).toEqual([]);
    expect(writePretix(plan, '')).toStrictEqual(document);
  });
});

it('thousands of zones of one name are told apart, each by a name of its own', () => {
  const rows = [row('1', [seat('1', 0)])];
  const { plan } = read(
    planOf(Array.from({ length: 2_000 }, (_, i) => zone(i === 7 ? 'S (2)' : 'S', rows))),
  );
  expect(new Set(plan.sections.map(({ name }) => name)).size).toBe(2_000);
});
