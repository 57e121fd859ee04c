import { z } from 'zod';
import type { Ctx } from '../../kernel/context.ts';
import { issueSchema } from '../../kernel/problem.ts';
import { ok } from '../../kernel/result.ts';
import { moneyOut, timeOut } from '../../kernel/schemas.ts';
import { buyerView, type OrderView, orderNow, orderSchema, referencesOf } from '../orders/index.ts';
import { accountFor, paymentsOf } from '../payments/index.ts';
import { applyCode, codeOfCredit, findCredit, type PromoRefusal } from '../promotions/index.ts';
import { isAvailable, type WaysToPay, waysToPay } from '../shopping/index.ts';
import type { Session } from './find-session.ts';
import { issuesOf, type SessionContent, type SessionIssue } from './rules-session.ts';

export const sessionSchema = z
  .object({
    id: z.string(),
    eventId: z.string(),
    status: z.enum(['open', 'purchasing', 'completed', 'expired', 'abandoned']),
    expiresAt: timeOut.describe('Runs from the beginning; nothing moves it'),
    secondsLeft: z.int().describe('Until then, by the server’s clock'),
    selection: z
      .object({
        items: z.array(
          z.object({
            ticketTypeId: z.string(),
            quantity: z.int(),
            seats: z.array(z.string()).optional(),
            unitPrice: moneyOut,
          }),
        ),
      })
      .nullable(),
    buyer: buyerView.nullable(),
    attendees: z.array(z.object({ name: z.string(), email: z.string().nullable() })),
    payment: z
      .object({
        method: z.string(),
        provider: z.string().optional().describe('From the purchase on'),
        clientSecret: z.string().optional().describe('For the provider’s widget'),
        redirectUrl: z.string().optional().describe('The provider’s page to pay on'),
        account: z
          .string()
          .optional()
          .describe('The connected account that the provider’s widget needs to be told'),
      })
      .nullable(),
    promoCode: z.string().nullable(),
    credit: moneyOut.nullable().describe('What the credit pays of the total'),
    total: moneyOut.describe('What it costs, whatever pays it'),
    due: moneyOut.describe('What is left to be paid'),
    issues: z
      .array(issueSchema.extend({ declineCode: z.string().optional() }))
      .describe('What is missing, or wrong; empty: it can be purchased'),
    order: orderSchema.optional().describe('From the purchase on; with its tickets once paid'),
    accessToken: z.string().optional().describe('Opens the session and its order; only once'),
  })
  .meta({ id: 'ShoppingSession' });

export type Paying = WaysToPay & { readonly provider: string };

export type SessionView = z.input<typeof sessionSchema>;

type Reckoned = { readonly totalMinor: number; readonly promoRefusal: PromoRefusal['code'] | null };
type Credited = Pick<SessionContent, 'creditRefusal'> & { readonly creditMinor: number };
type Priced = Reckoned & Credited;

/** What is chosen costs so much now, with the code that was given, and so much credit pays. */
async function priceIn(ctx: Ctx, session: Session): Promise<Priced> {
  const reckoned = await reckon(ctx, session);
  return { ...reckoned, ...(await creditIn(ctx, session, reckoned.totalMinor)) };
}

async function reckon(ctx: Ctx, { row, hold, standing }: Session): Promise<Reckoned> {
  const listMinor = hold ? totalOf(hold.items) : 0;
  const code = row.promoCode;
  if (!hold || code === null || standing.status !== 'open') {
    return { totalMinor: listMinor, promoRefusal: null };
  }
  const applied = await applyCode(ctx, row.eventId, code, hold.items);
  if (!applied.ok) return { totalMinor: listMinor, promoRefusal: applied.refusal.code };
  const { prices } = applied.value;
  const items = hold.items.map((item) => ({
    ...item,
    unitPriceMinor: prices[item.ticketTypeId] ?? item.unitPriceMinor,
  }));
  return { totalMinor: totalOf(items), promoRefusal: null };
}

/** From the purchase on it is the order that says what its credit pays. */
async function creditIn(
  ctx: Ctx,
  { row, standing, order }: Session,
  totalMinor: number,
): Promise<Credited> {
  if (standing.status !== 'open') {
    return { creditMinor: order?.creditMinor ?? 0, creditRefusal: null };
  }
  if (row.creditId === null) return { creditMinor: 0, creditRefusal: null };
  const credit = await findCredit(ctx, row.organizerId, codeOfCredit(ctx, row.creditId));
  if (!credit || credit.expired) return { creditMinor: 0, creditRefusal: 'credit_invalid' };
  const isEmpty = credit.balanceMinor === 0 && totalMinor > 0;
  return {
    creditMinor: Math.min(credit.balanceMinor, totalMinor),
    creditRefusal: isEmpty ? 'credit_used_up' : null,
  };
}

