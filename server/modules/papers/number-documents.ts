/**
 * Gives documents to what has none yet: sales their receipt or invoice, returns of value their
 * credit note. For each organizer in transactions of their own, under the lock of the office, so
 * that numbers have no gaps. A crash before the commit leaves the row that says what is missing,
 * and no number; one after it has left both done. Beside itself it may run as often as it likes:
 * what is due is read again under the lock.
 */
import { includedLines } from '../../kernel/charges.ts';
import type { Ctx } from '../../kernel/context.ts';
import { inTx, isAway, maybe, one, type Tx } from '../../kernel/db.ts';
import { groupBy } from '../../kernel/group-by.ts';
import type { EventId, OrganizerId } from '../../kernel/ids.ts';
import type { Recurring } from '../../kernel/jobs.ts';
import { ok, present } from '../../kernel/result.ts';
import { toRfc3339 } from '../../kernel/time.ts';
import { type EventWords, readEventWords } from '../catalog/index.ts';
import {
  documented,
  referencesOf,
  type Sale,
  salesOf,
  stillUndocumented,
  type Undocumented,
  undocumented,
} from '../orders/index.ts';
import { type PaymentRow, paymentsOf, type RefundRow, refundsOf } from '../payments/index.ts';
import { callOpenOffice, callWriteDocument, selectDocumentBySource } from './document.sql.ts';
import { recipientsOf } from './recipients.ts';
import {
  type DocumentContent,
  type DocumentKind,
  type Included,
  kindOfSale,
  nameText,
  returnContent,
  type Settled,
  saleContent,
  type Told,
  totalOf,
} from './rules-document.ts';
import { readSeller } from './sellers.ts';

const SLICE = 500;
/** So many share an opening of the office, and its commit. */
const TOGETHER = 50;
const EVERY_MS = 1_000;

export const documentRecurring: Recurring = {
  name: 'number_documents',
  everyMs: EVERY_MS,
  run: async (ctx) => {
    await numberDocuments(ctx);
  },
};

/** Returns how many documents it wrote. */
export async function numberDocuments(ctx: Ctx): Promise<number> {
  let written = 0;
  for (let after: Undocumented | null = null; ; ) {
    const slice: readonly Undocumented[] = await undocumented(ctx.db, after, SLICE);
    for (const [organizerId, own] of groupBy(slice, (source) => source.organizerId)) {
      for (let at = 0; at < own.length; at += TOGETHER) {
        written += await writeTogether(ctx, organizerId, own.slice(at, at + TOGETHER));
      }
    }
    after = slice.at(-1) ?? null;
    if (after === null) return written;
  }
}

/** What fails together is tried one by one: a single order must not keep others from theirs. */
async function writeTogether(
  ctx: Ctx,
  organizerId: OrganizerId,
  sources: readonly Undocumented[],
): Promise<number> {
  try {
    return await writeDocuments(ctx, organizerId, sources);
  } catch (error) {
    // Nothing else can be done either while the database is away.
    if (isAway(error)) throw error;
    const [only, ...others] = sources;
    if (only && others.length === 0) {
      ctx.log.error({ err: error, sourceId: only.sourceId }, 'a document could not be written');
      return 0;
    }
    let written = 0;
    for (const source of sources) written += await writeTogether(ctx, organizerId, [source]);
    return written;
  }
}

async function writeDocuments(
  ctx: Ctx,
  organizerId: OrganizerId,
  sources: readonly Undocumented[],
): Promise<number> {
  const words = await wordsOf(ctx, sources);
  await ctx.pause('papers.before_office');
  const done = await inTx(ctx, async (tx) => {
    const { now } = await one(tx, callOpenOffice(organizerId, ctx.clock.now()));
    await ctx.pause('papers.office_open');
    const due = await stillUndocumented(tx, sources);
    const desk = await openDesk(tx, organizerId, now, due, words);
    // Sales first: what takes a part of one back names its document.
    for (const source of due.filter(isSale)) await writeSale(desk, source);
    for (const source of due.filter((one) => !isSale(one))) await writeReturn(desk, source);
    await documented(tx, due);
    return ok(due.length);
  });
  await ctx.pause('papers.after_commit');
  return done.ok ? done.value : 0;
}

const isSale = ({ sourceId, orderId }: Undocumented) => sourceId === orderId;

async function wordsOf(
  ctx: Ctx,
  sources: readonly Undocumented[],
): Promise<ReadonlyMap<EventId, EventWords>> {
  const words = new Map<EventId, EventWords>();
  for (const { eventId } of sources) {
    if (!words.has(eventId)) words.set(eventId, await readEventWords(ctx, eventId, []));
  }
  return words;
}

/** All that documents of these orders are written from. */
type Desk = {
  readonly tx: Tx;
  readonly organizerId: OrganizerId;
  readonly now: Date;
  readonly seller: Awaited<ReturnType<typeof readSeller>>;
  readonly sales: ReadonlyMap<string, Sale>;
  readonly payments: readonly PaymentRow[];
  readonly refunds: readonly RefundRow[];
  readonly recipients: Awaited<ReturnType<typeof recipientsOf>>;
  readonly words: ReadonlyMap<EventId, EventWords>;
};

