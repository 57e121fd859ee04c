/** Codes that lower a price and codes that open a ticket type, from staff to the order. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { eur, inDays, newKey, onSale, payWith, somebody } from '../kit/given.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

/** An event with an ordinary ticket type at 25.00 and one at 40.00 that needs a code. */
async function sale(more: Record<string, unknown> = {}) {
  const { eventId, event } = await onSale(app.admin, {
    more: {
      ticketTypes: [
        { name: 'Standard', price: eur(2_500), capacity: 50 },
        { name: 'Friends', price: eur(4_000), capacity: 50, visibility: 'code' },
      ],
      ...more,
    },
  });
  const [standard = '', friends = ''] = event.ticketTypes.map(({ id }) => id);
  return { eventId, standard, friends, codes: `/events/${eventId}/promo-codes` };
}

async function makeCode(codes: string, body: object) {
  const made = await app.admin.post(codes, body, newKey());
  expect(made.body).toMatchObject({ disabled: false });
  return made.body.code as string;
}

const percent = (code: string, more: object = {}) => ({
  code,
  kind: 'percent',
  percent: 20,
  ...more,
});

function book(eventId: string, more: Record<string, unknown>, caller: Caller = app.guest) {
  return caller.post(
    `/events/${eventId}/bookings`,
    { buyer: somebody(), payment: { method: 'payment_intent' }, ...more },
    newKey(),
  );
}

const of = (ticketTypeId: string, quantity = 1) => ({ items: [{ ticketTypeId, quantity }] });

