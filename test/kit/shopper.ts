/** A buyer with a shopping session, and what they do with it. */
import { expect } from 'vitest';
import { eventOf, type Id } from '../../server/kernel/ids.ts';
import { settlePayment } from '../../server/modules/shopping/index.ts';
import type { Answer, Caller, TestApp } from './app.ts';
import { newKey, payWith, somebody } from './given.ts';

export type Shopper = Awaited<ReturnType<typeof beginToShop>>;

/** Lands on the selection page, as a guest or with a key of their own. */
export async function beginToShop(app: TestApp, eventId: string, by: Caller = app.guest) {
  const begun = await by.post(`/events/${eventId}/shopping-sessions`, {}, newKey());
  expect(begun.status, JSON.stringify(begun.body)).toBe(201);
  const id = begun.body.id as string;
  const token = begun.body.accessToken as string;
  const caller = app.as(token);
  const at = `/shopping-sessions/${id}`;
  return {
    id,
    token,
    caller,
    begun: begun.body,
    read: async () => (await caller.get(at)).body,
    select: (items: readonly object[]) => caller.put(`${at}/selection`, { items }),
    buyer: (buyer: object = somebody()) => caller.put(`${at}/buyer`, buyer),
    attendees: (attendees: readonly object[]) => caller.put(`${at}/attendees`, { attendees }),
    payBy: (method: string) => caller.put(`${at}/payment`, { method }),
    credit: (code: string | null) => caller.put(`${at}/credit`, { code }),
    purchase: (key?: string) =>
      caller.post(`${at}/purchase`, {}, key ? { 'idempotency-key': key } : newKey()),
    leave: () => caller.delete(at),
  };
}

/** All that a purchase needs: so many places, a buyer, a way to pay. */
export async function readyToBuy(
  app: TestApp,
  eventId: string,
  typeId: string,
  options: { quantity?: number; method?: string; buyer?: object } = {},
): Promise<Shopper> {
  const shopper = await beginToShop(app, eventId);
  const items = [{ ticketTypeId: typeId, quantity: options.quantity ?? 2 }];
  for (const put of [
    await shopper.select(items),
    await shopper.buyer(options.buyer),
    await shopper.payBy(options.method ?? 'payment_intent'),
  ]) {
    expect(put.status, JSON.stringify(put.body)).toBe(200);
  }
  return shopper;
}

/** The buyer's browser pays what a purchase has answered, and the server looks at it. */
export async function payFor(app: TestApp, purchased: Answer, card = 'pm_card_visa') {
  expect(purchased.status, JSON.stringify(purchased.body)).toBe(200);
  await payWith(app, purchased.body.payment.clientSecret, card);
  await settle(app, purchased);
}

export async function settle(app: TestApp, purchased: Answer) {
  // Of an order that was just made.
  const paymentId = purchased.body.order.payments[0].id as Id<'pay'>;
  await settlePayment(app.ctx, eventOf(paymentId), paymentId);
}

export const codesOf = (issues: readonly { code: string }[]): string[] =>
  issues.map(({ code }) => code);