/** What is missing in a session, or wrong with it. */
export async function issuesIn(
  ctx: Ctx,
  session: Session,
  known?: Priced,
): Promise<readonly SessionIssue[]> {
  const { row, standing, hold } = session;
  const priced = known ?? (await priceIn(ctx, session));
  const isMethodAvailable =
    row.method !== null &&
    isAvailable(ctx, row.method) &&
    (await accountFor(ctx, row.organizerId)).ok;
  return issuesOf({
    ...standing,
    selection: hold && {
      places: placesOf(hold.items),
      dueMinor: priced.totalMinor - priced.creditMinor,
    },
    promoRefusal: priced.promoRefusal,
    creditRefusal: priced.creditRefusal,
    isLost: row.holdId !== null && hold === null,
    hasBuyer: row.buyer !== null,
    overLimit: row.overLimit,
    attendees: row.attendees?.length ?? 0,
    method: row.method,
    isMethodAvailable,
  });
}

type Items = readonly { readonly quantity: number; readonly unitPriceMinor: number }[];
const placesOf = (items: Items) => items.reduce((sum, { quantity }) => sum + quantity, 0);
const totalOf = (items: Items) =>
  items.reduce((sum, { quantity, unitPriceMinor }) => sum + quantity * unitPriceMinor, 0);

/** The whole session as its buyer sees it: one view, whatever was just written to it. */
export async function sessionView(ctx: Ctx, session: Session): Promise<SessionView> {
  const { standing, order } = session;
  const isOpen = standing.status === 'open';
  // What failed is told by an issue; what was bought before it was given up, by the order.
  const shown = order && !isOpen ? await orderNow(ctx, order) : null;
  const paying = standing.status === 'purchasing' ? await payingNow(ctx, session) : null;
  return viewOf(ctx, session, shown, paying);
}

export async function viewOf(
  ctx: Ctx,
  session: Session,
  order: OrderView | null,
  paying: Paying | null,
): Promise<SessionView> {
  const { row, standing, hold } = session;
  const priced = await priceIn(ctx, session);
  const money = (amount: number) => ({ amount, currency: row.currency });
  const method = order ? (session.order?.method ?? row.method) : row.method;
  const { status } = standing;
  const total = order?.total ?? money(priced.totalMinor);
  const { creditMinor } = priced;
  return {
    id: row.sessionId,
    eventId: row.eventId,
    status,
    // A payment that is under way when the time runs out gets more of it, once.
    expiresAt: (status === 'purchasing' && order
      ? new Date(order.expiresAt)
      : row.expiresAt
    ).toISOString(),
    secondsLeft: status === 'open' || status === 'purchasing' ? row.secondsLeft : 0,
    selection:
      hold && status !== 'expired' && status !== 'abandoned'
        ? {
            items: hold.items.map((item) => ({
              ticketTypeId: item.ticketTypeId,
              quantity: item.quantity,
              ...('seats' in item ? { seats: [...item.seats] } : {}),
              unitPrice: money(item.unitPriceMinor),
            })),
          }
        : null,
    buyer: row.buyer,
    attendees: [...(row.attendees ?? [])],
    payment: method === null ? null : { method, ...paying },
    promoCode: row.promoCode,
    credit: row.creditId === null && creditMinor === 0 ? null : money(creditMinor),
    total,
    due: money(total.amount - creditMinor),
    issues: [...(await issuesIn(ctx, session, priced))],
    ...(order ? { order } : {}),
  };
}

/** How to pay the order at hand, also on another device, or after the answer was lost. */
async function payingNow(ctx: Ctx, { order }: Session): Promise<Paying | null> {
  if (!order) return null;
  const [payment] = await paymentsOf(ctx.db, referencesOf([order]));
  if (!payment) return { provider: 'none' };
  // Nothing is asked of the provider here: where the answer was lost, the purchase asks again.
  const isKnown = payment.clientSecret !== null || payment.checkoutUrl !== null;
  const ways = isKnown ? await waysToPay(ctx, order, payment) : ok({});
  return { provider: ctx.ports.payments.name, ...(ways.ok ? ways.value : {}) };
}
