import type { Ctx } from '../../kernel/context.ts';
import type { Tx } from '../../kernel/db.ts';
import type { OrderRow } from '../orders/index.ts';
import type { Kind } from './kinds.ts';
import { notify } from './notify.ts';

/** Names the news of one change for one order. */
export const changeKey = (changeNo: number): string => `change:${changeNo}`;

/** What the news of a change waits for: what the order is offered for it, or for a later one. */
export const awaitsRemedyOf = (changeNo: number) => ({ awaitsRemedy: true, changeNo });

/** The buyer of an order, at the address and the number that they bought with. */
export function notifyBuyer(
  ctx: Ctx,
  tx: Tx,
  order: OrderRow,
  kind: Kind,
  key: string,
  data: Readonly<Record<string, unknown>> = {},
): Promise<number> {
  const { eventId, orderId, organizerId, userId, buyerEmail, buyerPhone } = order;
  return notify(ctx, tx, {
    ...{ kind, key, organizerId, eventId, orderId, userId, data },
    email: buyerEmail,
    phone: buyerPhone,
  });
}