describe('A3 a promo code', () => {
  it('lowers the price of each ticket, and the order says so', async () => {
    const { eventId, standard, codes } = await sale();
    await makeCode(codes, percent('Early-Bird'));
    const booked = await book(eventId, { ...of(standard, 3), promoCode: 'early-bird' });
    expect(booked.body.order).toMatchObject({
      promoCode: 'EARLY-BIRD',
      total: eur(6_000),
      items: [{ unitPrice: eur(2_000), listPrice: eur(2_500) }],
      breakdown: [
        { kind: 'tickets', amount: eur(7_500) },
        { kind: 'discount', name: 'EARLY-BIRD', amount: eur(-1_500) },
      ],
      payments: [{ amount: eur(6_000) }],
    });
    await payWith(app, booked.body.payment.clientSecret);
    await app.drainJobs();
    const order = await app.as(booked.body.accessToken).get(`/orders/${booked.body.order.id}`);
    expect(order.body.tickets).toMatchObject([{ price: eur(2_000) }, {}, {}]);
    await expectAuditClean(app);
  });

  it.each([
    ['an amount', { kind: 'amount', amount: eur(600) }, 1_900],
    ['a price', { kind: 'fixed_price', amount: eur(1_000) }, 1_000],
    ['more than it costs', { kind: 'amount', amount: eur(9_999) }, 0],
  ])('of kind %s', async (_what, terms, total) => {
    const { eventId, standard, codes } = await sale();
    await makeCode(codes, { code: 'ANY-CODE', ...terms });
    const booked = await book(eventId, { ...of(standard), promoCode: 'ANY-CODE' });
    expect(booked.body.order.total).toEqual(eur(total));
  });

  it('of 100 % makes a free order, confirmed at once without a payment', async () => {
    const { eventId, standard, codes } = await sale();
    await makeCode(codes, { code: 'FREE', kind: 'percent', percent: 100 });
    const booked = await book(eventId, { ...of(standard, 2), promoCode: 'FREE' });
    expect(booked.body).toMatchObject({
      order: { status: 'confirmed', total: eur(0), payments: [] },
      payment: { provider: 'none' },
    });
    await expectAuditClean(app);
  });

  it('is for some ticket types only, and refused where it is for none of them', async () => {
    const { eventId, standard, friends, codes } = await sale();
    await makeCode(codes, percent('FRIENDS-ONLY', { ticketTypeIds: [friends], unlocks: true }));
    const none = await book(eventId, { ...of(standard), promoCode: 'FRIENDS-ONLY' });
    expect(none.body).toMatchObject({ status: 422, code: 'promo_code_invalid' });
    const items = [...of(standard).items, ...of(friends).items];
    const both = await book(eventId, { items, promoCode: 'FRIENDS-ONLY' });
    expect(both.body.order.items).toMatchObject([
      { unitPrice: eur(2_500) },
      { unitPrice: eur(3_200), listPrice: eur(4_000) },
    ]);
  });

  it('that is unknown, ended, not begun or disabled is answered alike', async () => {
    const { eventId, standard, codes } = await sale();
    await makeCode(codes, percent('ENDED', { validUntil: '2020-01-01T00:00:00Z' }));
    await makeCode(codes, percent('LATER', { validFrom: inDays(9) }));
    await makeCode(codes, percent('GONE'));
    expect((await app.admin.delete(`${codes}/gone`)).status).toBe(204);
    for (const promoCode of ['ENDED', 'LATER', 'GONE', 'NEVER-WAS']) {
      const answers = [
        await app.guest.post(`${codes}/check`, { code: promoCode }),
        await book(eventId, { ...of(standard), promoCode }),
        await app.guest.post(`/events/${eventId}/holds`, { ...of(standard), promoCode }, newKey()),
      ];
      for (const { body } of answers) {
        const { requestId: _one, instance: _two, ...told } = body;
        expect(told).toEqual({
          type: expect.any(String),
          title: 'This code is not valid here',
          status: 422,
          code: 'promo_code_invalid',
        });
      }
    }
  });

  it('is for so many tickets of one order', async () => {
    const { eventId, standard, codes } = await sale();
    await makeCode(codes, percent('TWO-ONLY', { maxTickets: 2 }));
    const three = await book(eventId, { ...of(standard, 3), promoCode: 'TWO-ONLY' });
    expect(three.body).toMatchObject({ status: 422, code: 'promo_code_over_limit' });
    const two = await book(eventId, { ...of(standard, 2), promoCode: 'TWO-ONLY' });
    expect(two.status).toBe(201);
  });

  it('can be used so often; a use comes back when its order comes to nothing', async () => {
    const { eventId, standard, codes } = await sale();
    await makeCode(codes, percent('ONCE', { maxUses: 1 }));
    const use = () => book(eventId, { ...of(standard), promoCode: 'ONCE' });
    const first = await use();
    expect((await use()).body).toMatchObject({ status: 409, code: 'promo_code_used_up' });
    expect((await app.guest.post(`${codes}/check`, { code: 'ONCE' })).body.code).toBe(
      'promo_code_used_up',
    );
    await app.as(first.body.accessToken).post(`/orders/${first.body.order.id}/cancel`);
    const second = await use();
    expect(second.status).toBe(201);
    await payWith(app, second.body.payment.clientSecret, 'pm_card_chargeDeclined');
    await app.drainJobs();
    const third = await use();
    expect(third.status).toBe(201);
    await payWith(app, third.body.payment.clientSecret);
    await app.drainJobs();
    // Given back for money, it has been used all the same.
    await app.admin.post(`/orders/${third.body.order.id}/cancel`);
    expect((await use()).body.code).toBe('promo_code_used_up');
    const listed = await app.admin.get(codes);
    expect(listed.body.data).toMatchObject([{ code: 'ONCE', uses: { orders: 1, tickets: 1 } }]);
    await expectAuditClean(app);
  });

  it('answers a repeated booking as at first, also when it has been used up by it', async () => {
    const { eventId, standard, codes } = await sale();
    await makeCode(codes, percent('ONE-USE', { maxUses: 1 }));
    const body = {
      ...of(standard),
      promoCode: 'ONE-USE',
      buyer: somebody(),
      payment: { method: 'payment_intent' },
    };
    const key = newKey();
    const [first, again] = [
      await app.guest.post(`/events/${eventId}/bookings`, body, key),
      await app.guest.post(`/events/${eventId}/bookings`, body, key),
    ];
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.body.order).toEqual(first.body.order);
  });

  it('keeps what was bought with it when it changes', async () => {
    const { eventId, standard, codes } = await sale();
    await makeCode(codes, percent('CHANGES'));
    const booked = await book(eventId, { ...of(standard), promoCode: 'CHANGES' });
    const changed = await app.admin.put(`${codes}/CHANGES`, { kind: 'percent', percent: 50 });
    expect(changed.body).toMatchObject({ percent: 50, uses: { orders: 1 } });
    const later = await book(eventId, { ...of(standard), promoCode: 'CHANGES' });
    expect(later.body.order.total).toEqual(eur(1_250));
    const order = await app.as(booked.body.accessToken).get(`/orders/${booked.body.order.id}`);
    expect(order.body.total).toEqual(eur(2_000));
    const fewer = await app.admin.put(`${codes}/CHANGES`, {
      kind: 'percent',
      percent: 50,
      maxUses: 1,
    });
    expect(fewer.body).toMatchObject({ status: 409, code: 'max_uses_below_used' });
  });

  it.each([
    [{ kind: 'percent' }, 'percent', 'wrong_kind'],
    [{ kind: 'percent', percent: 10, amount: eur(1) }, 'amount', 'wrong_kind'],
    [
      { kind: 'amount', amount: { amount: 1, currency: 'USD' } },
      'amount.currency',
      'wrong_currency',
    ],
    [{ kind: 'amount', amount: eur(0) }, 'amount', 'nothing_off'],
    [{ kind: 'unlock', unlocks: false }, 'unlocks', 'wrong_kind'],
    [{ kind: 'percent', percent: 101 }, 'percent', 'too_big'],
    [{ kind: 'percent', percent: 10, code: 'a b' }, 'code', 'invalid_promo_code'],
    [
      { kind: 'unlock', ticketTypeIds: ['tt_00vtdzt3h1k4r00vtdzt3k7m2q9x4c5b8n3w6'] },
      'ticketTypeIds.0',
      'unknown_ticket_type',
    ],
  ])('is not made of %o', async (wrong, path, code) => {
    const { codes } = await sale();
    const made = await app.admin.post(codes, { code: 'WRONG', ...wrong }, newKey());
    expect(made.body).toMatchObject({ status: 422, issues: [{ path, code }] });
  });

  it('is made once', async () => {
    const { codes } = await sale();
    await makeCode(codes, percent('TWICE'));
    const again = await app.admin.post(codes, percent('twice'), newKey());
    expect(again.body).toMatchObject({ status: 409, code: 'promo_code_exists' });
  });

  it('says beforehand what it would do', async () => {
    const { standard, friends, codes } = await sale();
    await makeCode(codes, percent('LOOK', { unlocks: true, maxTickets: 4 }));
    const checked = await app.guest.post(`${codes}/check`, { code: 'look' });
    expect(checked.body).toEqual({
      code: 'LOOK',
      maxTickets: 4,
      validUntil: null,
      ticketTypes: [
        {
          id: standard,
          name: 'Standard',
          price: eur(2_500),
          priceWithCode: eur(2_000),
          unlocked: false,
        },
        {
          id: friends,
          name: 'Friends',
          price: eur(4_000),
          priceWithCode: eur(3_200),
          unlocked: true,
        },
      ],
    });
  });
});

