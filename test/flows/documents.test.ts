/** B10, D10: receipts, invoices and credit notes, and the numbers that they bear. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { numberDocuments } from '../../server/modules/papers/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eur, inDays, newKey, onSale } from '../kit/given.ts';
import { authorisedOrder, documentsOf, pagesOf, paidOrder } from '../kit/papers.ts';
import { newOrganizer } from '../kit/staff.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

// Its own, so that numbers begin at 1.
const organizer = (name?: string) => newOrganizer(app, name);

const number = () => numberDocuments(app.ctx);

async function pdfOf(order: { readonly orderId: string; readonly token: string }, name: string) {
  const path = `/api/v1/orders/${order.orderId}/documents/${name}.pdf?access=${order.token}`;
  const response = await fetch(app.origin + path);
  return { response, bytes: new Uint8Array(await response.arrayBuffer()) };
}

describe('a sale', () => {
  it('B10 gets a receipt, once, with what was paid', async () => {
    const { staff } = await organizer();
    const order = await paidOrder(app, { by: staff });
    expect(await documentsOf(order)).toEqual([]);
    expect(await number()).toBe(1);
    expect(await number()).toBe(0);
    const year = new Date().getUTCFullYear();
    expect(await documentsOf(order)).toEqual([
      {
        number: `R-${year}-000001`,
        kind: 'receipt',
        issuedAt: expect.any(String),
        eventId: order.eventId,
        orderId: order.orderId,
        refundId: null,
        seller: { name: 'Halle Nord', address: null, taxId: null },
        recipient: expect.objectContaining({ company: null, address: null }),
        event: expect.objectContaining({ name: 'Test night', timezone: 'Europe/Berlin' }),
        soldAt: expect.any(String),
        lines: [
          {
            description: 'Standard',
            quantity: 2,
            unitPrice: eur(2_500),
            listPrice: eur(2_500),
            kept: eur(0),
            amount: eur(5_000),
          },
        ],
        included: [],
        total: eur(5_000),
        settled: [{ by: 'payment', id: expect.stringMatching(/^pay_/), amount: eur(5_000) }],
        corrects: null,
        reason: null,
      },
    ]);
    await expectAuditClean(app);
  });

  it('B10 is an invoice where its buyer has given an address in time, and stays one', async () => {
    const { organizerId, staff } = await organizer();
    const seller = {
      legalName: 'Halle Nord Konzerte GmbH',
      address: 'Hafenstraße 12\n20457 Hamburg',
      taxId: 'DE123456789',
      timezone: 'Europe/Berlin',
    };
    const set = await staff.put(`/organizers/${organizerId}/billing`, seller);
    expect(set.body).toEqual({ organizerId, ...seller });
    const order = await authorisedOrder(app, { by: staff });
    const to = { company: 'Łódź Events', address: '1 Main Street\nLondon', taxId: 'GB1' };
    const path = `/orders/${order.orderId}/billing`;
    expect((await order.buyer.get(path)).body).toMatchObject({ address: null });
    expect((await order.buyer.put(path, to)).body).toEqual({ orderId: order.orderId, ...to });
    await order.settle();
    expect(await number()).toBe(1);
    const [invoice] = await documentsOf(order);
    expect(invoice).toMatchObject({
      number: expect.stringMatching(/^I-\d{4}-000001$/),
      kind: 'invoice',
      seller: { name: seller.legalName, address: seller.address, taxId: seller.taxId },
      recipient: to,
    });
    const late = await order.buyer.put(path, { ...to, company: 'Another' });
    expect(late.body).toMatchObject({ status: 409, code: 'document_issued' });
    await staff.put(`/organizers/${organizerId}/billing`, { ...seller, legalName: 'New' });
    expect((await documentsOf(order))[0]).toEqual(invoice);
    const { bytes, response } = await pdfOf(order, String(invoice?.['number']));
    expect(response.headers.get('content-type')).toBe('application/pdf');
    const [page = ''] = await pagesOf(bytes);
    for (const said of [seller.legalName, 'Hafenstraße 12', 'Łódź Events', '€50.00']) {
      expect(page).toContain(said);
    }
    expect(page).toContain(`Invoice ${invoice?.['number']}`);
  });

  it('B10 that costs nothing has a receipt of nothing, and no credit note', async () => {
    const { staff } = await organizer();
    const { eventId, typeId } = await onSale(staff, { price: 0 });
    const { body } = await book(app.guest, eventId, typeId);
    const order = { buyer: app.as(body.accessToken), orderId: body.order.id as string };
    expect(await number()).toBe(1);
    await staff.post(`/orders/${order.orderId}/cancel`);
    expect(await number()).toBe(0);
    expect(await documentsOf(order)).toEqual([
      expect.objectContaining({ kind: 'receipt', total: eur(0), settled: [] }),
    ]);
  });

  it('B10 that never came about has none', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const { body } = await book(app.guest, eventId, typeId);
    const order = { buyer: app.as(body.accessToken), orderId: body.order.id as string };
    await order.buyer.post(`/orders/${order.orderId}/cancel`);
    await number();
    expect(await documentsOf(order)).toEqual([]);
  });
});

describe('what goes back', () => {
  it('D10 has a credit note for each refund, of its tickets, which names the receipt', async () => {
    const { staff } = await organizer();
    const order = await paidOrder(app, { by: staff, quantity: 3 });
    const [first] = order.ticketIds;
    const one = { ticketIds: [first], reason: 'Ill' };
    await staff.post(`/orders/${order.orderId}/refunds`, one, newKey());
    await staff.post(`/orders/${order.orderId}/refunds`, { reason: 'All ill' }, newKey());
    // The sale has no document yet: it gets its own first.
    expect(await number()).toBe(3);
    const [receipt, ...notes] = await documentsOf(order);
    expect(receipt).toMatchObject({ kind: 'receipt', total: eur(7_500) });
    const { body } = await order.buyer.get(`/orders/${order.orderId}`);
    const amounts = [2_500, 5_000].map(eur);
    expect(body.refunds.map(({ amount }: { amount: unknown }) => amount)).toEqual(amounts);
    expect(notes).toEqual(
      [1, 2].map((nth) =>
        expect.objectContaining({
          number: expect.stringMatching(new RegExp(`^C-\\d{4}-00000${nth}$`)),
          kind: 'credit_note',
          refundId: body.refunds[nth - 1].id,
          corrects: receipt?.['number'],
          reason: ['Ill', 'All ill'][nth - 1],
          total: amounts[nth - 1],
          lines: [expect.objectContaining({ quantity: nth, amount: amounts[nth - 1] })],
          settled: [{ by: 'payment', id: body.refunds[nth - 1].id, amount: amounts[nth - 1] }],
        }),
      ),
    );
    const { bytes } = await pdfOf(order, String(notes[0]?.['number']));
    const [page = ''] = await pagesOf(bytes);
    expect(page).toContain('Credit note');
    expect(page).toContain(String(receipt?.['number']));
    await expectAuditClean(app);
  });

  it('D10 keeps the fees that do not go back, ticket by ticket, and tells the tax', async () => {
    const { staff } = await organizer();
    const charges = {
      fees: [{ name: 'Booking fee', amount: eur(200), refundable: false }],
      tax: { name: 'VAT', basisPoints: 2_500 },
    };
    const order = await paidOrder(app, {
      by: staff,
      more: { charges, refundableUntil: inDays(9) },
    });
    const own = { ticketIds: order.ticketIds.slice(0, 1), reason: 'Ill' };
    const back = await order.buyer.post(`/orders/${order.orderId}/refunds`, own, newKey());
    expect(back.body.refunds).toMatchObject([{ amount: eur(2_300) }]);
    await number();
    const [receipt, note] = await documentsOf(order);
    expect(receipt).toMatchObject({
      total: eur(5_000),
      included: [
        { kind: 'fee', name: 'Booking fee', amount: eur(400) },
        { kind: 'tax', name: 'VAT', amount: eur(1_000) },
      ],
    });
    expect(note).toMatchObject({
      total: eur(2_300),
      lines: [{ quantity: 1, unitPrice: eur(2_500), kept: eur(200), amount: eur(2_300) }],
      included: [{ kind: 'tax', name: 'VAT', amount: eur(460) }],
    });
    // By staff all of it goes back.
    await staff.post(`/orders/${order.orderId}/refunds`, { reason: 'Ill' }, newKey());
    await number();
    expect((await documentsOf(order))[2]).toMatchObject({ total: eur(2_500) });
    await expectAuditClean(app);
  });

  it('D10 as credit has one as well, whoever returned it', async () => {
    const order = await paidOrder(app);
    await app.ctx.db.pool.query(
      `insert into orders.credit_return (event_id, refund_id, order_id, amount_minor, reason, made_at)
       values ($1, 'ref_credit', $2, 1200, 'Goodwill', clock_timestamp())`,
      [order.eventId, order.orderId],
    );
    await number();
    const [, note] = await documentsOf(order);
    expect(note).toMatchObject({
      kind: 'credit_note',
      total: eur(1_200),
      lines: [{ description: 'Goodwill', quantity: 1, amount: eur(1_200) }],
      settled: [{ by: 'credit', id: 'ref_credit', amount: eur(1_200) }],
    });
  });
});

describe('numbers', () => {
  it('B10 have no gaps within an organizer, across its events, and begin anew for another', async () => {
    const [one, two] = [await organizer('One'), await organizer('Two')];
    const orders = [];
    for (const { staff } of [one, two, one, one, two]) {
      orders.push(await paidOrder(app, { by: staff, quantity: 1 }));
    }
    await number();
    const numbersOf = async ({ organizerId, staff }: typeof one) => {
      const { body } = await staff.get(`/organizers/${organizerId}/documents`);
      return body.data.map((document: { number: string }) => document.number.slice(7));
    };
    expect(await numbersOf(one)).toEqual(['000001', '000002', '000003']);
    expect(await numbersOf(two)).toEqual(['000001', '000002']);
    const others = await two.staff.get(`/organizers/${one.organizerId}/documents`);
    expect(others.status).toBe(404);
  });

  it('B10 are listed by time, in pages', async () => {
    const { organizerId, staff } = await organizer();
    for (let i = 0; i < 3; i++) await paidOrder(app, { by: staff, quantity: 1 });
    await number();
    await paidOrder(app, { by: staff, quantity: 1 });
    await number();
    const path = `/organizers/${organizerId}/documents`;
    const all = (await staff.get(path)).body.data;
    expect(all).toHaveLength(4);
    const page = await staff.get(`${path}?limit=3`);
    const rest = await staff.get(`${path}?limit=3&cursor=${page.body.nextCursor}`);
    expect([...page.body.data, ...rest.body.data]).toEqual(all);
    expect(rest.body.nextCursor).toBeNull();
    const last = encodeURIComponent(all[3].issuedAt);
    // Cut off to milliseconds, it lies before the row's own time.
    const since = await staff.get(`${path}?from=${last}`);
    expect(since.body.data).toEqual([all[3]]);
    const before = await staff.get(`${path}?to=${last}`);
    expect(before.body.data).toEqual(all.slice(0, 3));
  });

  it('B10 begin anew each year of the seller', async () => {
    const { organizerId, staff } = await organizer();
    const seller = { legalName: 'N', address: 'A', timezone: 'Pacific/Auckland' };
    await staff.put(`/organizers/${organizerId}/billing`, seller);
    await paidOrder(app, { by: staff, quantity: 1, more: { startsAt: '2099-06-01T20:00:00Z' } });
    await number();
    const year = new Date().getUTCFullYear();
    // Noon of the last day in London is the first hour of the next year in Auckland.
    app.clock.advance(Date.parse(`${year}-12-31T12:00:00Z`) - Date.now());
    await paidOrder(app, { by: staff, quantity: 1, more: { startsAt: '2099-06-01T20:00:00Z' } });
    await number();
    const { body } = await staff.get(`/organizers/${organizerId}/documents`);
    const numbers = body.data.map((document: { number: string }) => document.number);
    expect(numbers).toEqual([`R-${year}-000001`, `R-${year + 1}-000001`]);
  });

  it('B10 stand on documents that nobody may change or delete', async () => {
    const pool = app.ctx.db.pool;
    for (const text of ['update papers.document set number = 7', 'delete from papers.document']) {
      await expect(pool.query(text)).rejects.toMatchObject({ code: '42501' });
    }
  });
});
