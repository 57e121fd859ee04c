/**
 * Complimentary tickets: places that staff gives away. They take the way of every order (hold,
 * order, confirmation), at the price of nothing, so they count as sold and never as revenue, and
 * come back when they are cancelled. Each step is found again by its key, so that whoever repeats
 * the request, or the job of an approved one, goes on where it stopped.
 */
import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { inTx, run } from '../../kernel/db.ts';
import { hashBody } from '../../kernel/idempotency.ts';
import { type EventId, newScopedId, type OrderId, type TicketTypeId } from '../../kernel/ids.ts';
import { type JobHandler, NotYet } from '../../kernel/jobs.ts';
import { ok, present, type Result, refused } from '../../kernel/result.ts';
import {
  type ApprovedJob,
  type AskedApproval,
  approvedJob,
  askApproval,
  endApproval,
  readApproved,
  thresholdsOf,
} from '../approvals/index.ts';
import { findEvent, readEventWords } from '../catalog/index.ts';
import {
  type HoldItem,
  type HoldRefusal,
  holdPlaces,
  refusedWhileStopped,
} from '../inventory/index.ts';
import { type OrderRow, type OrderView, orderByKey, orderIn, readOrder } from '../orders/index.ts';
import type { Once } from './find-hold.ts';
import { insertComplimentary } from './settle.sql.ts';
import { bookKind, seenHold } from './settle-kinds.ts';
import { settleFree } from './settle-payment.ts';

const BUSY_RETRY_SECONDS = 1;

export type Gift = {
  readonly items: readonly HoldItem[];
  readonly recipient: { readonly name: string; readonly email: string };
  readonly reason: string;
};

/** Above the organizer's threshold it is only asked for: a second person approves it. */
export async function giveComplimentary(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  gift: Gift,
  once: Once,
): Promise<Result<OrderView | AskedApproval, HoldRefusal>> {
  const seen = await findEvent(ctx, actor, eventId);
  if (!seen || !isStaffOf(actor, seen.event.organizerId, 'refunds:write')) {
    return refused('not_found');
  }
  const { organizerId } = seen.event;
  const places = gift.items.reduce((sum, { quantity }) => sum + quantity, 0);
  const { complimentaryAbove } = await thresholdsOf(ctx.db, organizerId);
  if (complimentaryAbove !== null && places > complimentaryAbove) {
    return inTx(ctx, async (tx) => {
      const about = { orderId: null, amountMinor: null, currency: null, reason: gift.reason };
      const wanted = { ...about, eventId, organizerId, intent: gift, places };
      return ok(await askApproval(ctx, tx, { kind: 'complimentary', ...wanted }));
    });
  }
  const given = await give(ctx, eventId, gift, once, null);
  if (!given.ok) return given;
  // Read in a transaction, which keeps it as the answer to a repetition.
  return inTx(ctx, async (tx) => ok(await orderIn(ctx, tx, { eventId, orderId: given.value })), {
    isolation: 'repeatable read',
  });
}

/** The job of an approved one. */
export const complimentaryApproved: { readonly kind: string; readonly handler: JobHandler } = {
  kind: approvedJob('complimentary'),
  handler: async (ctx, job) => {
    // Written where it was approved.
    const approval = job.data as ApprovedJob;
    const found = await readApproved(ctx.db, approval);
    if (!found) return;
    await ctx.pause('approval.before_execute');
    const { eventId, approvalId } = approval;
    // Written by `giveComplimentary`.
    const gift = found.intent as Gift;
    const by = { ...ctx, actor: present(found.decidedBy, 'who has approved it') };
    const bodyHash = hashBody({ approvalId });
    const once = { caller: 'approval', key: approvalId, bodyHash };
    const given = await give(by, eventId, gift, once, approvalId);
    if (!given.ok && given.refusal.code === 'busy') throw new NotYet(BUSY_RETRY_SECONDS);
    await ctx.pause('approval.before_end');
    // A transaction, so that the log of changes says who.
    const ended = await inTx(by, async (tx) => {
      const to = given.ok ? 'executed' : 'failed';
      const failureCode = given.ok ? null : given.refusal.code;
      const orderId = given.ok ? given.value : null;
      await endApproval(by, tx, approval, { to, orderId, failureCode });
      return ok(null);
    });
    if (!ended.ok) throw new NotYet(BUSY_RETRY_SECONDS);
  },
};

