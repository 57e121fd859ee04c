/** Orders with their documents, and documents as a reader reads them. */
import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';
import { expect } from 'vitest';
import { eventOf, type Id } from '../../server/kernel/ids.ts';
import { settlePayment } from '../../server/modules/shopping/index.ts';
import type { Caller, TestApp } from './app.ts';
import { book, onSale, payWith } from './given.ts';

/** A booking whose card is authorised; `settle` takes the money. */
export async function authorisedOrder(
  app: TestApp,
  options: { by?: Caller; quantity?: number; price?: number; more?: Record<string, unknown> } = {},
) {
  const { by = app.admin, quantity = 2, ...rest } = options;
  const { eventId, typeId } = await onSale(by, rest);
  const { body } = await book(app.guest, eventId, typeId, { quantity });
  const { order, payment, accessToken } = body;
  expect(order.status).toBe('pending');
  await payWith(app, payment.clientSecret);
  const paymentId = order.payments[0].id as Id<'pay'>;
  return {
    eventId,
    typeId,
    orderId: order.id as Id<'ord'>,
    buyer: app.as(accessToken),
    token: accessToken as string,
    settle: () => settlePayment(app.ctx, eventOf(paymentId), paymentId),
  };
}

/** An order that is paid and confirmed. */
export async function paidOrder(...given: Parameters<typeof authorisedOrder>) {
  const order = await authorisedOrder(...given);
  await order.settle();
  const { body } = await order.buyer.get(`/orders/${order.orderId}`);
  expect(body.status).toBe('confirmed');
  const ticketIds: string[] = body.tickets.map(({ id }: { id: string }) => id);
  return { ...order, ticketIds };
}

export async function documentsOf(order: { readonly buyer: Caller; readonly orderId: string }) {
  const { status, body } = await order.buyer.get(`/orders/${order.orderId}/documents`);
  expect(status).toBe(200);
  // An answer is JSON of any shape; a test says what it expects of it.
  return body.data as readonly Record<string, unknown>[];
}

/** The text of each page, by a program that shares no code with the one that drew it. */
export async function pagesOf(bytes: Uint8Array): Promise<string[]> {
  const document = await getDocument({ data: bytes, verbosity: 0 }).promise;
  const pages: string[] = [];
  for (let number = 1; number <= document.numPages; number++) {
    const { items } = await (await document.getPage(number)).getTextContent();
    pages.push(items.map((item) => ('str' in item ? item.str : '')).join(' '));
  }
  await document.destroy();
  return pages;
}