describe('B2 a ticket type that needs a code', () => {
  it('is neither shown nor sold without one that opens it', async () => {
    const { eventId, standard, friends, codes } = await sale();
    await makeCode(codes, percent('CHEAPER'));
    const seen = await app.guest.get(`/events/${eventId}`);
    expect(seen.body.ticketTypes.map(({ id }: { id: string }) => id)).toEqual([standard]);
    const hold = (body: object) => app.guest.post(`/events/${eventId}/holds`, body, newKey());
    for (const promoCode of [{}, { promoCode: 'CHEAPER' }]) {
      const wanted = { ...of(friends), ...promoCode };
      const answers = [await hold(wanted), await book(eventId, wanted)];
      expect(answers.map(({ body }) => [body.status, body.code])).toEqual([
        [409, 'code_required'],
        [409, 'code_required'],
      ]);
    }
  });

  it('is opened by a code for a hold, and the booking uses that code', async () => {
    const { eventId, friends, codes } = await sale();
    await makeCode(codes, { code: 'OPEN', kind: 'unlock', maxUses: 1 });
    const hold = () =>
      app.guest.post(`/events/${eventId}/holds`, { ...of(friends), promoCode: 'OPEN' }, newKey());
    const [one, two] = [await hold(), await hold()];
    expect(one.body).toMatchObject({ promoCode: 'OPEN', total: eur(4_000) });
    // However many holds it has opened, it is one order's.
    const [first, second] = [
      await book(eventId, { holdId: one.body.id }),
      await book(eventId, { holdId: two.body.id }),
    ];
    expect(first.body.order.promoCode).toBe('OPEN');
    expect(second.body).toMatchObject({ status: 409, code: 'promo_code_used_up' });
    await expectAuditClean(app);
  });

  it('is not had by leaving the code away, or by another one', async () => {
    const { eventId, friends, codes } = await sale();
    await makeCode(codes, { code: 'OPEN', kind: 'unlock', maxUses: 1 });
    await makeCode(codes, percent('OTHER'));
    const held = await app.guest.post(
      `/events/${eventId}/holds`,
      { ...of(friends), promoCode: 'OPEN' },
      newKey(),
    );
    for (const promoCode of [null, 'OTHER']) {
      const booked = await book(eventId, { holdId: held.body.id, promoCode });
      expect(booked.body).toMatchObject({ status: 409, code: 'code_required' });
    }
    expect((await book(eventId, { holdId: held.body.id })).status).toBe(201);
  });

  it('is swapped in with a code, and not without', async () => {
    const { eventId, standard, friends, codes } = await sale();
    await makeCode(codes, { code: 'OPEN', kind: 'unlock' });
    const held = await app.guest.post(`/events/${eventId}/holds`, of(standard), newKey());
    const path = `/holds/${held.body.id}`;
    expect((await app.guest.put(path, of(friends))).body.code).toBe('code_required');
    const swapped = await app.guest.put(path, { ...of(friends), promoCode: 'open' });
    expect(swapped.body).toMatchObject({ promoCode: 'OPEN', items: [{ ticketTypeId: friends }] });
    const more = await app.guest.put(path, of(friends, 2));
    expect(more.body).toMatchObject({ promoCode: 'OPEN', items: [{ quantity: 2 }] });
    expect((await app.guest.put(path, { ...of(friends), promoCode: null })).body.code).toBe(
      'code_required',
    );
    const back = await app.guest.put(path, { ...of(standard), promoCode: null });
    expect(back.body).toMatchObject({ promoCode: null, items: [{ ticketTypeId: standard }] });
  });

  it('is answered to a repetition as at first, also when the code has ended since', async () => {
    const { eventId, friends, codes } = await sale();
    await makeCode(codes, { code: 'OPEN', kind: 'unlock' });
    const key = newKey();
    const hold = () =>
      app.guest.post(`/events/${eventId}/holds`, { ...of(friends), promoCode: 'OPEN' }, key);
    const first = await hold();
    await app.admin.delete(`${codes}/OPEN`);
    const again = await hold();
    expect([again.status, again.body]).toEqual([201, first.body]);
  });

  it('keeps its own window all the same', async () => {
    const { eventId, friends, codes } = await sale({
      ticketTypes: [
        { name: 'Standard', price: eur(2_500), capacity: 5 },
        {
          name: 'Later',
          price: eur(1_000),
          capacity: 5,
          visibility: 'code',
          salesOpenAt: inDays(5),
        },
      ],
    });
    await makeCode(codes, { code: 'OPEN', kind: 'unlock' });
    const booked = await book(eventId, { ...of(friends), promoCode: 'OPEN' });
    expect(booked.body.code).toBe('sale_not_open');
  });
});

