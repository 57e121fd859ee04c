/** F6: tickets in hand: their codes, checked with the public key alone, and reissued. */
import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../../server/cli/main.ts';
import { qrPng, qrSvg } from '../../server/modules/ticket-codes/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eur, newKey, onSale, somebody } from '../kit/given.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());
afterEach(() => {
  vi.restoreAllMocks();
});

type Ticket = { readonly id: string; readonly code: string | null; readonly epoch: number };

/** An order of which nothing has to be paid, so it is confirmed; by a guest. */
async function bought(quantity = 2, more: Record<string, unknown> = {}) {
  const { eventId, typeId } = await onSale(app.admin, { price: 0, more });
  const { body } = await book(app.guest, eventId, typeId, { quantity });
  expect(body.order.status).toBe('confirmed');
  const tickets: readonly Ticket[] = body.order.tickets;
  const [first, second] = tickets;
  if (!first || !second) throw new Error('two tickets were bought');
  return { eventId, orderId: body.order.id as string, token: body.accessToken, first, second };
}

const keyOf = async (eventId: string): Promise<string> =>
  (await app.guest.get(`/events/${eventId}/ticket-keys`)).body.keys[0].publicKey;

/** What the command says, and how it ends. */
async function fanfare(...args: string[]): Promise<{ exit: number; said: string }> {
  const said: string[] = [];
  const listen = (line: string) => void said.push(line);
  vi.spyOn(console, 'log').mockImplementation(listen);
  vi.spyOn(console, 'error').mockImplementation(listen);
  const exit = await main(args);
  return { exit, said: said.join('\n') };
}

describe('the code of a ticket', () => {
  it('is told by the command from the public key alone', async () => {
    const { eventId, first, second } = await bought();
    const key = await keyOf(eventId);
    const good = await fanfare('verify-ticket', first.code ?? '', '--key', key);
    expect(good).toEqual({
      exit: 0,
      said: `Ticket ${first.id} of event ${eventId}, epoch 1: the signature is good.`,
    });
    expect(second.code).not.toBe(first.code);
    const otherKey = await keyOf((await bought()).eventId);
    const wrong = await fanfare('verify-ticket', first.code ?? '', '--key', otherKey);
    expect(wrong).toMatchObject({ exit: 1, said: expect.stringContaining('another key') });
    const changed = `${first.code?.slice(0, 45)}${second.code?.slice(45)}`;
    const forged = await fanfare('verify-ticket', changed, '--key', key);
    expect(forged).toMatchObject({ exit: 1, said: expect.stringContaining('not good') });
    expect(await fanfare('verify-ticket', 'F1', '--key', key)).toMatchObject({ exit: 1 });
    expect(await fanfare('verify-ticket', '--key', key)).toMatchObject({ exit: 2 });
    expect(await fanfare('verify-ticket', first.code ?? '')).toMatchObject({ exit: 2 });
    expect(await fanfare('verify-ticket', 'F1', '--keys', key)).toMatchObject({ exit: 2 });
  });

  it('is withheld until paid, and gone with the money', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const { body } = await book(app.guest, eventId, typeId, { quantity: 1 });
    expect(body.order.tickets).toEqual([]);
    const paid = await bought();
    const back = await app.as(paid.token).post(`/orders/${paid.orderId}/cancel`);
    expect(back.body).toMatchObject({ code: 'refund_window_closed' });
    const refund = { ticketIds: [paid.first.id], reason: 'Cannot come' };
    const after = await app.admin.post(`/orders/${paid.orderId}/refunds`, refund, newKey());
    const states = after.body.tickets.map(({ id, code }: Ticket) => [id, code]);
    expect(Object.fromEntries(states)).toEqual({
      [paid.first.id]: null,
      [paid.second.id]: paid.second.code,
    });
  });

  it('has its key shown where its event is', async () => {
    const { eventId } = await bought();
    const { status, body, headers } = await app.guest.get(`/events/${eventId}/ticket-keys`);
    expect(status).toBe(200);
    const [{ keyId, publicKey, jwk }] = body.keys;
    expect(jwk).toEqual({ kty: 'OKP', crv: 'Ed25519', x: publicKey, kid: keyId });
    expect(headers.get('cache-control')).toBe('public, max-age=300');
    const unknown = `${eventId.slice(0, -5)}zzzzz`;
    expect((await app.guest.get(`/events/${unknown}/ticket-keys`)).status).toBe(404);
  });
});

describe('the QR code of a ticket', () => {
  it('is served as SVG and PNG to its buyer, and to nobody once the ticket is void', async () => {
    const { orderId, token, first, second } = await bought();
    const path = (id: string, type: string) => `/orders/${orderId}/tickets/${id}/qr.${type}`;
    const svg = await app.as(token).get(path(first.id, 'svg'));
    expect(svg.headers.get('content-type')).toBe('image/svg+xml');
    expect(svg.headers.get('cache-control')).toBe('no-store');
    expect(svg.body).toBe(qrSvg(first.code ?? ''));
    const png = await fetch(`${app.origin}/api/v1${path(second.id, 'png')}?access=${token}`);
    expect(png.headers.get('content-type')).toBe('image/png');
    expect(Buffer.from(await png.arrayBuffer()).equals(qrPng(second.code ?? ''))).toBe(true);
    const refund = { ticketIds: [first.id], reason: 'Cannot come' };
    await app.admin.post(`/orders/${orderId}/refunds`, refund, newKey());
    const gone = await app.as(token).get(path(first.id, 'svg'));
    expect(gone.body).toMatchObject({ status: 409, code: 'ticket_not_valid' });
    expect((await app.as(token).get(path(second.id, 'svg'))).status).toBe(200);
    expect((await app.guest.get(path(second.id, 'svg'))).status).toBe(401);
  });
});

