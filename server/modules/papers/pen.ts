/** Text on pages of A4, in any script that the fonts have. */
import { breakLines, type Face, printLine, REPLACEMENT } from './print-text.ts';
import type { Fonts } from './ticket-fonts.ts';

/** Points, of which 72 make an inch; A4 is 595.28 by 841.89 of them. */
export const MARGIN = 56;
export const RIGHT = 595.28 - MARGIN;
export const BOTTOM = 841.89 - MARGIN;
export const LOCALE = 'en-GB';
export const GREY = '#555555';
const LINE_HEIGHT = 1.3;

export type Pen = {
  readonly doc: PDFKit.PDFDocument;
  readonly fonts: Fonts;
  /** Broken lines by text and style: the pages of an order say much the same. */
  readonly broken: Map<string, readonly string[]>;
  /** What could not be drawn on this page. */
  readonly missing: Set<string>;
};

export type Style = { readonly size: number; readonly face?: Face; readonly color?: string };

/** Draws a document with `work`; equal words and fonts make equal bytes. */
export async function drawOn(
  about: { readonly title: string; readonly madeAt: Date },
  fonts: Fonts,
  work: (pen: Pen) => Promise<void> | void,
): Promise<Buffer> {
  // Loaded when somebody first wants a paper: a server that begins again has buyers waiting.
  const { default: PDFDocument } = await import('pdfkit');
  const doc = new PDFDocument({
    size: 'A4',
    autoFirstPage: false,
    // The page is laid out here; below its margins the library would begin a new one.
    margin: 0,
    lang: 'en',
    displayTitle: true,
    info: {
      Title: about.title,
      Producer: 'Fanfare',
      Creator: 'Fanfare',
      CreationDate: about.madeAt,
    },
  });
  const chunks: Buffer[] = [];
  doc.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<void>((resolve, reject) => {
    doc.on('end', resolve);
    doc.on('error', reject);
  });
  doc.registerFont('regular', fonts.bytes.regular);
  doc.registerFont('bold', fonts.bytes.bold);
  await work({ doc, fonts, broken: new Map(), missing: new Set() });
  doc.end();
  await ended;
  return Buffer.concat(chunks);
}

export function newPage(pen: Pen): void {
  pen.doc.addPage();
  pen.missing.clear();
}

/** Never silently: each by its number, which anybody can look up. */
export function drawMissing(pen: Pen, comfort: string): void {
  if (pen.missing.size === 0) return;
  const numbers = [...pen.missing]
    .flatMap((cluster) => [...cluster])
    .map((char) => `U+${char.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`);
  const text =
    `${REPLACEMENT} stands for what the fonts of this document do not have: ` +
    `${numbers.join(' ')}. ${comfort}`;
  const style = { size: 8, color: GREY };
  const width = RIGHT - MARGIN;
  const height = linesOf(pen, text, width, style).length * style.size * LINE_HEIGHT;
  put(pen, text, { x: MARGIN, y: BOTTOM - height, width }, style);
}

export type Box = { readonly x: number; readonly y: number; readonly width: number };

/** Text in lines from the top of a box down; returns where the next may begin. */
export function put(pen: Pen, text: string, { x, y, width }: Box, style: Style): number {
  const { doc, fonts, missing } = pen;
  const { size, face = 'regular', color = 'black' } = style;
  let top = y;
  for (const line of linesOf(pen, text, width, style)) {
    const printed = printLine(line, face, fonts.has);
    for (const cluster of printed.missing) missing.add(cluster);
    let left = x;
    for (const run of printed.runs) {
      doc.font(run.face).fontSize(size).fillColor(color);
      doc.text(run.text, left, top + size, { ...asOneRun, baseline: 'alphabetic' });
      left += doc.widthOfString(run.text, asOneRun);
    }
    top += size * LINE_HEIGHT;
  }
  return top;
}

/** With a list of features, even an empty one, a run is shaped whole and not word by word. */
const asOneRun: PDFKit.Mixins.TextOptions = { lineBreak: false, features: [] };

export function linesOf(pen: Pen, text: string, width: number, style: Style): readonly string[] {
  const { broken } = pen;
  const { size, face = 'regular' } = style;
  const name = JSON.stringify([text, width, size, face]);
  const known = broken.get(name);
  if (known) return known;
  const lines = breakLines(text, width, (line) => widthOf(pen, line, style));
  broken.set(name, lines);
  return lines;
}

/** Of one line, in points. */
export function widthOf({ doc, fonts }: Pen, line: string, style: Style): number {
  const { size, face = 'regular' } = style;
  return printLine(line, face, fonts.has).runs.reduce((sum, run) => {
    return sum + doc.font(run.face).fontSize(size).widthOfString(run.text, asOneRun);
  }, 0);
}
