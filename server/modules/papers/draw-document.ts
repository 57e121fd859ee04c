/** Documents on paper: A4. Values and fonts in, the bytes of a PDF out. */
import { type Currency, formatMoney, money } from '../../kernel/money.ts';
import { formatLocal } from '../../kernel/time.ts';
import {
  BOTTOM,
  drawMissing,
  drawOn,
  GREY,
  LOCALE,
  MARGIN,
  newPage,
  type Pen,
  put,
  RIGHT,
  type Style,
  widthOf,
} from './pen.ts';
import {
  type Document,
  type DocumentContent,
  type DocumentKind,
  type DocumentLine,
  nameText,
} from './rules-document.ts';
import type { Fonts } from './ticket-fonts.ts';

const TITLES: Readonly<Record<DocumentKind, string>> = {
  receipt: 'Receipt',
  invoice: 'Invoice',
  credit_note: 'Credit note',
};

const GAP = 24;
const HALF = (RIGHT - MARGIN - GAP) / 2;
const SECOND = MARGIN + HALF + GAP;
/** Where the columns of numbers end, and what is left of them for words. */
const QUANTITY_RIGHT = RIGHT - 190;
const PRICE_RIGHT = RIGHT - 95;
const WORDS_WIDTH = QUANTITY_RIGHT - 60 - MARGIN;
/** A row that would begin below goes onto the next page. */
const ROWS_BOTTOM = BOTTOM - 60;

const plain: Style = { size: 10 };
const bold: Style = { size: 10, face: 'bold' };
const small: Style = { size: 8, color: GREY };

type Sheet = { readonly pen: Pen; readonly document: Document; y: number };

/** Equal documents and fonts make equal bytes. */
export function drawDocument(document: Document, fonts: Fonts): Promise<Buffer> {
  const title = `${TITLES[document.kind]} ${nameText(document)}`;
  return drawOn({ title, madeAt: document.madeAt }, fonts, (pen) => {
    newPage(pen);
    const sheet: Sheet = { pen, document, y: MARGIN };
    drawHead(sheet, title);
    drawEvent(sheet);
    drawLines(sheet);
    drawSettled(sheet);
    drawMissing(pen, 'The document is complete all the same.');
  });
}

/** Who sells and who buys, side by side, below what this is. */
function drawHead(sheet: Sheet, title: string): void {
  const { pen, document } = sheet;
  const { seller, recipient, timezone } = document.content;
  sheet.y = put(pen, title, { x: MARGIN, y: MARGIN, width: RIGHT - MARGIN }, heading) + 4;
  const issued = formatLocal(document.madeAt, timezone, LOCALE);
  const facts = [`Issued ${issued}`, `Order ${document.orderId}`, ...correction(document.content)];
  for (const fact of facts) line(sheet, fact, small);
  sheet.y += 18;
  const top = sheet.y;
  const left = column(pen, MARGIN, top, 'From', [
    [seller.name, bold],
    ...addressLines(seller.address),
    ...taxLines(seller.taxId),
  ]);
  const name: readonly Entry[] = recipient.company
    ? [
        [recipient.company, bold],
        [recipient.name, plain],
      ]
    : [[recipient.name, bold]];
  const right = column(pen, SECOND, top, 'To', [
    ...name,
    ...addressLines(recipient.address),
    [recipient.email, plain],
    ...taxLines(recipient.taxId),
  ]);
  sheet.y = Math.max(left, right) + 20;
}

const heading: Style = { size: 20, face: 'bold' };

function correction({ corrects, reason }: DocumentContent): string[] {
  if (corrects === null) return [];
  return [`Takes back a part or all of ${corrects}`, ...(reason ? [`Reason: ${reason}`] : [])];
}

type Entry = readonly [text: string, style: Style];

const addressLines = (address: string | null): Entry[] =>
  (address ?? '').split('\n').flatMap((text) => (text.trim() ? [[text, plain] as const] : []));
const taxLines = (taxId: string | null): Entry[] =>
  taxId === null ? [] : [[`Tax ID ${taxId}`, plain]];

