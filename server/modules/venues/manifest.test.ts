import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readManifest, writeManifest } from './manifest.ts';
import { survey } from './survey.ts';

const HEADER = 'section,row,seat,category,x,y';

function read(text: string | Buffer) {
  const result = readManifest(Buffer.from(text));
  if (!result.ok) throw new Error(JSON.stringify(result.refusal));
  return result.value;
}

function problems(text: string | Buffer): string[] {
  const result = readManifest(Buffer.from(text));
  const issues = result.ok ? result.value.findings : (result.refusal.issues ?? []);
  return issues.map(({ path, code }) => `${path} ${code}`);
}

const table = (text: string) =>
  survey(read(text).plan).seats.map(
    ({ key, category, at }) => `${key} ${category} ${at.x} ${at.y}`,
  );

describe('a manifest', () => {
  it('is one seat a line, in the order in which sections and rows are first named', () => {
    const lines = [HEADER, 'S,1,1,A,0,0', 'T,1,1,B,5,5', 'S,2,1,A,0,9', 'S,1,2,A,1.5,-.5'];
    expect(table(lines.join('\n'))).toEqual([
      'S-1-1 A 0 0',
      'S-1-2 A 1.5 -0.5',
      'S-2-1 A 0 9',
      'T-1-1 B 5 5',
    ]);
  });

  it.each([
    ['a BOM, CRLF and a last line that is empty', `\ufeff${HEADER}\r\nS,1,1,A,0,0\r\n\r\n`],
    ['lines as on an old Mac', `${HEADER}\rS,1,1,A,0,0`],
    ['semicolons, and commas in numbers', 'Section;Row;Seat;Category;X;Y\nS;1;1;A;0,0;0,0'],
    ['a BOM before a quote', `\ufeff"section",row,seat,category,x,y\nS,1,1,A,0,0`],
    ['quotes and spaces', ' section , "row",seat,category,x,y\n"S", "1" ,1,A,"0",0'],
    [
      'columns in another order, and some more',
      'tribune,y,x,category,seat,row,section,\nwest,0,0,A,1,1,S,\n',
    ],
    ['cells left out at the end', 'section,row,seat,category,x,y,note\nS,1,1,A,0,0'],
  ])('may have %s', (_what, text) => {
    expect(table(text)).toEqual(['S-1-1 A 0 0']);
  });

  it('may have anything between quotes', () => {
    expect(table(`${HEADER}\n"Say ""hi"", twice; 1",1,1,A,0,0`)).toEqual([
      'Say "hi", twice; 1-1-1 A 0 0',
    ]);
  });

  it('needs no categories and no positions, and says what it assumed', () => {
    const { plan, findings } = read('section,row,seat\nS,1,1\nS,1,2');
    expect(plan.categories).toEqual([{ name: 'Standard' }]);
    expect(plan.sections[0]?.rows?.[0]?.seats).toEqual(
      ['1', '2'].map((number) => ({ number, category: 'Standard' })),
    );
    expect(findings).toMatchObject([
      { code: 'category_assumed', severity: 'warning', path: 'line 1' },
    ]);
    expect(problems('section,row,seat,category\nS,1,1,A\nS,1,2,')).toEqual([
      'line 3 category_assumed',
    ]);
    expect(problems('section,row,seat,category,tier\nS,1,1,A,2')).toEqual([
      'line 1 column_ignored',
    ]);
  });
});

const latin1 = Buffer.from(`${HEADER}\nS,1,1,A,0,0\nBal\u00e9,1,1,A,0,0`, 'latin1');

