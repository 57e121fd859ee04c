/**
 * The fonts that tickets are printed in: DejaVu Sans, which has Latin, Greek, Cyrillic, Armenian,
 * Georgian, Hebrew and Arabic in one family. What it has not, Chinese, Japanese and Korean among
 * them, is told on the ticket.
 *
 * Tried for those: Noto Sans SC as web fonts. The static package weighs 73 MB packed. Of the
 * variable one (5 MB, a hundred WOFF2 files by ranges of characters) the library writes empty
 * glyphs into the document, and cannot choose a weight: its default is the thinnest.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { assert } from '../../kernel/result.ts';
import type { Face, HasGlyph } from './print-text.ts';

const packages = createRequire(import.meta.url);

export type Fonts = {
  readonly bytes: Readonly<Record<Face, Buffer>>;
  readonly has: HasGlyph;
};

let loaded: Promise<Fonts> | null = null;

/** Read once in a process, when somebody first wants a ticket on paper. */
export function ticketFonts(): Promise<Fonts> {
  loaded ??= loadFonts().catch((error: unknown) => {
    loaded = null;
    throw error;
  });
  return loaded;
}

async function loadFonts(): Promise<Fonts> {
  const bytes = {
    regular: await readFile(packages.resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf')),
    bold: await readFile(packages.resolve('dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf')),
  };
  const fontkit = await import('fontkit');
  const charactersOf = (face: Buffer): ReadonlySet<number> => {
    const font = fontkit.create(face);
    assert('characterSet' in font, 'a collection of fonts instead of one');
    return new Set(font.characterSet);
  };
  const characters = { regular: charactersOf(bytes.regular), bold: charactersOf(bytes.bold) };
  return { bytes, has: (face, codePoint) => characters[face].has(codePoint) };
}
