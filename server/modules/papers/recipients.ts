import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, type Busy, inTx, maybe, one, type Queryable, run } from '../../kernel/db.ts';
import type { EventId, OrderId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { findOrder } from '../orders/index.ts';
import {
  callOpenOffice,
  selectDocumentBySource,
  selectRecipients,
  upsertRecipient,
} from './document.sql.ts';

/** Whom an order's documents are made out to, beside the buyer's name. */
export type RecipientInput = {
  readonly company: string | null;
  readonly address: string;
  readonly taxId: string | null;
};

type Named = { readonly eventId: EventId; readonly orderId: OrderId };

export async function recipientsOf(
  on: Queryable,
  orders: readonly Named[],
): Promise<ReadonlyMap<OrderId, RecipientInput>> {
  const eventIds = orders.map(({ eventId }) => eventId);
  const orderIds = orders.map(({ orderId }) => orderId);
  const found = await all(on, selectRecipients(eventIds, orderIds));
  return new Map(found.map(({ orderId, ...recipient }) => [orderId, recipient]));
}

export async function readRecipient(ctx: Ctx, actor: Actor, orderId: OrderId) {
  const found = await findOrder(ctx, actor, orderId, 'orders:read');
  if (!found) return refused('not_found');
  const recipient = (await recipientsOf(ctx.db, [found.order])).get(orderId);
  return ok({ orderId, ...(recipient ?? { company: null, address: null, taxId: null }) });
}

/**
 * Makes an order's documents out to an address, until its first one is written: a number that was
 * given stays with what it says.
 */
export async function setRecipient(
  ctx: Ctx,
  actor: Actor,
  orderId: OrderId,
  recipient: RecipientInput,
): Promise<
  Result<RecipientInput & { orderId: OrderId }, RefusalOf<'not_found' | 'document_issued'> | Busy>
> {
  const found = await findOrder(ctx, actor, orderId, 'orders:write');
  if (!found) return refused('not_found');
  const { eventId, organizerId } = found.order;
  return inTx(ctx, async (tx) => {
    // Whoever writes documents waits, or has written: nothing is read and then outdated.
    await one(tx, callOpenOffice(organizerId, ctx.clock.now()));
    if (await maybe(tx, selectDocumentBySource(organizerId, orderId))) {
      return refused('document_issued');
    }
    await run(tx, upsertRecipient(eventId, orderId, recipient));
    return ok({ orderId, ...recipient });
  });
}
