/** The same key and body give the same answer again, on every POST; nothing happens twice. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../server/app.ts';
import { digestOf } from '../access/digest.ts';
import { type Answer, startApp, type TestApp } from '../kit/app.ts';
import { book, eur, eventually, inDays, newKey, onSale, somebody } from '../kit/given.ts';
import { connect } from '../kit/kernel.ts';
import { codeSent } from '../kit/mailbox.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
  organizerId = (await app.admin.get('/me')).body.organizerId;
});
afterAll(() => app.close());

let organizerId = '';
const own = (what: string) => `/organizers/${organizerId}/${what}`;

type Request = { readonly path: string; readonly body?: object };

const event = { name: 'A', startsAt: inDays(9), timezone: 'Europe/Berlin', currency: 'EUR' };
const draft = async (): Promise<string> =>
  (await app.admin.post('/events', { ...event, publish: false })).body.id;
const published = async (): Promise<string> => (await app.admin.post('/events', event)).body.id;
const freeOrder = async (): Promise<string> => {
  const { eventId, typeId } = await onSale(app.admin, { price: 0 });
  return (await book(app.guest, eventId, typeId)).body.order.id;
};

const pendingOrder = async (): Promise<string> => {
  const { eventId, typeId } = await onSale(app.admin);
  return (await book(app.guest, eventId, typeId)).body.order.id;
};

const venue = { name: 'Hall', timezone: 'Europe/Berlin' };
const makeVenue = async (): Promise<string> => (await app.admin.post('/venues', venue)).body.id;
const plan = {
  name: 'End stage',
  sections: [{ name: 'Stalls', category: 'Stalls', rows: [{ label: 'A', seats: '1-3' }] }],
};
const other = { ...plan, name: 'In the round' };
const at = { x: 0, y: 0 };
const seatingPlan = {
  name: 'Chamber hall',
  categories: [{ name: 'Stalls', color: '#2255aa' }],
  zones: [
    {
      name: 'Stalls',
      position: at,
      rows: [
        {
          row_number: '1',
          position: at,
          seats: [{ seat_number: '1', position: at, category: 'Stalls' }],
        },
      ],
    },
  ],
};

const promotions: Readonly<Record<string, () => Promise<Request>>> = {
  '/events/:id/promo-codes': async () => ({
    path: `/events/${await published()}/promo-codes`,
    body: { code: 'EARLY-BIRD', kind: 'percent', percent: 20 },
  }),
  '/events/:id/promo-codes/bulk': async () => ({
    path: `/events/${await published()}/promo-codes/bulk`,
    body: { count: 3, batch: 'May', kind: 'percent', percent: 20 },
  }),
  '/organizers/:id/credits': async () => ({
    path: own('credits'),
    body: { amount: eur(500) },
  }),
};

/** What happens to an event after it was sold. */
const changes: Readonly<Record<string, () => Promise<Request>>> = {
  '/events/:id/reschedule': async () => ({
    path: `/events/${await published()}/reschedule`,
    body: { startsAt: inDays(50) },
  }),
  '/orders/:id/remedy': async () => {
    const orderId = await freeOrder();
    const { eventId } = (await app.admin.get(`/orders/${orderId}`)).body;
    await app.admin.post(`/events/${eventId}/reschedule`, { startsAt: inDays(50) });
    await app.drainJobs();
    return { path: `/orders/${orderId}/remedy`, body: { remedy: 'keep' } };
  },
};

/** Places given away at a new event. */
async function gift(): Promise<Request> {
  const { eventId, typeId } = await onSale(app.admin);
  const items = [{ ticketTypeId: typeId, quantity: 1 }];
  const body = { items, recipient: somebody(), reason: 'Crew' };
  return { path: `/events/${eventId}/complimentary`, body };
}