async function openDesk(
  tx: Tx,
  organizerId: OrganizerId,
  now: Date,
  due: readonly Undocumented[],
  words: ReadonlyMap<EventId, EventWords>,
): Promise<Desk> {
  const orders = [...new Map(due.map((one) => [one.orderId, one])).values()];
  return {
    ...{ tx, organizerId, now, words },
    seller: await readSeller(tx, organizerId),
    sales: await salesOf(tx, orders),
    payments: await paymentsOf(tx, referencesOf(orders)),
    refunds: await refundsOf(tx, referencesOf(orders)),
    recipients: await recipientsOf(tx, orders),
  };
}

function told(desk: Desk, { eventId, orderId }: Undocumented): Told & { readonly sale: Sale } {
  const sale = present(desk.sales.get(orderId), 'the order of a document');
  const { event } = present(desk.words.get(eventId), 'the event of a document');
  const { name, startsAt, timezone, venueName } = event;
  const { timezone: ownZone, ...seller } = desk.seller;
  return {
    sale,
    seller,
    recipient: {
      name: sale.buyerName,
      email: sale.buyerEmail,
      ...(desk.recipients.get(orderId) ?? { company: null, address: null, taxId: null }),
    },
    event: { name, startsAt: startsAt.toISOString(), timezone, venueName },
    timezone: ownZone,
    soldAt: sale.confirmedAt.toISOString(),
  };
}

async function writeSale(desk: Desk, source: Undocumented): Promise<void> {
  const { sale, ...about } = told(desk, source);
  const paid = desk.payments
    .filter(({ reference, capturedMinor }) => reference === source.orderId && capturedMinor > 0)
    .map(({ paymentId, capturedMinor }) => settledBy('payment', paymentId, capturedMinor));
  const credit = sale.creditMinor > 0 ? [settledBy('credit', null, sale.creditMinor)] : [];
  const content = saleContent(
    about,
    sale,
    namesOf(desk, source),
    [...paid, ...credit],
    [
      ...includedIn(
        sale,
        sale.lines.map((line) => ({ ...line, priceMinor: line.unitPriceMinor })),
      ),
    ],
  );
  await write(desk, source, kindOfSale(about.recipient), sale, content, sale.totalMinor);
}

async function writeReturn(desk: Desk, source: Undocumented): Promise<void> {
  const { sale, ...about } = told(desk, source);
  const { sourceId } = source;
  const money = desk.refunds.filter(({ refundId }) => refundId === sourceId);
  const credits = sale.credits.filter(({ refundId }) => refundId === sourceId);
  const settled = [
    ...money.map(({ refundId, amountMinor }) => settledBy('payment', refundId, amountMinor)),
    ...credits.map(({ refundId, amountMinor }) => settledBy('credit', refundId, amountMinor)),
  ];
  const corrected = await maybe(desk.tx, selectDocumentBySource(desk.organizerId, sale.orderId));
  const returned = sale.returned.filter(({ refundId }) => refundId === sourceId);
  // Fees go back or stay as a whole ticket does; the tax is that of what goes back.
  const taxes = includedIn(
    sale,
    returned.map((line) => ({ ...line, priceMinor: line.unitPriceMinor - line.keptMinor })),
  ).filter(({ kind }) => kind === 'tax');
  const content = returnContent(about, returned, namesOf(desk, source), {
    settled,
    included: taxes,
    corrects: nameText(present(corrected, 'the document of a sale')),
    reason: present([...money, ...credits][0], 'what went back').reason,
  });
  await write(desk, source, 'credit_note', sale, content, totalOf(settled));
}

function includedIn(
  { charges, currency }: Sale,
  places: readonly { readonly priceMinor: number; readonly quantity: number }[],
): readonly Included[] {
  return includedLines(places, charges, currency).map(({ kind, name, amount }) => ({
    // Nothing else is contained in a price.
    kind: kind as Included['kind'],
    name,
    amountMinor: amount.amount,
  }));
}

const settledBy = (by: Settled['by'], id: string | null, amountMinor: number): Settled => ({
  by,
  id,
  amountMinor,
});

const namesOf = (desk: Desk, { eventId }: Undocumented) =>
  present(desk.words.get(eventId), 'the event of a document').typeNames;

async function write(
  { tx, organizerId, now, seller }: Desk,
  { eventId, orderId, sourceId }: Undocumented,
  kind: DocumentKind,
  { currency }: Sale,
  content: DocumentContent,
  totalMinor: number,
): Promise<void> {
  const year = Number(toRfc3339(now, seller.timezone).slice(0, 4));
  const document = { organizerId, kind, year, eventId, orderId, sourceId, totalMinor, currency };
  await one(tx, callWriteDocument({ ...document, content, madeAt: now }));
}
