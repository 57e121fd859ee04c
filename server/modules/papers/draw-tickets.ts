/** Tickets on paper: A4, a page each. Values and fonts in, the bytes of a PDF out. */
import { setImmediate } from 'node:timers/promises';
import { type Currency, formatMoney, money } from '../../kernel/money.ts';
import { present } from '../../kernel/result.ts';
import { formatLocal } from '../../kernel/time.ts';
import { qrBars, qrModules } from '../ticket-codes/index.ts';
import {
  drawMissing,
  drawOn,
  GREY,
  LOCALE,
  linesOf,
  MARGIN,
  newPage,
  type Pen,
  put,
  RIGHT,
} from './pen.ts';
import { TICKETS_MAX } from './print-job.ts';
import type { Face } from './print-text.ts';
import type { Papers, PaperTicket } from './read-papers.ts';
import type { Fonts } from './ticket-fonts.ts';

/** 7 cm: a module is 1.4 mm wide, for a scanner at arm's length. */
const QR_SIDE = 198;
const QR_LEFT = RIGHT - QR_SIDE;
const FIELD_WIDTH = QR_LEFT - MARGIN - 24;
const TITLE_SIZES = [26, 22, 18] as const;
/** A name that needs more lines than those has them in this size. */
const TITLE_SIZE_MIN = 14;
const TITLE_LINES_MAX = 3;
const CODE_LINE_CHARS = 76;

/**
 * One page for each ticket, TICKETS_MAX at most, beginning with the `first`-th, counted from 0.
 * Equal papers and fonts make equal bytes: the time in the document is that of the order's
 * confirmation.
 */
export async function drawTickets(papers: Papers, fonts: Fonts, first = 0): Promise<Buffer> {
  const { event, order, tickets } = papers;
  const madeAt = new Date(present(order.confirmedAt, 'when the order was confirmed'));
  return drawOn({ title: event.name, madeAt }, fonts, async (pen) => {
    for (const [at, ticket] of tickets.slice(first, first + TICKETS_MAX).entries()) {
      // A large order takes seconds: others are served between its pages.
      await setImmediate();
      newPage(pen);
      drawPage(pen, papers, ticket, first + at);
    }
  });
}

function drawPage(pen: Pen, papers: Papers, ticket: PaperTicket, at: number): void {
  const top = drawHead(pen, papers);
  drawQr(pen, ticket.code, top);
  const { order, tickets } = papers;
  const count = `Ticket ${at + 1} of ${tickets.length}`;
  put(pen, count, { x: QR_LEFT, y: top + QR_SIDE + 6, width: QR_SIDE }, { size: 10 });
  let y = top;
  for (const [label, value] of fieldsOf(papers, ticket)) {
    y = put(pen, label, { x: MARGIN, y, width: FIELD_WIDTH }, { size: 9, color: GREY });
    y = put(pen, value, { x: MARGIN, y, width: FIELD_WIDTH }, { size: 13 }) + 7;
  }
  const small = { size: 8, color: GREY };
  let below = Math.max(y, top + QR_SIDE + 30) + 16;
  const wide = (text: string) => {
    below = put(pen, text, { x: MARGIN, y: below, width: RIGHT - MARGIN }, small);
  };
  for (const line of ticket.code.match(new RegExp(`.{1,${CODE_LINE_CHARS}}`, 'g')) ?? [])
    wide(line);
  below += 8;
  wide(`Ticket ${ticket.id}`);
  wide(`Order ${order.id}`);
  wide('Whoever shows this code first gets in: do not let others see it.');
  drawMissing(pen, 'The ticket is valid all the same.');
}

/** Name, time and place of the event, and a rule below; returns where the rest begins. */
function drawHead(pen: Pen, { event }: Papers): number {
  const { name, startsAt, endsAt, doorsAt, timezone, venueName } = event;
  const width = RIGHT - MARGIN;
  const when = (date: Date) => formatLocal(date, timezone, LOCALE);
  const fits = (one: number) =>
    linesOf(pen, name, width, { size: one, face: 'bold' }).length <= TITLE_LINES_MAX;
  const size = TITLE_SIZES.find(fits) ?? TITLE_SIZE_MIN;
  let y = put(pen, name, { x: MARGIN, y: MARGIN, width }, { size, face: 'bold' }) + 8;
  const line = (text: string, face: Face = 'regular') => {
    y = put(pen, text, { x: MARGIN, y, width }, { size: 13, face });
  };
  line(when(startsAt), 'bold');
  if (doorsAt) line(`Doors: ${when(doorsAt)}`);
  if (endsAt) line(`Ends: ${when(endsAt)}`);
  if (venueName) line(venueName);
  line(`Times are those of ${timezone}.`);
  y += 10;
  pen.doc.moveTo(MARGIN, y).lineTo(RIGHT, y).lineWidth(1).stroke(GREY);
  return y + 20;
}

type Field = readonly [label: string, value: string];

function fieldsOf({ order }: Papers, { typeName, seat, price }: PaperTicket): Field[] {
  // The currency of an event, which is one of ours.
  const sum = money(price.amount, price.currency as Currency);
  return [
    ['Ticket type', typeName],
    ...seatFields(seat),
    ['Price', formatMoney(sum, LOCALE)],
    ['Bought by', order.buyer.name],
  ];
}

function seatFields(seat: PaperTicket['seat']): Field[] {
  if (seat === null) return [];
  if (typeof seat === 'string') return [['Seat', seat]];
  const { section, row, number, gate } = seat;
  const fields: Field[] = [
    ['Section', section],
    ['Row', row],
    ['Seat', number],
  ];
  return gate === null ? fields : [...fields, ['Gate', gate]];
}

function drawQr({ doc }: Pen, code: string, top: number): void {
  const modules = qrModules(code);
  const side = QR_SIDE / modules.length;
  for (const { x, y, length } of qrBars(modules)) {
    doc.rect(QR_LEFT + x * side, top + y * side, length * side, side);
  }
  doc.fill('black');
}
