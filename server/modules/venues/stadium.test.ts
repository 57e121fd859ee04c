import { describe, expect, it } from 'vitest';
import { readStadium, STAGINGS, stadiumPlan } from '../../../test/kit/metalist.ts';
import { requireEngine } from '../../../test/kit/requires.ts';
import { leastApart, outsideBy } from '../../../test/kit/shapes.ts';
import { layOut } from './lay-out.ts';
import { readManifest, writeManifest } from './manifest.ts';
import { readPretix } from './pretix.ts';
import { type Survey, survey } from './survey.ts';
import { writePretix } from './write-pretix.ts';

const data = requireEngine('data');

/** The drawing is 896 units wide, about a quarter of a metre each; positions are rounded. */
const OUTSIDE_MAX = 0.001;
/** As drawn, the tightest sector gives a seat 1.23 units. */
const APART_MIN = 1.2;

const places = ({ seats }: Survey) =>
  seats.map(({ key, category, row, place }) => `${key} ${category} ${row} ${place}`);

describe.skipIf(data === undefined)('a stadium of 39,616 seats', () => {
  const read = () => readStadium(data ?? '');

  it.each(STAGINGS)('has room for everybody, each in their section: %s', (staging) => {
    const plan = stadiumPlan(read(), staging);
    const startedAt = performance.now();
    const counted = survey(plan);
    const surveyedAt = performance.now();
    const laid = layOut(plan, counted.focalPoint);
    const laidAt = performance.now();
    const found = survey(laid);
    const [first, laying, second] = [
      surveyedAt - startedAt,
      laidAt - surveyedAt,
      performance.now() - laidAt,
    ].map(Math.round);
    process.stdout.write(
      `${staging}: surveyed in ${first} ms, laid out in ${laying}, surveyed again in ${second}\n`,
    );
    expect(found.findings).toEqual([]);
    expect(places(found)).toEqual(places(counted));
    expect(found.seats).toHaveLength(staging === 'end stage' ? 25_009 : 39_616);
    for (const { name, outline = [] } of laid.sections) {
      const spots = found.seats.filter(({ section }) => section === name).map(({ at }) => at);
      const outside = spots.filter((at) => outsideBy(outline, at) > OUTSIDE_MAX);
      expect([name, ...outside]).toEqual([name]);
      expect([name, leastApart(spots, 3) >= APART_MIN]).toEqual([name, true]);
    }
  });

  it('leaves out the numbers that its rows leave out', () => {
    const { seats } = survey(stadiumPlan(read(), 'football'));
    const row = seats.filter(({ section, rowLabel }) => section === '5' && rowLabel === '6');
    expect(row.map(({ number }) => Number(number))).toEqual([1, 2, 3, 4, 31, 32, 33, 34]);
    expect(row.map(({ place }) => place)).toEqual([0, 1, 2, 3, 5, 6, 7, 8]);
    expect(seats.find(({ section }) => section === 'SB_3_5')?.category).toBe('Hospitality');
  });

  it('is the same stadium after it was a table, and a plan of pretix', () => {
    const plan = stadiumPlan(read(), 'football');
    const laid = layOut(plan, survey(plan).focalPoint);
    const wanted = places(survey(laid));
    for (const again of [
      readManifest(Buffer.from(writeManifest(laid))),
      readPretix(JSON.parse(JSON.stringify(writePretix(laid, 'Metalist')))),
    ]) {
      expect(again.ok && places(survey(again.value.plan))).toEqual(wanted);
    }
  });
});