describe('the tickets of an order on paper', () => {
  const pagesOf = async (path: string, token: string): Promise<string[]> => {
    const response = await fetch(`${app.origin}/api/v1${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/pdf');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const data = new Uint8Array(await response.arrayBuffer());
    const document = await getDocument({ data, verbosity: 0 }).promise;
    const pages: string[] = [];
    for (let number = 1; number <= document.numPages; number++) {
      const { items } = await (await document.getPage(number)).getTextContent();
      pages.push(items.map((item) => ('str' in item ? item.str : '')).join(' '));
    }
    await document.destroy();
    return pages;
  };

  it('are those that open a door, with their codes as they are now', async () => {
    const { orderId, token, first, second } = await bought();
    const path = `/orders/${orderId}/tickets.pdf`;
    const shows = (page: string | undefined, code: string | null) =>
      expect(page?.replaceAll(' ', '')).toContain(code);
    const pages = await pagesOf(path, token);
    expect(pages).toHaveLength(2);
    shows(pages[0], first.code);
    shows(pages[1], second.code);
    await app.as(token).post(`/orders/${orderId}/tickets/${second.id}/reissue`);
    const refund = { ticketIds: [first.id], reason: 'Cannot come' };
    const left = await app.admin.post(`/orders/${orderId}/refunds`, refund, newKey());
    const now = left.body.tickets.find(({ id }: Ticket) => id === second.id).code;
    expect(now).not.toBe(second.code);
    const after = await pagesOf(path, token);
    expect(after).toHaveLength(1);
    shows(after[0], now);
    expect(after[0]).toContain('Ticket 1 of 1');
  });

  it('are refused until the order is confirmed, and after it was given back', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const { body } = await book(app.guest, eventId, typeId);
    const pending = await app.as(body.accessToken).get(`/orders/${body.order.id}/tickets.pdf`);
    expect(pending.body).toMatchObject({ status: 409, code: 'order_not_confirmed' });
    const { orderId, token } = await bought();
    const beyond = await app.as(token).get(`/orders/${orderId}/tickets.pdf?from=3`);
    expect(beyond.body).toMatchObject({ status: 409, code: 'no_valid_tickets' });
    expect((await app.as(token).get(`/orders/${orderId}/tickets.pdf?from=0`)).status).toBe(422);
    await app.admin.post(`/orders/${orderId}/cancel`);
    const gone = await app.as(token).get(`/orders/${orderId}/tickets.pdf`);
    expect(gone.body).toMatchObject({ code: 'order_not_confirmed', orderStatus: 'refunded' });
  });

  it('are a hundred at a time, and say where the others are', async () => {
    const { eventId, typeId } = await onSale(app.admin, {
      more: {
        ticketTypes: [{ name: 'School', price: eur(0), capacity: 200, maxPerOrder: 150 }],
      },
    });
    const { body } = await book(app.guest, eventId, typeId, { quantity: 102 });
    const path = `/orders/${body.order.id}/tickets.pdf`;
    const start = await fetch(`${app.origin}/api/v1${path}?access=${body.accessToken}`);
    expect(start.headers.get('link')).toBe('<?from=101>; rel="next"');
    const rest = await pagesOf(`${path}?from=101`, body.accessToken);
    expect(rest.map((page) => /Ticket \d+ of \d+/.exec(page)?.[0])).toEqual([
      'Ticket 101 of 102',
      'Ticket 102 of 102',
    ]);
  });
});

describe('the calendar of an order', () => {
  it('has the event as its buyer bought it, later as it is', async () => {
    const { eventId, orderId, token } = await bought(2, { venueName: 'Halle Nord' });
    const path = `/orders/${orderId}/calendar.ics`;
    const first = await app.as(token).get(path);
    expect(first.status).toBe(200);
    expect(first.headers.get('content-type')).toBe('text/calendar; charset=utf-8');
    expect(first.body).toContain(`UID:${orderId}\r\nSEQUENCE:1\r\n`);
    expect(first.body).toContain('SUMMARY:Test night\r\nLOCATION:Halle Nord\r\n');
    expect(first.body).toMatch(/^DESCRIPTION:Standard\\nStandard\\nOrder ord_/m);
    const { body: event } = await app.admin.get(`/events/${eventId}`);
    const edited = await app.admin.put(`/events/${eventId}`, { ...event, name: 'Test day' });
    expect(edited.body).toMatchObject({ name: 'Test day', version: 2 });
    const second = await app.as(token).get(path);
    expect(second.body).toContain(`UID:${orderId}\r\nSEQUENCE:2\r\n`);
    expect(second.body).toContain('SUMMARY:Test day\r\n');
  });

  it('is there once the order is confirmed, and no longer than its tickets', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const { body } = await book(app.guest, eventId, typeId);
    const pending = await app.as(body.accessToken).get(`/orders/${body.order.id}/calendar.ics`);
    expect(pending.body).toMatchObject({ status: 409, code: 'order_not_confirmed' });
    const { orderId, token } = await bought();
    await app.admin.post(`/orders/${orderId}/cancel`);
    const gone = await app.as(token).get(`/orders/${orderId}/calendar.ics`);
    expect(gone.body).toMatchObject({ code: 'order_not_confirmed', orderStatus: 'refunded' });
  });

  it('names the seats by the words of their floor plan', async () => {
    const venue = { name: 'Halle Nord', timezone: 'Europe/Berlin' };
    const { body: hall } = await app.admin.post('/venues', venue);
    const plan = await app.admin.post(`/venues/${hall.id}/configurations`, {
      name: 'End stage',
      validFrom: '2024-01-01T00:00:00Z',
      gates: [{ name: 'West' }],
      sections: [
        { name: 'Rang-Mitte', gate: 'West', category: 'A', rows: [{ label: 'C', seats: '1-6' }] },
      ],
    });
    const { eventId, typeId } = await onSale(app.admin, {
      more: {
        configurationId: plan.body.id,
        ticketTypes: [{ name: 'Balcony', price: eur(0), seatCategories: ['A'] }],
      },
    });
    const order = {
      items: [{ ticketTypeId: typeId, seatIds: ['Rang-Mitte-C-2'] }],
      buyer: somebody(),
      payment: { method: 'simulated' },
    };
    const booked = await app.guest.post(`/events/${eventId}/bookings`, order, newKey());
    const path = `/orders/${booked.body.order.id}/calendar.ics`;
    const { body } = await app.as(booked.body.accessToken).get(path);
    const text = body.replaceAll('\r\n ', '');
    expect(text).toContain('Balcony\\, Rang-Mitte\\, row C\\, seat 2\\n');
  });
});

describe('a ticket that is reissued', () => {
  it('has a new code; the old one is of an old epoch', async () => {
    const { eventId, orderId, token, first, second } = await bought();
    const path = `/orders/${orderId}/tickets/${first.id}/reissue`;
    const key = newKey();
    const done = await app.as(token).post(path, undefined, key);
    expect(done.status).toBe(200);
    const find = (id: string) => done.body.tickets.find((ticket: Ticket) => ticket.id === id);
    expect(find(second.id)).toEqual(second);
    const { code, epoch } = find(first.id);
    expect(epoch).toBe(2);
    expect(code).not.toBe(first.code);
    const publicKey = await keyOf(eventId);
    const verified = await fanfare('verify-ticket', code, '--key', publicKey);
    expect(verified.said).toContain(`${first.id} of event ${eventId}, epoch 2`);
    const old = await fanfare('verify-ticket', first.code ?? '', '--key', publicKey);
    expect(old.said).toContain('epoch 1');
    const again = await app.as(token).post(path, undefined, key);
    expect(again.body).toEqual(done.body);
    const read = await app.admin.get(`/orders/${orderId}`);
    expect(read.body.tickets).toEqual(done.body.tickets);
    const facts = await app.database.db.pool.query(
      `select data from kernel.outbox where event_id = $1 and kind = 'ticket_reissued'`,
      [eventId],
    );
    expect(facts.rows).toEqual([{ data: { orderId, ticketId: first.id, epoch: 2 } }]);
    await expectAuditClean(app);
  });

  it('was valid: neither void nor waiting for its money, and of this order', async () => {
    const { orderId, first, second } = await bought();
    const other = await bought();
    const reissue = (id: string) => app.admin.post(`/orders/${orderId}/tickets/${id}/reissue`);
    const refund = { ticketIds: [first.id], reason: 'Cannot come' };
    await app.admin.post(`/orders/${orderId}/refunds`, refund, newKey());
    expect((await reissue(first.id)).body).toMatchObject({
      status: 409,
      code: 'ticket_not_valid',
      ticketStatus: 'void',
    });
    expect((await reissue(other.first.id)).status).toBe(404);
    expect((await reissue(second.id)).status).toBe(200);
    await app.database
      .open(null)
      .pool.query(`update orders.ticket set epoch = 32767 where ticket_id = $1`, [second.id]);
    expect((await reissue(second.id)).body).toMatchObject({ code: 'ticket_reissued_too_often' });
  });

  it('gets one epoch for each of many requests at once', async () => {
    const { orderId, token, first } = await bought();
    const path = `/orders/${orderId}/tickets/${first.id}/reissue`;
    const asked = Array.from({ length: 8 }, () => app.as(token).post(path, undefined, newKey()));
    const answers = await Promise.all(asked);
    const epochs = answers.map(
      ({ body }) => body.tickets.find(({ id }: Ticket) => id === first.id).epoch,
    );
    expect(epochs.sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  });
});