describe('codes made by the thousand', () => {
  it('are each for one order, listed page by page and as a table', async () => {
    const { eventId, standard, codes } = await sale();
    const bulk = {
      count: 10_000,
      batch: 'Newsletter, May',
      prefix: 'MAY',
      kind: 'percent',
      percent: 10,
    };
    const made = await app.admin.post(`${codes}/bulk`, bulk, newKey());
    expect(made.status).toBe(201);
    const all = made.body.codes as string[];
    expect(new Set(all).size).toBe(10_000);
    expect(all.every((code) => /^MAY-[2-9A-HJ-NP-Z]{12}$/.test(code))).toBe(true);
    const use = () => book(eventId, { ...of(standard), promoCode: all[77] });
    expect((await use()).body.order.total).toEqual(eur(2_250));
    expect((await use()).body.code).toBe('promo_code_used_up');
    const page = await app.admin.get(`${codes}?limit=200&batch=Newsletter%2C%20May`);
    expect(page.body.data).toHaveLength(200);
    expect(page.body.nextCursor).not.toBeNull();
    const table = await app.admin.get(`${codes}/export`);
    expect(table.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const lines = (table.body as string).trim().split('\r\n');
    expect(lines).toHaveLength(10_001);
    expect(lines).toContain(`${all[77]},"Newsletter, May",1,1,false`);
    expect((await app.guest.get(`${codes}/export`)).status).toBe(401);
  });
});
