import type { Consumer } from '../../kernel/consumers.ts';
import type { Ctx } from '../../kernel/context.ts';
import { one, type Tx } from '../../kernel/db.ts';
import { isId, type OrganizerId } from '../../kernel/ids.ts';
import { inTxOrNotNow } from '../../kernel/not-now.ts';
import type { Relayed } from '../../kernel/relay.ts';
import { type OrderRow, readOrder, remedyOf } from '../orders/index.ts';
import { selectIsCancelled } from './buyers.view.sql.ts';
import type { Kind } from './kinds.ts';
import { notify } from './notify.ts';
import { awaitsRemedyOf, changeKey, notifyBuyer } from './notify-buyer.ts';
import { beginRound } from './rounds.ts';
import { addressOfOrganizer } from './senders.ts';

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
    // What had paid for a voucher is lost: its value goes back to where it is taken away.
    if (order.endReason === 'dispute_lost') return tell('order_lost')(ctx, tx, fact, order);
    const remedy = await remedyOf(tx, order.eventId, order.orderId);
    const isRemedy = remedy?.chosen === 'refund' && order.status === 'refunded';
    return isRemedy ? 0 : tell('tickets_refunded')(ctx, tx, fact, order);
  },
  remedy_offered: tellOfChange,
  remedy_chosen: async (ctx, tx, fact, order) => {
    // Where there was nothing to choose, what they get stands in the news itself.
    if (fact.data['by'] === 'only') await tellOfChange(ctx, tx, fact, order);
    else await tell('remedy_chosen')(ctx, tx, fact, order);
  },
};

const ENDPOINT_DISABLED = 'webhook_endpoint_disabled';

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

/** Where its organizer has said no address, the log and the fact itself are all that tell. */
async function tellOfEndpoint(ctx: Ctx, tx: Tx, fact: Relayed): Promise<void> {
  // As it is listed among the facts.
  const { organizerId, endpointId, reason } = fact.data as EndpointDisabled;
  await notify(ctx, tx, {
    ...{ kind: 'webhook_disabled', key: `fact:${fact.eventId}:${fact.seq}`, organizerId },
    ...{ eventId: null, email: await addressOfOrganizer(tx, organizerId) },
    data: { endpointId, reason },
  });
}

type EndpointDisabled = {
  readonly organizerId: OrganizerId;
  readonly endpointId: string;
  readonly reason: string;
};

/** Owes people what they are to be told; database work only, the sending is a job. */
export const notificationConsumer: Consumer = {
  name: 'notifications',
  kinds: [...Object.keys(tellings), ...Object.keys(rounds), ENDPOINT_DISABLED],
  keyOf: ({ eventId, data }) => (typeof data['orderId'] === 'string' ? data['orderId'] : eventId),
  handle: async (ctx, fact) => {
    const round = rounds[fact.kind];
    await inTxOrNotNow(ctx, (tx) => {
      if (round) return beginRound(ctx, tx, fact.eventId, `fact:${fact.seq}`, round);
      if (fact.kind === ENDPOINT_DISABLED) return tellOfEndpoint(ctx, tx, fact);
      return tellBuyer(ctx, tx, fact);
    });
    ctx.wakeJobs();
  },
};

async function tellBuyer(ctx: Ctx, tx: Tx, fact: Relayed): Promise<void> {
  const { orderId } = fact.data;
  if (typeof orderId !== 'string' || !isId('ord', orderId)) return;
  const order = await readOrder(tx, fact.eventId, orderId);
  if (order) await tellings[fact.kind]?.(ctx, tx, fact, order);
}