/** A gift that somebody else has asked for, and that takes two people. */
async function asked(): Promise<string> {
  const limits = (complimentaryAbove: number | null) =>
    app.admin.put(own('approvals'), { refundAboveMinor: null, complimentaryAbove });
  const key = await app.admin.post('/api-keys', { name: 'k', role: 'manager' });
  await limits(0);
  const { path, body } = await gift();
  const answer = await app.as(key.body.secret).post(path, body, newKey());
  await limits(null);
  expect(answer.status).toBe(202);
  return answer.body.approval.id;
}

const endpointInput = { url: 'https://example.org/hooks' };

async function endpoint(): Promise<string> {
  const made = await app.admin.post(own('webhook-endpoints'), endpointInput, newKey());
  expect(made.status).toBe(201);
  return `/webhook-endpoints/${made.body.id}`;
}

const webhooks: Readonly<Record<string, () => Promise<Request>>> = {
  '/organizers/:id/webhook-endpoints': async () => ({
    path: own('webhook-endpoints'),
    body: endpointInput,
  }),
  '/webhook-endpoints/:id/rotate-secret': async () => ({
    path: `${await endpoint()}/rotate-secret`,
  }),
  '/webhook-endpoints/:id/pause': async () => ({ path: `${await endpoint()}/pause` }),
  '/webhook-endpoints/:id/resume': async () => ({ path: `${await endpoint()}/resume` }),
  '/webhook-endpoints/:id/test': async () => ({ path: `${await endpoint()}/test` }),
  '/webhook-deliveries/:id/resend': async () => {
    const sent = await app.admin.post(`${await endpoint()}/test`, undefined, newKey());
    return { path: `/webhook-deliveries/${sent.body.id}/resend` };
  },
};

const office: Readonly<Record<string, () => Promise<Request>>> = {
  ...webhooks,
  '/events/:id/complimentary': gift,
  '/approvals/:id/approve': async () => ({ path: `/approvals/${await asked()}/approve` }),
  '/approvals/:id/reject': async () => ({ path: `/approvals/${await asked()}/reject` }),
  '/organizers/:id/tie-outs': async () => ({
    path: own('tie-outs'),
    body: { day: '2026-01-31' },
  }),
};

const people: Readonly<Record<string, () => Promise<Request>>> = {
  '/orders/:id/messages': async () => ({
    path: `/orders/${await freeOrder()}/messages`,
    body: { kind: 'order_confirmed' },
  }),
  '/sign-in': async () => ({ path: '/sign-in', body: { email: somebody().email } }),
  '/sign-in/verify': async () => {
    const { email } = somebody();
    await app.guest.post('/sign-in', { email });
    return { path: '/sign-in/verify', body: { email, code: await codeSent(app, email) } };
  },
  '/sign-out': async () => ({ path: '/sign-out' }),
};

