import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_JSON_LIMITS, parseStrictJson, readScanned } from './json.ts';

/** The finding as `code path@position`, which reads well in a table. */
function finding(text: string, limits = DEFAULT_JSON_LIMITS): string {
  const parsed = parseStrictJson(text, limits);
  if (parsed.ok) return `ok ${JSON.stringify(parsed.value)}`;
  const { code, issues, extra } = parsed.refusal;
  expect(issues).toHaveLength(1);
  expect(issues?.[0]?.code).toBe(code);
  return `${code} ${issues?.[0]?.path}@${extra?.['position']}`;
}

describe('parseStrictJson', () => {
  it.each([
    '{}',
    '[]',
    '0',
    '-0',
    '""',
    'null',
    'true',
    'false',
    ' \t\r\n{ "a" : [ 1 , -2.5e+10 , "x" ] , "b" : { } } \n',
    '{"a":{"a":{"a":1}},"b":{"a":2}}',
    '[[],{},[[]],[{}]]',
    '"\\u00e9\\n\\"\\\\\\/\\b\\f\\r\\t"',
    '"\\ud83c\\udfad 🎭"',
    '"\ud83c\\udfad"',
    '"\\u0001\u007f\u2028"',
    '{"constructor":1,"prototype":2}',
    '{"prototype":{"constructor":1}}',
    '{"constructor":[{"prototype":1}]}',
    '{"":1," ":2}',
    '9007199254740991',
    '-9007199254740991',
    '1e308',
    '0.1',
    '1e-400',
    '1E2',
  ])('reads %s as JSON.parse does', (text) => {
    // Not `toStrictEqual`, which asks the values for their `constructor`.
    expect(isDeepStrictEqual(parseStrictJson(text), { ok: true, value: JSON.parse(text) })).toBe(
      true,
    );
  });

  it.each([
    ['', 'malformed_json @0'],
    ['  ', 'malformed_json @2'],
    ['{', 'malformed_json @1'],
    ['{"a"', 'malformed_json @4'],
    ['{"a":', 'malformed_json a@5'],
    ['{"a":1', 'malformed_json @6'],
    ['{"a":1,', 'malformed_json @7'],
    ['{"a":1,}', 'malformed_json @7'],
    ['{a:1}', 'malformed_json @1'],
    ["{'a':1}", 'malformed_json @1'],
    ['{"a" 1}', 'malformed_json @5'],
    ['{,}', 'malformed_json @1'],
    ['[1,]', 'malformed_json 1@3'],
    ['[,1]', 'malformed_json 0@1'],
    ['[1 2]', 'malformed_json @3'],
    ['[1}', 'malformed_json @2'],
    ['{"a":1]', 'malformed_json @6'],
    ['[1', 'malformed_json @2'],
    ['"abc', 'malformed_json @4'],
    ['"a\nb"', 'malformed_json @2'],
    ['"\\x41"', 'malformed_json @1'],
    ['"\\u12g4"', 'malformed_json @1'],
    ['"\\u12', 'malformed_json @1'],
    ['"\\', 'malformed_json @1'],
    ['nul', 'malformed_json @0'],
    ['True', 'malformed_json @0'],
    ['undefined', 'malformed_json @0'],
    ['NaN', 'malformed_json @0'],
    ['Infinity', 'malformed_json @0'],
    ['-', 'malformed_json @0'],
    ['+1', 'malformed_json @0'],
    ['01', 'trailing_content @1'],
    ['.5', 'malformed_json @0'],
    ['1.', 'trailing_content @1'],
    ['[1e]', 'malformed_json @2'],
    ['\u00a01', 'malformed_json @0'],
    ['/* x */1', 'malformed_json @0'],
  ])('refuses the malformed %j: %s', (text, expected) => {
    expect(finding(text)).toBe(expected);
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
  });

  it.each([
    // The order of a reader: what comes first in the text is what is reported.
    ['\ufeff{}', 'byte_order_mark @0'],
    ['{} x', 'trailing_content @3'],
    ['{}{}', 'trailing_content @2'],
    ['{}\ufeff', 'trailing_content @2'],
    ['{"a":1,"a":1}', 'duplicate_key a@7'],
    ['{"a":1,"\\u0061":1}', 'duplicate_key a@7'],
    ['{"x":[0,{"k":1,"k":2}]}', 'duplicate_key x.1.k@15'],
    ['{"__proto__":{}}', 'forbidden_key __proto__@1'],
    ['{"__proto__":null}', 'forbidden_key __proto__@1'],
    ['{"\\u005f_proto__":{}}', 'forbidden_key __proto__@1'],
    ['[{"b":{"__proto__":1}}]', 'forbidden_key 0.b.__proto__@7'],
    ['{"constructor":{"prototype":{}}}', 'forbidden_key constructor.prototype@16'],
    ['{"constructor":{"x":1,"prototype":1}}', 'forbidden_key constructor.prototype@22'],
    ['{"a":"\\u0000"}', 'nul_character a@6'],
    ['{"a":"x\u0000"}', 'nul_character a@7'],
    ['{"\\u0000":1}', 'nul_character @2'],
    ['{"items":["ok","\\ud800"]}', 'lone_surrogate items.1@16'],
    ['"\\ud800x"', 'lone_surrogate @1'],
    ['"\\ud800\\ud800\\udc00"', 'lone_surrogate @1'],
    ['"\\udc00\\ud800"', 'lone_surrogate @1'],
    ['"\ud800"', 'lone_surrogate @1'],
    ['{"\\udfff":1}', 'lone_surrogate @2'],
    ['{"q":9007199254740992}', 'number_out_of_range q@5'],
    ['9007199254740993', 'number_out_of_range @0'],
    ['-9007199254740993', 'number_out_of_range @0'],
    ['[1,1e309]', 'number_out_of_range 1@3'],
    ['-1e309', 'number_out_of_range @0'],
    [`1${'0'.repeat(309)}.5`, 'number_out_of_range @0'],
    ['[1,]]__proto__', 'malformed_json 1@3'],
    ['{"__proto__":1,"__proto__":', 'forbidden_key __proto__@1'],
  ])('refuses %j: %s', (text, expected) => {
    expect(finding(text)).toBe(expected);
  });

  it('allows 32 levels and not 33', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    expect(finding(nested(32))).toMatch(/^ok/);
    expect(finding(nested(33))).toBe(`too_deep ${'0.'.repeat(31)}0@32`);
    const objects = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    expect(finding(objects(32))).toMatch(/^ok/);
    expect(finding(objects(33))).toMatch(/^too_deep /);
  });

  it('allows 10 000 members in all and not one more', () => {
    const list = (n: number) => `[${Array(n).fill('1').join()}]`;
    expect(parseStrictJson(list(10_000)).ok).toBe(true);
    expect(finding(list(10_001))).toBe('too_many_members 10000@20001');
    const keys = (n: number) => `{${Array.from({ length: n }, (_, i) => `"k${i}":0`).join()}}`;
    expect(parseStrictJson(keys(10_000)).ok).toBe(true);
    expect(finding(keys(10_001))).toMatch(/^too_many_members @/);
    expect(finding('[[1,2],{"a":3}]', { maxDepth: 32, maxMembers: 4 })).toMatch(
      /^too_many_members/,
    );
    expect(finding('[[1,2],{"a":3}]', { maxDepth: 32, maxMembers: 5 })).toMatch(/^ok/);
  });

  it('leaves the prototype alone', () => {
    parseStrictJson('{"__proto__":{"polluted":1}}');
    parseStrictJson('{"constructor":{"prototype":{"polluted":1}}}');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('never repeats much of the input, nor half a character of it', () => {
    const key = '🎭'.repeat(10_000);
    const parsed = parseStrictJson(`{"${key}":[1e999]}`);
    if (parsed.ok) throw new Error('should have been refused');
    const said = JSON.stringify(parsed.refusal);
    expect(said.length).toBeLessThan(600);
    expect(said).not.toMatch(/\\ud[89a-f]/);
  });

  it.each([
    ['100 000 open brackets', '['.repeat(100_000), 'too_deep'],
    ['100 000 open objects', '{"a":'.repeat(100_000), 'too_deep'],
    ['a million keys', `{${'"a":1,'.repeat(1_000_000)}`, 'duplicate_key'],
    ['a long string', `"${'a'.repeat(10_000_000)}`, 'malformed_json'],
    ['a string of escapes', `"${'\\u0041'.repeat(1_000_000)}`, 'malformed_json'],
    ['a long integer', '1'.repeat(5_000_000), 'number_out_of_range'],
    ['a long fraction', `0.${'1'.repeat(5_000_000)}x`, 'trailing_content'],
    ['white space', ' '.repeat(10_000_000), 'malformed_json'],
  ])('is done with %s in no time', (_what, text, code) => {
    const before = performance.now();
    expect(finding(text)).toMatch(new RegExp(`^${code} `));
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  it('takes time in proportion to the text', () => {
    const text = (n: number) => `["${'ab\\n'.repeat(n)}"]`;
    const time = (n: number) => {
      const input = text(n);
      const runs = [1, 2, 3].map(() => {
        const before = performance.now();
        parseStrictJson(input);
        return performance.now() - before;
      });
      return Math.min(...runs);
    };
    // A quadratic reader would take 100 times as long; 40 leaves room for a busy machine.
    expect(time(1_000_000)).toBeLessThan(40 * Math.max(time(100_000), 1));
  });
});

/** Whether a value has something that the strict reader refuses by design. */
function plain(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (typeof value === 'string') return !/\0|\p{Cs}/u.test(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(
    ([key, member]) => key !== '__proto__' && key !== 'constructor' && plain(key) && plain(member),
  );
}

describe('parseStrictJson, for any text', () => {
  const values = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }).filter(plain);

  it('answers what the pass alone would answer', () => {
    const pieces = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ':',
        ',',
        '"',
        '"a"',
        '"b"',
        ' ',
        '\n',
        '1',
        '-0',
        '0.5',
        '1e9',
        '"":',
      ],
      ...['9007199254740993', '1e400', 'null', 'true', '"\\u0061"', '"__proto__"', '"é"', '"🎭"'],
      ...['{"a":1}', '{"a":1,"a":2}', '":x"', '"x":', '[1,2]', '\t', '\u0000', '\ufeff'],
    );
    const small = { maxDepth: 3, maxMembers: 6 };
    const text = fc.array(pieces, { maxLength: 12 }).map((some) => some.join(''));
    const nested = fc.json({ maxDepth: 5, stringUnit: 'binary' });
    fc.assert(
      fc.property(fc.oneof(text, nested, fc.string()), (one) => {
        for (const limits of [DEFAULT_JSON_LIMITS, small]) {
          const both = [parseStrictJson(one, limits), readScanned(one, limits)];
          expect(isDeepStrictEqual(both[0], both[1])).toBe(true);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('returns what JSON.parse returns, when nothing is refused by design', () => {
    fc.assert(
      fc.property(values, fc.constantFrom(0, 1, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseStrictJson(text)).toStrictEqual({ ok: true, value: JSON.parse(text) });
      }),
      { numRuns: 500 },
    );
  });

  it('calls malformed exactly what JSON.parse throws at', () => {
    const scraps = fc.constantFrom(
      ...['{', '}', '[', ']', ',', ':', '"', '\\', 'u0041', '\\n', 'a', '"a"', '"b"', '"\\u0062"'],
      ...['0', '1', '-', '.', 'e', '+', 'E5', 'true', 'null', 'fals', ' ', '\n', '\t', '\u00a0'],
    );
    const soup = fc.array(scraps, { maxLength: 14 }).map((parts) => parts.join(''));
    const damaged = fc
      .tuple(values, fc.nat(), fc.string({ maxLength: 2 }))
      .map(([value, at, scrap]) => {
        const text = JSON.stringify(value);
        const cut = at % (text.length + 1);
        return text.slice(0, cut) + scrap + text.slice(cut + 1);
      });
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(soup, damaged), (text) => {
        const parsed = parseStrictJson(text);
        let standard: { value: unknown } | null = null;
        try {
          standard = { value: JSON.parse(text) };
        } catch {
          standard = null;
        }
        if (parsed.ok) accepted++;
        if (parsed.ok) expect(parsed.value).toStrictEqual(standard?.value);
        if (standard === null) expect(parsed.ok).toBe(false);
        if (!parsed.ok && standard !== null) {
          expect(['malformed_json', 'trailing_content']).not.toContain(parsed.refusal.code);
        }
      }),
      { numRuns: 5_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});
