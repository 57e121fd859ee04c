/** What stands on a receipt, an invoice and a credit note. Values in, values out. */
import type { Currency } from '../../kernel/money.ts';

export type DocumentKind = 'receipt' | 'invoice' | 'credit_note';

/** Shown before the year and the number; each kind counts by itself. */
const LETTERS: Readonly<Record<DocumentKind, string>> = {
  receipt: 'R',
  invoice: 'I',
  credit_note: 'C',
};
const NUMBER_DIGITS = 6;

export type DocumentName = {
  readonly kind: DocumentKind;
  readonly year: number;
  readonly number: number;
};

/** `R-2035-000017` */
export function nameText({ kind, year, number }: DocumentName): string {
  return `${LETTERS[kind]}-${year}-${String(number).padStart(NUMBER_DIGITS, '0')}`;
}

/** Null for what is no such name, also for one with other zeros than ours has. */
export function parseName(text: string): DocumentName | null {
  const found = /^([RIC])-([0-9]{4})-([0-9]{6,9})$/.exec(text);
  const [, letter, year, number] = found ?? [];
  for (const kind of ['receipt', 'invoice', 'credit_note'] as const) {
    const name = { kind, year: Number(year), number: Number(number) };
    if (LETTERS[kind] === letter && nameText(name) === text) return name;
  }
  return null;
}

export type Seller = {
  readonly name: string;
  readonly address: string | null;
  readonly taxId: string | null;
};

export type Recipient = {
  readonly name: string;
  readonly email: string;
  readonly company: string | null;
  readonly address: string | null;
  readonly taxId: string | null;
};

export type DocumentLine = {
  readonly description: string;
  readonly quantity: number;
  readonly unitPriceMinor: number;
  /** Of one, before anything lowered its price. */
  readonly listPriceMinor: number;
  /** Of one, what was kept when it was taken back. */
  readonly keptMinor: number;
  readonly amountMinor: number;
};

/** A fee or a tax that the total contains, as the buyer agreed to it. */
export type Included = {
  readonly kind: 'fee' | 'tax';
  readonly name: string;
  readonly amountMinor: number;
};

/** How the total was paid, or how it went back. */
export type Settled = {
  readonly by: 'payment' | 'credit';
  readonly id: string | null;
  readonly amountMinor: number;
};

export type DocumentContent = {
  readonly seller: Seller;
  readonly recipient: Recipient;
  readonly event: {
    readonly name: string;
    readonly startsAt: string;
    readonly timezone: string;
    readonly venueName: string | null;
  };
  /** The day of the document is the one of this zone. */
  readonly timezone: string;
  readonly soldAt: string;
  readonly lines: readonly DocumentLine[];
  readonly included: readonly Included[];
  readonly settled: readonly Settled[];
  /** The document that this one takes back a part of. */
  readonly corrects: string | null;
  readonly reason: string | null;
};

/** What documents say of an order, whichever room knows it. */
export type Told = Pick<DocumentContent, 'seller' | 'recipient' | 'event' | 'timezone' | 'soldAt'>;

type SoldLine = {
  readonly ticketTypeId: string;
  readonly quantity: number;
  readonly unitPriceMinor: number;
  readonly listPriceMinor: number;
};

/** Made out to somebody's address it is an invoice, else a receipt. */
export function kindOfSale(recipient: Recipient): DocumentKind {
  return recipient.address === null ? 'receipt' : 'invoice';
}

/** A sale: its lines as they were sold, whatever has gone back since. */
export function saleContent(
  told: Told,
  sale: { readonly lines: readonly SoldLine[] },
  typeNames: ReadonlyMap<string, string>,
  settled: readonly Settled[],
  included: readonly Included[],
): DocumentContent {
  const lines = sale.lines.map((line) => ({
    description: typeNames.get(line.ticketTypeId) ?? line.ticketTypeId,
    quantity: line.quantity,
    unitPriceMinor: line.unitPriceMinor,
    listPriceMinor: line.listPriceMinor,
    keptMinor: 0,
    amountMinor: line.quantity * line.unitPriceMinor,
  }));
  return { ...told, lines, included, settled, corrects: null, reason: null };
}

type ReturnedLine = {
  readonly ticketTypeId: string;
  readonly quantity: number;
  readonly unitPriceMinor: number;
  readonly keptMinor: number;
};

/**
 * What went back. Where that is not the sum of the tickets that were taken back (value returned
 * without a ticket), a line says the difference, so that the lines always make up the total.
 */
export function returnContent(
  told: Told,
  returned: readonly ReturnedLine[],
  typeNames: ReadonlyMap<string, string>,
  went: {
    readonly settled: readonly Settled[];
    readonly included: readonly Included[];
    readonly corrects: string;
    readonly reason: string;
  },
): DocumentContent {
  const lines = returned.map((line) => ({
    description: typeNames.get(line.ticketTypeId) ?? line.ticketTypeId,
    quantity: line.quantity,
    unitPriceMinor: line.unitPriceMinor,
    listPriceMinor: line.unitPriceMinor,
    keptMinor: line.keptMinor,
    amountMinor: line.quantity * (line.unitPriceMinor - line.keptMinor),
  }));
  const rest = totalOf(went.settled) - totalOf(lines);
  const more = { unitPriceMinor: rest, listPriceMinor: rest, keptMinor: 0, amountMinor: rest };
  const other = rest === 0 ? [] : [{ description: went.reason, quantity: 1, ...more }];
  return { ...told, lines: [...lines, ...other], ...went };
}

export function totalOf(list: readonly { readonly amountMinor: number }[]): number {
  return list.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}

/** All of a document: what is stored, and what is drawn. */
export type Document = DocumentName & {
  readonly organizerId: string;
  readonly seq: number;
  readonly eventId: string;
  readonly orderId: string;
  readonly sourceId: string;
  readonly totalMinor: number;
  readonly currency: Currency;
  readonly content: DocumentContent;
  readonly madeAt: Date;
};
