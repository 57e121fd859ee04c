import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type At, outsideBy, star } from '../../../test/kit/shapes.ts';
import {
  arcsOf,
  centre,
  contains,
  crossesItself,
  hasArea,
  radii,
  spansOf,
  withoutRepeats,
} from './polygons.ts';

/** `0,0 10,0` as two points. */
const shape = (text: string): At[] =>
  text.split(' ').map((pair) => {
    const [x = 0, y = 0] = pair.split(',').map(Number);
    return { x, y };
  });
const box = shape('0,0 10,0 10,10 0,10');
const AXES = [
  { x: 1, y: 0 },
  { x: 0, y: 1 },
] as const;

describe('an outline', () => {
  it.each([
    ['a box', '0,0 10,0 10,10 0,10', false],
    ['an eight', '0,0 10,10 10,0 0,10', true],
    ['an eight whose crossing is near a corner', '0,0 10,0 10,10 9,-1 0,10', true],
    ['a star in one stroke', '0,10 6,-8 -10,3 10,3 -6,-8', true],
    ['a hole with a bridge', '0,0 9,0 9,9 0,9 0,0 3,3 3,6 6,6 6,3 3,3', false],
    ['two boxes that touch in a corner', '0,0 5,0 5,5 9,5 9,9 5,9 5,5 0,5', false],
    ['a corner on another edge', '0,0 9,0 9,9 5,0 0,9', false],
    ['a line there and back', '0,0 5,5 9,9', false],
    ['one point again and again', '3,3 3,3 3,3', false],
  ])('%s crosses itself: %s %s', (_what, text, crosses) => {
    expect(crossesItself(shape(text))).toBe(crosses);
  });

  it('never crosses itself where corners go around a middle; does when two are swapped', () => {
    fc.assert(fc.property(star, (outline) => !crossesItself(outline)));
    const eight = [box[0], box[2], box[1], box[3]].flatMap((point) => point ?? []);
    for (const far of [0, 1e6]) {
      expect(crossesItself(eight.map(({ x, y }) => ({ x: x + far, y: y + far })))).toBe(true);
    }
  });

  it.each([
    ['a box', '0,0 10,0 10,10 0,10', true],
    ['a sliver', '0,0 1000,0 1000,0.01', true],
    ['a line', '0,0 10,10 5,5', false],
    ['a line, as computed', '0,0 0.1,0.3 0.2,0.6', false],
    ['a point', '4,4 4,4 4,4', false],
  ])('%s has an area: %s %s', (_what, text, has) => {
    expect(hasArea(shape(text))).toBe(has);
  });

  it('loses points that repeat the one before, the first one too', () => {
    expect(withoutRepeats(shape('0,0 0,0 9,0 9,9 9,9 0,0'))).toEqual(shape('0,0 9,0 9,9'));
  });

  it('has its middle inside a box wherever it is, and between its points without an area', () => {
    expect(centre(box)).toEqual({ x: 5, y: 5 });
    expect(centre(shape('0,0 6,6'))).toEqual({ x: 3, y: 3 });
    const { x, y } = centre(box.map((point) => ({ x: point.x / 1_000 + 9e6, y: point.y - 9e6 })));
    expect([x - 9e6, y + 9e6]).toEqual([expect.closeTo(0.005, 6), expect.closeTo(5, 6)]);
  });
});

describe('what is inside', () => {
  const probe = fc.record({
    x: fc.integer({ min: -700, max: 700 }),
    y: fc.integer({ min: -700, max: 700 }),
  });

  it('is what the outline goes around', () => {
    fc.assert(
      fc.property(star, probe, (outline, point) => {
        fc.pre(outsideBy(outline, point) === 0 || outsideBy(outline, point) > 1e-6);
        expect(contains(outline, point)).toBe(outsideBy(outline, point) === 0);
      }),
    );
  });

  it('of a line, is between each second crossing and the next', () => {
    const u = shape('0,0 9,0 9,9 6,9 6,3 3,3 3,9 0,9');
    const along = { x: 1, y: 0 };
    expect(spansOf(u, { x: 0, y: 6 }, along)).toEqual([
      { from: 0, to: 3 },
      { from: 6, to: 9 },
    ]);
    expect(spansOf(u, { x: 0, y: 1 }, { x: 2, y: 0 })).toEqual([{ from: 0, to: 4.5 }]);
    expect(spansOf(u, { x: 0, y: 20 }, along)).toEqual([]);
  });

  it('of a circle, are the arcs within: all points of them, and no others', () => {
    fc.assert(
      fc.property(star, probe, fc.integer({ min: 1, max: 900 }), (outline, middle, radius) => {
        const arcs = arcsOf(outline, middle, radius, AXES);
        for (let turn = 0; turn < 60; turn += 1) {
          const angle = -Math.PI + (turn / 30) * Math.PI + 0.01;
          const isOnArc = arcs.some(({ from, to }) =>
            [angle, angle + 2 * Math.PI].some((one) => from <= one && one <= to),
          );
          const point = {
            x: middle.x + Math.cos(angle) * radius,
            y: middle.y + Math.sin(angle) * radius,
          };
          const isNearEnd = arcs.some(({ from, to }) =>
            [from, to].some((end) => Math.abs(Math.sin((end - angle) / 2)) < 1e-6),
          );
          if (!isNearEnd) expect(isOnArc).toBe(contains(outline, point));
        }
      }),
    );
  });

  it('of a circle that meets no edge, is all of it or nothing', () => {
    const whole = { from: -Math.PI, to: Math.PI };
    expect(arcsOf(box, { x: 5, y: 5 }, 2, AXES)).toEqual([whole]);
    expect(arcsOf(box, { x: 5, y: 5 }, 20, AXES)).toEqual([]);
    expect(arcsOf(box, { x: 50, y: 5 }, 2, AXES)).toEqual([]);
  });

  it('is between the nearest point of an edge and the farthest corner', () => {
    expect(radii(box, { x: 5, y: -3 })).toEqual({ from: 3, to: Math.hypot(5, 13) });
    expect(radii(box, { x: 5, y: 5 }).from).toBe(0);
  });
});
