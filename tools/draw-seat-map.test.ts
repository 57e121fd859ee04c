import { describe, expect, it } from 'vitest';
import { drawSeats } from './draw-seat-map.ts';
import { readSeatMap, seatsOfMap, stateOf } from './read-seat-map.ts';

/** As the API writes it: a row with a gap, one of single categories, room to stand. */
const map = readSeatMap({
  unit: 100,
  size: [1_000, 600],
  focalPoint: [500, 0],
  categories: [
    { name: 'Stalls', color: '#112233' },
    { name: 'Boxes & more', color: null },
    { name: 'Floor', color: null },
  ],
  sections: [
    {
      name: 'Stalls',
      outline: [
        [0, 100],
        [1_000, 100],
        [1_000, 500],
        [0, 500],
      ],
      rows: [
        { label: 'A', numbers: '1-2,4', category: 0, x: [100, 100, 200], y: [200, 0, 0] },
        { label: 'B', numbers: ['7a', '8'], category: [0, 1], x: [100, 100], y: [300, 10] },
      ],
    },
    { name: 'Floor', standing: 400, category: 'Floor' },
  ],
});
/** Of five seats the second is held and the fourth sold. */
const bits = Uint8Array.from([0b10_00_01_00, 0]);

describe('a seat map as a client reads it', () => {
  it('has every seat where it stands, by its name', () => {
    const seats = seatsOfMap(map);
    expect(seats.map(({ key, x, y }) => [key, x, y])).toEqual([
      ['Stalls-A-1', 100, 200],
      ['Stalls-A-2', 200, 200],
      ['Stalls-A-4', 400, 200],
      ['Stalls-B-7a', 100, 300],
      ['Stalls-B-8', 200, 310],
    ]);
    expect(seats.map(({ category }) => category)).toEqual([0, 0, 0, 0, 1]);
    expect(seats.map((_, seatNo) => stateOf(bits, seatNo))).toEqual([
      ...['free', 'held', 'free', 'sold', 'free'],
    ]);
  });

  it('is refused where it is none', () => {
    expect(() => readSeatMap({ code: 'not_found' })).toThrow(/categories/);
  });
});

describe('its drawing', () => {
  const picture = drawSeats(map, bits);
  const dots = (color: string) =>
    (new RegExp(`<path stroke="${color}" d="([^"]*)"`).exec(picture)?.[1] ?? '').split('z').length -
    1;

  it('has a dot for each seat, coloured while it is free', () => {
    expect(['#112233', '#d97706', '#c3c8d0'].map(dots)).toEqual([2, 1, 2]);
  });

  it('says how many are free, and where people stand', () => {
    expect(picture).toContain('<title>3 of 5 seats are free</title>');
    expect(picture).toContain('Stalls: 2 of 4 free');
    expect(picture).toContain('Boxes &amp; more: 1 of 1 free');
    expect(picture).toContain('Floor: room for 400');
    expect(picture).toContain('held or sold');
  });
});