async function give(
  ctx: Ctx,
  eventId: EventId,
  gift: Gift,
  once: Once,
  approvalId: string | null,
): Promise<Result<OrderId, HoldRefusal>> {
  const known = await orderByKey(ctx.db, eventId, once.caller, once.key);
  if (known && !known.bodyHash.equals(once.bodyHash)) return refused('idempotency_key_reused');
  const placed = known ? ok(known) : await place(ctx, eventId, gift, once);
  if (!placed.ok) return placed;
  const order = placed.value;
  if (order.status !== 'pending') return ok(order.orderId);
  await ctx.pause('complimentary.before_confirm');
  const { orderId } = order;
  const { reason } = gift;
  const note = { eventId, orderId, reason, givenBy: ctx.actor, approvalId };
  await run(ctx.db, insertComplimentary(note, ctx.clock.now()));
  const settled = await settleFree(ctx, order);
  if (!settled.ok) return settled;
  if (settled.value === 'confirmed') return ok(orderId);
  return refused(settled.value === 'event_cancelled' ? 'event_cancelled' : 'hold_ended');
}

async function place(
  ctx: Ctx,
  eventId: EventId,
  gift: Gift,
  once: Once,
): Promise<Result<OrderRow, HoldRefusal>> {
  const stopped = await refusedWhileStopped(ctx, eventId);
  if (stopped) return stopped;
  const { event } = await readEventWords(ctx, eventId, []);
  const { organizerId, currency, refundableUntil } = event;
  const held = await holdPlaces(ctx, {
    eventId,
    items: gift.items,
    // The cap is for buyers: what is given away counts for nobody but itself.
    personKeys: [`gift_${ctx.secrets.derive('gift', `${once.caller}\n${once.key}`).slice(0, 22)}`],
    ...once,
    guarded: true,
    sees: organizerId,
  });
  if (!held.ok) return held;
  const types = held.value.items.map(({ ticketTypeId }) => [ticketTypeId, 0] as const);
  const asked = await ctx.lanes.ask(ctx, bookKind, eventId, {
    holdId: held.value.id,
    orderId: newScopedId(ctx.ids, 'ord', eventId),
    paymentId: newScopedId(ctx.ids, 'pay', eventId),
    organizerId,
    account: null,
    userId: null,
    buyerName: gift.recipient.name,
    buyerEmail: gift.recipient.email,
    buyerPhone: null,
    buyerLanguage: null,
    refundableUntil,
    currency,
    method: 'complimentary',
    returnUrl: null,
    caller: once.caller,
    key: once.key,
    bodyHash: once.bodyHash.toString('hex'),
    seen: seenHold(held.value),
    // Its keys are those of the hold.
    prices: Object.fromEntries(types) as Readonly<Record<TicketTypeId, number>>,
    creditMinor: 0,
    charges: null,
    checkSeconds: 0,
    payAfterSeconds: null,
    actor: ctx.actor,
  });
  if (!asked.ok) return asked;
  const { verdict, orderId } = asked.value;
  if (verdict !== 'placed') return refused(placeRefusal(verdict));
  const order = await readOrder(ctx.db, eventId, present(orderId, 'the id of a placed order'));
  return ok(present(order, 'a placed order'));
}

function placeRefusal(verdict: string) {
  switch (verdict) {
    case 'hold_already_booked':
    case 'idempotency_key_reused':
    case 'not_found':
    case 'code_required':
      return verdict;
    default:
      return 'hold_ended';
  }
}