/** A request that succeeds, for every POST whose answer the kernel stores. */
const requests: Readonly<Record<string, () => Promise<Request>>> = {
  ...changes,
  ...office,
  '/events': async () => ({ path: '/events', body: event }),
  '/events/:id/publish': async () => ({ path: `/events/${await draft()}/publish` }),
  '/events/:id/clone': async () => ({
    path: `/events/${await published()}/clone`,
    body: { startsAt: inDays(20) },
  }),
  '/events/:id/cancel': async () => ({ path: `/events/${await published()}/cancel`, body: {} }),
  '/events/:id/sales/pause': async () => ({ path: `/events/${await published()}/sales/pause` }),
  '/events/:id/sales/close': async () => ({ path: `/events/${await published()}/sales/close` }),
  '/events/:id/sales/resume': async () => {
    const id = await published();
    await app.admin.post(`/events/${id}/sales/pause`);
    return { path: `/events/${id}/sales/resume` };
  },
  '/events/:id/pools': async () => ({
    path: `/events/${await published()}/pools`,
    body: { name: 'Floor', capacity: 5 },
  }),
  '/events/:id/ticket-types': async () => ({
    path: `/events/${await published()}/ticket-types`,
    body: { name: 'Reduced', price: eur(900), capacity: 5 },
  }),
  '/orders/:id/cancel': async () => ({ path: `/orders/${await pendingOrder()}/cancel` }),
  '/orders/:id/refunds': async () => ({
    path: `/orders/${await freeOrder()}/refunds`,
    body: { reason: 'Cannot come' },
  }),
  '/events/:id/allocations': async () => {
    const { event: made, eventId } = await onSale(app.admin);
    const poolId = made.ticketTypes[0]?.poolId;
    return {
      path: `/events/${eventId}/allocations`,
      body: { name: 'Sponsors', poolId, quantity: 2 },
    };
  },
  '/venues': async () => ({ path: '/venues', body: venue }),
  '/venues/:id/configurations': async () => ({
    path: `/venues/${await makeVenue()}/configurations`,
    body: plan,
  }),
  '/venues/:id/configurations/import': async () => ({
    path: `/venues/${await makeVenue()}/configurations/import`,
    body: seatingPlan,
  }),
  '/configurations/:id/publish': async () => {
    const path = `/venues/${await makeVenue()}/configurations`;
    const made = await app.admin.post(path, { ...plan, draft: true });
    return { path: `/configurations/${made.body.id}/publish` };
  },
  '/events/:id/configuration': async () => {
    const path = `/venues/${await makeVenue()}/configurations`;
    const [now, then] = [await app.admin.post(path, plan), await app.admin.post(path, other)];
    const made = await app.admin.post('/events', { ...event, configurationId: now.body.id });
    const body = { configurationId: then.body.id };
    return { path: `/events/${made.body.id}/configuration`, body };
  },
  '/orders/:id/tickets/:ticketId/reissue': async () => {
    const orderId = await freeOrder();
    const [ticket] = (await app.admin.get(`/orders/${orderId}`)).body.tickets;
    return { path: `/orders/${orderId}/tickets/${ticket.id}/reissue` };
  },
  ...promotions,
  ...people,
  '/users': async () => ({ path: '/users', body: somebody() }),
  '/api-keys': async () => ({ path: '/api-keys', body: { name: 'k', role: 'box_office' } }),
  '/organizers': async () => ({ path: '/organizers', body: { name: 'O' } }),
};

/** Until a session waits for a lock that `holder` has. */
const somebodyWaitsFor = (holder: Awaited<ReturnType<typeof connect>>) =>
  eventually(
    () =>
      holder.query(
        'select from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))',
      ),
    ({ rowCount }) => rowCount === 1,
  );

const storing = routes.filter((r) => r.idempotency === 'optional' || r.idempotency === 'required');
const isSame = (again: Answer, first: Answer) => {
  const { secret: _shown, token: _once, ...kept } = first.body as Record<string, unknown>;
  expect(again.body).toEqual(kept);
  expect(again.status).toBe(first.status);
};

