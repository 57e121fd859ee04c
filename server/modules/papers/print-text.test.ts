import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { breakLines, type HasGlyph, printLine, REPLACEMENT } from './print-text.ts';

const everything: HasGlyph = () => true;
const inSight = (text: string, has: HasGlyph = everything) =>
  printLine(text, 'regular', has).runs.map((run) => run.text);

describe('a line of text', () => {
  it('is one run where it is of one direction', () => {
    expect(inSight('Ærø, Łódź')).toEqual(['Ærø, Łódź']);
    expect(inSight('Ночь в Афинах')).toEqual(['Ночь в Афинах']);
    expect(inSight('ليلة موسيقية')).toEqual(['ليلة موسيقية']);
  });

  it('puts what is read from the right where it is read: UAX #9', () => {
    // Runs from the left; each that is read from the right is turned by whoever shapes it.
    expect(inSight('ליל 2035')).toEqual(['2035', 'ליל ']);
    expect(inSight('Gate ליל 7')).toEqual(['Gate ', '7', 'ליל ']);
    expect(inSight('ליל Berlin קיץ')).toEqual([' קיץ', 'Berlin', 'ליל ']);
    expect(inSight('Berlin ליל')).toEqual(['Berlin ', 'ליל']);
  });

  it('mirrors brackets where they open to the left', () => {
    expect(inSight('(ליל)')).toEqual([')ליל(']);
    expect(inSight('(night)')).toEqual(['(night)']);
  });

  it('composes letters and their marks, and keeps clusters together', () => {
    expect(inSight('Zoe\u0308')).toEqual(['Zoë']);
    const noZwj: HasGlyph = (_face, codePoint) => codePoint !== 0x200c;
    expect(printLine('می\u200cخواهم', 'regular', noZwj).missing).toEqual([]);
  });

  it('takes bold where there is bold', () => {
    const has: HasGlyph = (face, codePoint) => face === 'regular' || codePoint < 0x80;
    expect(printLine('Nacht ж ok', 'bold', has).runs).toEqual([
      { face: 'bold', text: 'Nacht ' },
      { face: 'regular', text: 'ж' },
      { face: 'bold', text: ' ok' },
    ]);
  });

  it('says what no font has, and drops nothing', () => {
    const latin: HasGlyph = (_face, codePoint) => codePoint < 0x250 || codePoint === 0xfffd;
    const { runs, missing } = printLine('山田 Tarō 👩‍🎤', 'regular', latin);
    expect(runs.map(({ text }) => text).join('')).toBe(
      `${REPLACEMENT}${REPLACEMENT} Tarō ${REPLACEMENT}`,
    );
    expect(missing).toEqual(['山', '田', '👩‍🎤']);
  });

  it('has every character once, whatever the text', () => {
    const unit = fc.constantFrom('a', 'Ж', ' ', '(', ')', '1', '2', 'ל', 'ق', '-', '.', '!');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 40, size: 'max' }), (text) => {
        const mirrored: Readonly<Record<string, string>> = { '(': '(', ')': '(' };
        const sorted = (all: string) => [...all].map((char) => mirrored[char] ?? char).sort();
        expect(sorted(inSight(text).join(''))).toEqual(sorted(text));
      }),
    );
  });
});

describe('lines', () => {
  const widthOf = (line: string) => [...line].length;

  it('break at spaces, and inside a word that is too wide by itself', () => {
    expect(breakLines('one two three', 7, widthOf)).toEqual(['one two', 'three']);
    expect(breakLines('a abcdefghij b', 4, widthOf)).toEqual(['a', 'abcd', 'efgh', 'ij b']);
    expect(breakLines('', 4, widthOf)).toEqual([]);
  });

  it('have all of the text, and none is too wide', () => {
    const unit = fc.constantFrom('a', 'b', ' ', 'ж', '語');
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 60, size: 'max' }),
        fc.integer({ min: 1, max: 12 }),
        (text, w) => {
          const lines = breakLines(text, w, widthOf);
          expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
          expect(lines.filter((line) => widthOf(line) > w || line === '')).toEqual([]);
        },
      ),
    );
  });
});
