import { z } from 'zod';
import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all } from '../../kernel/db.ts';
import type { OrderId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { moneyOut, timeOut } from '../../kernel/schemas.ts';
import { findOrder } from './find-order.ts';
import type { OrderRow } from './order.sql.ts';
import { selectOrderChanges } from './timeline.view.sql.ts';

export const orderTimelineSchema = z
  .object({
    orderId: z.string(),
    data: z.array(
      z.object({
        at: timeOut.describe('In UTC, to the microsecond'),
        machine: z.string().describe('What kind of object: `order`, `ticket`, `payment`, …'),
        objectId: z.string(),
        from: z.string().nullable().describe('Its state before; null where it is new'),
        to: z.string().describe('Its state after; the same where something else changed'),
        actor: z
          .string()
          .describe('To staff: a key, a person, a job. To the buyer: `buyer`, `staff` or `system`'),
        amount: moneyOut.nullable().describe('What the object is worth'),
        note: z.string().nullable().describe('What changed, where it was not the state'),
      }),
    ),
  })
  .meta({ id: 'OrderTimeline' });

/** Who of an event's staff did something is theirs to know; a buyer learns in what role. */
function roleOf(actor: string, order: OrderRow): 'buyer' | 'staff' | 'system' {
  if (actor === 'system' || actor.startsWith('job:')) return 'system';
  const isBuyer = actor === 'buyer' || actor === 'anonymous' || actor === order.userId;
  return isBuyer ? 'buyer' : 'staff';
}

/** Everything that happened to an order up to now, for its buyer and its staff. */
export async function showOrderTimeline(
  ctx: Ctx,
  actor: Actor,
  orderId: OrderId,
): Promise<Result<z.input<typeof orderTimelineSchema>, RefusalOf<'not_found'>>> {
  const found = await findOrder(ctx, actor, orderId, 'orders:read');
  if (!found) return refused('not_found');
  const { order, as } = found;
  const changes = await all(ctx.db, selectOrderChanges(order.eventId, orderId));
  return ok({
    orderId,
    data: changes.map(({ amountMinor, ...change }) => ({
      ...change,
      actor: as === 'staff' ? change.actor : roleOf(change.actor, order),
      amount: amountMinor === null ? null : { amount: amountMinor, currency: order.currency },
    })),
  });
}