describe('a POST', () => {
  it('of every kind is tried below', () => {
    expect(storing.map((route) => route.path).sort()).toEqual(Object.keys(requests).sort());
  });

  it.each(Object.keys(requests))('%s answers a repetition as it did at first', async (name) => {
    const { path, body } = (await requests[name]?.()) ?? expect.unreachable();
    const key = newKey();
    const first = await app.admin.post(path, body, key);
    expect(first.status, JSON.stringify(first.body)).toBeLessThan(300);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    const before = await digestOf(app);
    const again = await app.admin.post(path, body, key);
    isSame(again, first);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await digestOf(app)).toEqual(before);
  });

  it('with the same key and another body is refused', async () => {
    const key = newKey();
    await app.admin.post('/organizers', { name: 'One' }, key);
    const other = await app.admin.post('/organizers', { name: 'Two' }, key);
    expect(other.body).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
    const elsewhere = await app.admin.post('/users', somebody(), key);
    expect(elsewhere.body).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
  });

  it('on another event is another request', async () => {
    const key = newKey();
    await app.admin.post(`/events/${await published()}/sales/pause`, undefined, key);
    const other = await app.admin.post(`/events/${await published()}/sales/pause`, undefined, key);
    expect(other.body).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
  });

  it('does not care how its body is written', async () => {
    const key = newKey();
    const send = (body: string) =>
      fetch(`${app.origin}/api/v1/users`, {
        method: 'POST',
        headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json', ...key },
        body,
      });
    const first = await send('{"name":"É","email":"order@example.org"}');
    const again = await send('{ "email": "order@example.org",\n "name": "\\u00c9" }');
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(await again.json()).toEqual(await first.json());
  });
  const ADMIN = 'fk_admin_key_for_tests_0123456789';

  it('belongs to its caller', async () => {
    const second = await app.admin.post('/api-keys', { name: 'k', role: 'admin' });
    const other = app.as(second.body.secret);
    const key = newKey();
    const mine = await app.admin.post('/users', somebody(), key);
    const theirs = await other.post('/users', somebody(), key);
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(theirs.body.id).not.toBe(mine.body.id);
  });

  it('that was refused is a first try when it comes again', async () => {
    const id = await draft();
    const key = newKey();
    const early = await app.admin.post(`/events/${id}/sales/pause`, undefined, key);
    expect(early.body).toMatchObject({ status: 409, code: 'sale_state' });
    await app.admin.post(`/events/${id}/publish`);
    const later = await app.admin.post(`/events/${id}/sales/pause`, undefined, key);
    expect(later).toMatchObject({ status: 200 });
    expect(later.headers.get('idempotency-replayed')).toBeNull();
  });

  it('that still runs is in flight', async () => {
    const id = await published();
    const other = await connect(app.database.url);
    await other.query('begin');
    await other.query('select from catalog.event where event_id = $1 for update', [id]);
    const key = newKey();
    const first = app.admin.post(`/events/${id}/sales/pause`, undefined, key);
    await somebodyWaitsFor(other);
    const second = await app.admin.post(`/events/${id}/sales/pause`, undefined, key);
    await other.query('commit');
    await other.end();
    expect(second.body).toMatchObject({ status: 409, code: 'request_in_flight' });
    expect(second.headers.get('retry-after')).toBe('1');
    expect((await first).status).toBe(200);
    isSame(await app.admin.post(`/events/${id}/sales/pause`, undefined, key), await first);
  });
});

describe('a key', () => {
  it.each([
    ['too long', 'x'.repeat(256)],
    ['4 kB long', 'x'.repeat(4_096)],
    ['with a space', 'a b'],
    ['beyond ASCII', 'caf\u00e9'],
    ['empty', ''],
  ])('%s is refused', async (_what, key) => {
    const answer = await app.admin.post('/organizers', { name: 'O' }, { 'idempotency-key': key });
    expect(answer.body).toMatchObject({ status: 400, code: 'idempotency_key_invalid' });
  });

  it('is not needed where a repetition does no harm, and is where it would', async () => {
    expect((await app.admin.post('/organizers', { name: 'O' })).status).toBe(201);
    const path = `/orders/${await freeOrder()}/refunds`;
    const answer = await app.admin.post(path, { reason: 'r' });
    expect(answer.body).toMatchObject({ status: 400, code: 'idempotency_key_required' });
  });

  it('of a guest is kept under a hash of what tells the guest apart', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const items = [{ ticketTypeId: typeId, quantity: 1 }];
    const device = `device-${randomUUID()}`;
    const headers = { 'x-device-token': device, ...newKey() };
    const held = await app.guest.post(`/events/${eventId}/holds`, { items }, headers);
    const again = await app.guest.post(`/events/${eventId}/holds`, { items }, headers);
    isSame(again, held);
    const { rows } = await app.ctx.db.pool.query<{ caller: string }>(
      'select caller from inventory.hold where hold_id = $1',
      [held.body.id],
    );
    expect(rows[0]?.caller).toMatch(/^device:/);
    expect(rows[0]?.caller).not.toContain(device);
  });
});