describe('a file that is not taken', () => {
  it.each([
    ['nothing', '', ['line 1 malformed_header']],
    ['only a header', HEADER, ['line 1 no_seats']],
    ['no header', 'S,1,1,A', ['line 1 malformed_header']],
    ['a column twice', 'section,row,seat,row\nS,1,1,1', ['line 1 malformed_header']],
    ['x without y', 'section,row,seat,x\nS,1,1,1', ['line 1 malformed_header']],
    ['Latin-1', latin1, ['line 3 wrong_encoding']],
    ['UTF-16', Buffer.from(`\ufeff${HEADER}`, 'utf16le'), ['line 1 wrong_encoding']],
    ['UTF-16 that does not say so', Buffer.from(HEADER, 'utf16le'), ['line 1 wrong_encoding']],
    ['an open quote', `${HEADER}\nS,1,1,A,0,0\n"S,1,2,A,0,0\n`, ['line 3 malformed_csv']],
    ['text after a quote', `${HEADER}\n"S"s,1,1,A,0,0`, ['line 2 malformed_csv']],
    ['no seat number', `${HEADER}\nS,1,,A,0,0`, ['line 2 missing']],
    ['too few cells', `${HEADER}\nS,1`, ['line 2 missing']],
    [
      'a formula',
      `${HEADER}\nS,1,1,"=HYPERLINK(""x"")",0,0\nS,1,@x,A,0,0\nS,-1+2,1,A,0,0`,
      ['line 2 formula', 'line 3 formula', 'line 4 formula'],
    ],
    [
      'positions that are none',
      `${HEADER}\nS,1,1,A,NaN,0\nS,1,2,A,0,Infinity\nS,1,3,A,1,\nS,1,4,A,0x1,1\nS,1,5,A,1e999,1`,
      [2, 3, 4, 5, 6].map((no) => `line ${no} not_a_number`),
    ],
    [
      'a seat twice',
      `${HEADER}\nS,1,1,A,0,0\nT,1,1,A,0,0\n S ,1,1,B,9,9`,
      ['line 4 duplicate_seat'],
    ],
    [
      'a label that is too long',
      `${HEADER}\nS,1,1,A,0,0\n"T\n1",1,1,A,0,0\nT,1,${'9'.repeat(21)},A,0,0`,
      ['line 3 invisible_characters', 'line 5 wrong_length'],
    ],
    ['a position beyond measure', `${HEADER}\nS,2,1,A,0,0\nS,1,1,A,1e9,0`, ['line 3 too_big']],
    [
      'a category of no name',
      `${HEADER}\nS,1,1,A,0,0\nS,1,2,${'b'.repeat(61)},0,0`,
      ['line 3 wrong_length', 'line 3 wrong_length'],
    ],
  ])('has %s, and says in which line', (_what, text, issues) => {
    expect(problems(text)).toEqual(issues);
  });

  it('has two hundred thousand seats', () => {
    const lines = Array.from({ length: 200_000 }, (_, i) => `S,${i >> 7},${i},A,0,0`);
    expect(problems([HEADER, ...lines].join('\n'))).toEqual(['line 150002 too_many_seats']);
  });

  it('is wrong in every line, and is told of a hundred', () => {
    const lines = Array<string>(150_000).fill('S,1,1,A,0,0');
    const issues = problems([HEADER, ...lines].join('\n'));
    expect(issues).toHaveLength(100);
    expect(issues[0]).toBe('line 3 duplicate_seat');
  });
});

describe('in, out and in again', () => {
  const name = fc
    .oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom('=1+1', "'=x", '-', '-5', '+A1', '@', 'a;b', '"', "''-", 'a,b'),
    )
    .map((text) => text.normalize('NFC').trim())
    .filter(
      (text) =>
        text !== '' && !/\p{Cc}|[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u.test(text),
    );
  const positions = fc.option(
    fc.record({
      x: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      y: fc.integer({ min: -9, max: 9 }),
    }),
    { nil: undefined },
  );

  it('is the same plan, whatever the names', () => {
    const line = fc.record({
      section: name,
      label: name,
      number: name,
      category: name,
      position: positions,
    });
    const lines = fc.uniqueArray(line, {
      minLength: 1,
      selector: (one) => JSON.stringify([one.section, one.label, one.number]),
    });
    fc.assert(
      fc.property(lines, (seats) => {
        const plan = {
          sections: seats.map(({ section, label, number, category, position }) => ({
            name: section,
            rows: [{ label, seats: [{ number, category, ...(position ? { position } : {}) }] }],
          })),
        };
        const once = read(writeManifest(plan)).plan;
        const all = once.sections.flatMap((section) =>
          (section.rows ?? []).flatMap((row) =>
            (typeof row.seats === 'string' ? [] : row.seats).map((seat) => [
              section.name,
              row.label,
              seat.number,
              seat.category,
            ]),
          ),
        );
        const wanted = seats.map((one) => [one.section, one.label, one.number, one.category]);
        expect(all.map((one) => one.join('|')).sort()).toEqual(
          wanted.map((one) => one.join('|')).sort(),
        );
        expect(read(writeManifest(once)).plan).toEqual(once);
      }),
    );
  });

  it('opens in a spreadsheet without computing anything', () => {
    const plan = {
      sections: [{ name: '=cmd()', category: '@a', rows: [{ label: '+1-1', seats: '1-2' }] }],
    };
    expect(writeManifest(plan)).toBe(
      `${HEADER}\r\n'=cmd(),'+1-1,1,'@a,,\r\n'=cmd(),'+1-1,2,'@a,,\r\n`,
    );
  });
});
