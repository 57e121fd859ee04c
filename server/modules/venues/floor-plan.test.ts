import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { countSeats, floorPlan, issuesIn, numbersOf } from './floor-plan.ts';

/** A plan of one row, with what `seats` says. */
const planOf = (seats: unknown, more: object = {}) => ({
  sections: [{ name: 'Stalls', category: 'A', rows: [{ label: '1', seats }], ...more }],
});

function problems(document: unknown): string[] {
  const parsed = floorPlan.safeParse(document);
  return parsed.success
    ? []
    : issuesIn(parsed.error).map(({ path, code }) => `${path.map(String).join('.')} ${code}`);
}

const nested = (levels: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
};
const corner = { x: 0, y: 0 };

describe('a floor plan', () => {
  it.each([
    ['numbers', planOf('1-10,12-16')],
    ['seats', planOf([{ number: '1a', position: corner, features: ['accessible'] }])],
    ['what other formats said', planOf('1', { source: { pretix: { areas: [{ radius: 3 }] } } })],
  ])('may have %s', (_what, document) => {
    expect(problems(document)).toEqual([]);
  });

  const row = 'sections.0.rows.0';
  it.each([
    ['no section', { sections: [] }, 'sections too_small'],
    [
      'a seat without a number',
      planOf([{ number: '1' }, {}]),
      `${row}.seats.1.number invalid_type`,
    ],
    ['an empty number', planOf([{ number: ' ' }]), `${row}.seats.0.number wrong_length`],
    ['a field of no meaning', planOf([{ number: '1', x: 1 }]), `${row}.seats.0.x unknown_field`],
    [
      'unseen characters',
      planOf([{ number: '1\u202e' }]),
      `${row}.seats.0.number invisible_characters`,
    ],
    ['neither text nor list', planOf(12), `${row}.seats invalid_type`],
    ['no seats', planOf([]), `${row}.seats too_small`],
    ['a row longer than any', planOf(Array(2_001).fill({ number: '1' })), `${row}.seats too_big`],
    [
      'a position that is no number',
      planOf([{ number: '1', position: { x: Number.NaN, y: 0 } }]),
      `${row}.seats.0.position.x invalid_type`,
    ],
    [
      'an endless position',
      planOf('1', { position: { x: 0, y: JSON.parse('1e999') } }),
      'sections.0.position.y invalid_type',
    ],
    [
      'a position beyond measure',
      planOf('1', { position: { x: -1e8, y: 0 } }),
      'sections.0.position.x too_small',
    ],
    [
      'an outline of two points',
      planOf('1', { outline: [corner, corner] }),
      'sections.0.outline too_small',
    ],
    [
      'an outline of too many points',
      planOf('1', { outline: Array(1_001).fill(corner) }),
      'sections.0.outline too_big',
    ],
    [
      'something nested without end',
      planOf('1', { source: { deep: nested(100_000) } }),
      'sections.0.source.deep nested_too_deep',
    ],
    [
      'shapes nested without end',
      { ...planOf('1'), shapes: [nested(50)] },
      'shapes.0 nested_too_deep',
    ],
  ])('with %s is refused, and where', (_what, document, problem) => {
    expect(problems(document)).toEqual([problem]);
  });

  it('is described to those who send one, with both ways of writing seats', () => {
    const json = JSON.stringify(z.toJSONSchema(floorPlan, { io: 'input', unrepresentable: 'any' }));
    expect(json).toContain('Numbers and ranges: 1-10,12-16');
    expect(json).toContain('As it stands on the seat');
  });
});

describe('numbers and ranges', () => {
  it.each([
    ['1-3,5', ['1', '2', '3', '5']],
    ['6-8', ['6', '7', '8']],
    ['3-1', ['3', '2', '1']],
    [' 7 , 9 – 10 ', ['7', '9', '10']],
    ['18', ['18']],
    ['1-', null],
    ['', null],
    ['1,,2', null],
    ['a-c', null],
    ['1.5', null],
    ['-1', null],
    ['1-2001', null],
    ['1-1500,1-501', null],
    ['1-99999', null],
  ])('%s', (text, numbers) => {
    expect(numbersOf(text)).toEqual(numbers);
  });

  it('are counted without being made', () => {
    const range = fc.tuple(fc.nat(300), fc.nat(300)).map(([a, b]) => `${a}-${b}`);
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 9 }), (ranges) => {
        const text = ranges.join(',');
        const plan = floorPlan.parse(planOf(text));
        expect(countSeats(plan)).toBe(numbersOf(text)?.length ?? 0);
      }),
    );
  });
});