function column(
  pen: Pen,
  x: number,
  top: number,
  label: string,
  entries: readonly Entry[],
): number {
  let y = put(pen, label, { x, y: top, width: HALF }, small) + 2;
  for (const [text, style] of entries) y = put(pen, text, { x, y, width: HALF }, style);
  return y;
}

function drawEvent(sheet: Sheet): void {
  const { name, startsAt, timezone, venueName } = sheet.document.content.event;
  line(sheet, name, bold);
  const when = formatLocal(new Date(startsAt), timezone, LOCALE);
  line(sheet, venueName === null ? when : `${when}, ${venueName}`, plain);
  sheet.y += 14;
}

function drawLines(sheet: Sheet): void {
  const { document } = sheet;
  drawRow(sheet, ['Description', 'Quantity', 'Price', 'Amount'], small);
  rule(sheet);
  for (const one of document.content.lines) {
    const { description, quantity, unitPriceMinor, amountMinor } = one;
    const [price, amount] = [sum(document, unitPriceMinor), sum(document, amountMinor)];
    drawRow(sheet, [description, String(quantity), price, amount], plain);
    for (const note of notesOn(document, one)) line(sheet, note, small);
    sheet.y += 4;
  }
  rule(sheet);
  drawRow(sheet, ['Total', '', '', sum(document, document.totalMinor)], bold);
  for (const { name, amountMinor } of document.content.included) {
    drawRow(sheet, [`Contains ${name}`, '', '', sum(document, amountMinor)], small);
  }
  sheet.y += 14;
}

/** What the numbers of a line do not say by themselves. */
function notesOn(document: Document, one: DocumentLine): string[] {
  const { listPriceMinor, unitPriceMinor, keptMinor } = one;
  return [
    ...(listPriceMinor > unitPriceMinor
      ? [`Instead of ${sum(document, listPriceMinor)} each`]
      : []),
    ...(keptMinor > 0 ? [`Less ${sum(document, keptMinor)} each, which is not returned`] : []),
  ];
}

function drawSettled(sheet: Sheet): void {
  const { document } = sheet;
  const isReturn = document.kind === 'credit_note';
  for (const { by, id, amountMinor } of document.content.settled) {
    const how = isReturn
      ? { payment: 'Returned to the means of payment', credit: 'Returned as credit' }
      : { payment: 'Paid', credit: 'Paid by credit' };
    line(sheet, `${how[by]}: ${sum(document, amountMinor)}`, plain);
    if (id !== null) line(sheet, id, small);
  }
  if (document.totalMinor === 0) line(sheet, 'Nothing had to be paid.', plain);
}

function sum({ currency }: Document, amountMinor: number): string {
  return formatMoney(money(amountMinor, currency satisfies Currency), LOCALE);
}

function line(sheet: Sheet, text: string, style: Style): void {
  const { pen, y } = sheet;
  sheet.y = put(pen, text, { x: MARGIN, y, width: RIGHT - MARGIN }, style);
}

type Cells = readonly [words: string, quantity: string, price: string, amount: string];

function drawRow(sheet: Sheet, [words, quantity, price, amount]: Cells, style: Style): void {
  if (sheet.y > ROWS_BOTTOM) turnPage(sheet);
  const { pen, y } = sheet;
  const atRight = (text: string, right: number) => {
    if (text === '') return;
    const width = widthOf(pen, text, style);
    // A hair wider than measured: a sum is never broken.
    put(pen, text, { x: right - width, y, width: width + 1 }, style);
  };
  atRight(quantity, QUANTITY_RIGHT);
  atRight(price, PRICE_RIGHT);
  atRight(amount, RIGHT);
  sheet.y = put(pen, words, { x: MARGIN, y, width: WORDS_WIDTH }, style);
}

function rule(sheet: Sheet): void {
  const y = sheet.y + 2;
  sheet.pen.doc.moveTo(MARGIN, y).lineTo(RIGHT, y).lineWidth(0.5).stroke(GREY);
  sheet.y = y + 6;
}

function turnPage(sheet: Sheet): void {
  drawMissing(sheet.pen, 'The document is complete all the same.');
  newPage(sheet.pen);
  sheet.y = MARGIN;
}
