import type { Consumer } from '../../kernel/consumers.ts';
import type { Ctx } from '../../kernel/context.ts';
import { one, type Tx } from '../../kernel/db.ts';
import { isId } from '../../kernel/ids.ts';
import { inTxOrNotNow } from '../../kernel/not-now.ts';
import type { Relayed } from '../../kernel/relay.ts';
import { type OrderRow, readOrder, remedyOf } from '../orders/index.ts';
import { selectIsCancelled } from './buyers.view.sql.ts';
import type { Kind } from './kinds.ts';
import { awaitsRemedyOf, changeKey, notifyBuyer } from './notify-buyer.ts';
import { beginRound } from './rounds.ts';

type Telling = (ctx: Ctx, tx: Tx, fact: Relayed, order: OrderRow) => Promise<unknown>;

/** By fact: what the buyer of its order is told. */
const tellings: Readonly<Record<string, Telling>> = {
  order_confirmed: tell('order_confirmed'),
  order_failed: tell('order_failed'),
  order_lost: tell('order_lost'),
  order_cancelled: async (ctx, tx, fact, order) => {
    // Its value has become something else, of which its buyer is told by itself.
    const isRemedy = fact.data['valueMinor'] !== undefined;
    if (!isRemedy) await tell('order_cancelled')(ctx, tx, fact, order);
  },
  tickets_refunded: async (ctx, tx, fact, order) => {
    const remedy = await remedyOf(tx, order.eventId, order.orderId);
    const isRemedy = remedy?.chosen === 'refund' && order.status === 'refunded';
    if (!isRemedy) await tell('tickets_refunded')(ctx, tx, fact, order);
  },
  remedy_offered: tellOfChange,
  remedy_chosen: async (ctx, tx, fact, order) => {
    // Where there was nothing to choose, what they get stands in the news itself.
    if (fact.data['by'] === 'only') await tellOfChange(ctx, tx, fact, order);
    else await tell('remedy_chosen')(ctx, tx, fact, order);
  },
};

const rounds: Readonly<Record<string, Kind>> = {
  event_cancelled: 'event_cancelled',
  event_rescheduled: 'event_rescheduled',
};

function tell(kind: Kind): Telling {
  return (ctx, tx, fact, order) => {
    const { amountMinor } = fact.data;
    const data = typeof amountMinor === 'number' ? { amountMinor } : {};
    return notifyBuyer(ctx, tx, order, kind, `fact:${fact.seq}`, data);
  };
}

/** Whoever comes first, this or the round through all orders, tells the buyer of the change. */
async function tellOfChange(ctx: Ctx, tx: Tx, _fact: Relayed, order: OrderRow): Promise<void> {
  const remedy = await remedyOf(tx, order.eventId, order.orderId);
  if (!remedy) return;
  const isOff = (await one(tx, selectIsCancelled(order.eventId))).isCancelled;
  const kind = isOff ? 'event_cancelled' : 'event_rescheduled';
  const { changeNo } = remedy;
  await notifyBuyer(ctx, tx, order, kind, changeKey(changeNo), awaitsRemedyOf(changeNo));
}

/** Owes people what they are to be told; database work only, the sending is a job. */
export const notificationConsumer: Consumer = {
  name: 'notifications',
  kinds: [...Object.keys(tellings), ...Object.keys(rounds)],
  keyOf: ({ eventId, data }) => (typeof data['orderId'] === 'string' ? data['orderId'] : eventId),
  handle: async (ctx, fact) => {
    const round = rounds[fact.kind];
    await inTxOrNotNow(ctx, (tx) =>
      round
        ? beginRound(ctx, tx, fact.eventId, `fact:${fact.seq}`, round)
        : tellBuyer(ctx, tx, fact),
    );
    ctx.wakeJobs();
  },
};

async function tellBuyer(ctx: Ctx, tx: Tx, fact: Relayed): Promise<void> {
  const { orderId } = fact.data;
  if (typeof orderId !== 'string' || !isId('ord', orderId)) return;
  const order = await readOrder(tx, fact.eventId, orderId);
  if (order) await tellings[fact.kind]?.(ctx, tx, fact, order);
}
