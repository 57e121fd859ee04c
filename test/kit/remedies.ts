/** Orders of an event that is about to be cancelled or moved, and what their buyers do then. */
import type { Caller, TestApp } from './app.ts';
import { book, eventually, payWith } from './given.ts';

/** The usual questions and answers of a story about remedies, for one server. */
export function remediesOf(app: () => TestApp) {
  async function bought(eventId: string, typeId: string, quantity = 2) {
    const booked = await book(app().guest, eventId, typeId, { quantity });
    await payWith(app(), booked.body.payment.clientSecret);
    const buyer = app().as(booked.body.accessToken);
    const id = booked.body.order.id as string;
    const read = async () => (await buyer.get(`/orders/${id}`)).body;
    const until = (status: string) => eventually(read, (order) => order.status === status);
    await until('confirmed');
    const choose = (remedy: string, by: Caller = buyer, headers?: Record<string, string>) =>
      by.post(`/orders/${id}/remedy`, { remedy }, headers);
    return { id, read, until, choose, buyer };
  }

  type Bought = Awaited<ReturnType<typeof bought>>;

  const offered = (order: Bought) =>
    eventually(order.read, ({ remedy }) => remedy?.status === 'offered');
  const settled = (order: Bought) =>
    eventually(order.read, ({ remedy }) => remedy?.status === 'done');

  const paidBack = (order: Bought, amount: number) =>
    eventually(order.read, ({ refunds }) =>
      refunds.some(
        (refund: { status: string; amount: { amount: number } }) =>
          refund.status === 'succeeded' && refund.amount.amount === amount,
      ),
    );

  const cancel = (eventId: string, body: object) =>
    app().admin.post(`/events/${eventId}/cancel`, body);
  const progress = async (eventId: string) =>
    (await app().admin.get(`/events/${eventId}/cancellation`)).body;

  const free = async (eventId: string) =>
    (await app().guest.get(`/events/${eventId}/availability`)).body.ticketTypes[0]
      .available as number;
  return { bought, offered, settled, paidBack, cancel, progress, free };
}
