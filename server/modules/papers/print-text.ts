/**
 * Text of any script as runs that a PDF can draw one after the other, from left to right. The
 * library that draws shapes one run (joins Arabic letters, places marks); what it does not do is
 * done here: right-to-left order (UAX #9), and choosing a font that has the characters.
 */
import bidiFactory from 'bidi-js';

export type Face = 'regular' | 'bold';

/** Whether a font has a character. */
export type HasGlyph = (face: Face, codePoint: number) => boolean;

export type Run = { readonly face: Face; readonly text: string };

export type Printed = {
  /** As they stand on the page, from the left. */
  readonly runs: readonly Run[];
  /** What no font has; in its place stands `REPLACEMENT`. */
  readonly missing: readonly string[];
};

export const REPLACEMENT = '\ufffd';

// Its types speak of a module with a default; what Node gives is the function itself.
const bidi = (bidiFactory as unknown as typeof bidiFactory.default)();
const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });
/** Joiners and the like: they say how others are drawn, and are not drawn. */
const UNDRAWN = /\p{Default_Ignorable_Code_Point}/u;
const RIGHT_TO_LEFT = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}]/u;

type Part = { readonly level: number; readonly face: Face; text: string };

/** One line, in composed characters (NFC). Where bold has no such character, regular stands in. */
export function printLine(line: string, wanted: Face, has: HasGlyph): Printed {
  const text = line.normalize('NFC');
  const { levels } = bidi.getEmbeddingLevels(text, 'auto');
  const mirrored = bidi.getMirroredCharactersMap(text, levels);
  const missing: string[] = [];
  const parts: Part[] = [];
  for (const { segment, index } of graphemes.segment(text)) {
    const own = mirrored.get(index) ?? segment;
    const face = faceFor(own, wanted, has);
    if (face === null) missing.push(segment);
    const part = { level: levels[index] ?? 0, face: face ?? 'regular', text: own };
    if (face === null) part.text = REPLACEMENT;
    const last = parts.at(-1);
    if (last && last.level === part.level && last.face === part.face) last.text += part.text;
    else parts.push(part);
  }
  return { runs: inSight(parts).map(toRun), missing };
}

function faceFor(cluster: string, wanted: Face, has: HasGlyph): Face | null {
  const drawn = [...cluster].filter((char) => !UNDRAWN.test(char));
  const faces: readonly Face[] = wanted === 'bold' ? ['bold', 'regular'] : ['regular'];
  const fits = (face: Face) => drawn.every((char) => has(face, char.codePointAt(0) ?? 0));
  return faces.find(fits) ?? null;
}

/** UAX #9, rule L2: from the highest level down, what is at least so high is turned around. */
function inSight(parts: readonly Part[]): Part[] {
  const order = [...parts];
  const highest = Math.max(0, ...parts.map(({ level }) => level));
  for (let level = highest; level > 0; level--) {
    let start = 0;
    for (let end = 0; end <= order.length; end++) {
      const part = order[end];
      if (part && part.level >= level) continue;
      order.splice(start, end - start, ...order.slice(start, end).reverse());
      start = end + 1;
    }
  }
  return order;
}

/** A run of a right-to-left script is turned by whoever shapes it; any other is turned here. */
function toRun({ level, face, text }: Part): Run {
  const isTurned = level % 2 === 1 && !RIGHT_TO_LEFT.test(text);
  return { face, text: isTurned ? [...split(text)].reverse().join('') : text };
}

/** What people call characters. */
export function split(text: string): string[] {
  return [...graphemes.segment(text)].map(({ segment }) => segment);
}

/**
 * Lines no wider than `widthMax`, broken at spaces, and inside a word where it is wider by itself.
 * Nothing is left out.
 */
export function breakLines(
  text: string,
  widthMax: number,
  widthOf: (line: string) => number,
): string[] {
  const lines: string[] = [];
  let line = '';
  const take = (more: string, glue: string) => {
    const longer = line === '' ? more : line + glue + more;
    if (widthOf(longer) <= widthMax) {
      line = longer;
      return true;
    }
    return false;
  };
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (take(word, ' ')) continue;
    if (line !== '') lines.push(line);
    line = '';
    if (take(word, '')) continue;
    for (const char of split(word)) {
      if (take(char, '')) continue;
      if (line !== '') lines.push(line);
      line = char;
    }
  }
  return line === '' ? lines : [...lines, line];
}
