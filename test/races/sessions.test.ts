/**
 * B10: two tabs, two devices, a double click, a process that dies between two steps. A session has
 * one purchase at a time, of what was looked at, and its places are never lost on the way.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionSuffix } from '../../server/kernel/functions.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { barrier } from '../kit/barrier.ts';
import { book, onSale } from '../kit/given.ts';
import { callLane, newId, wordOf } from '../kit/lane-calls.ts';
import { beginToShop, codesOf, payFor, readyToBuy } from '../kit/shopper.ts';
import { installVariant } from '../kit/variants.ts';

const gate = barrier();
let app: TestApp;
beforeAll(async () => {
  app = await startApp({ pause: gate.pause });
  await installVariant(app.database.url, '_any_version', (text) =>
    text.replace(/when v_session\.version <> [\s\S]*? then 'changed'/, ''),
  );
  await installVariant(app.database.url, '_any_status', (text) =>
    text.replace("when v_session.status <> 'open' then v_session.status", ''),
  );
});
afterAll(() => app.close());

const query = (text: string, values: unknown[]) =>
  app.database
    .open(null)
    .pool.query(text, values)
    .then(({ rows }) => rows);
const ordersOf = (eventId: string) =>
  query('select order_id, status from orders.order where event_id = $1', [eventId]);
const holdsOf = (eventId: string) =>
  query('select hold_id, status, quantities from inventory.hold where event_id = $1', [eventId]);
const items = (typeId: string, quantity: number) => [{ ticketTypeId: typeId, quantity }];

describe('a purchase', () => {
  it('B10: asked for by many at once, under one key or several, is one order', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 10 });
    const shopper = await readyToBuy(app, eventId, typeId);
    const keys = ['a', 'a', 'b', 'c', 'c', 'd'];
    const answers = await Promise.all(keys.map((key) => shopper.purchase(key)));
    expect(answers.map(({ status }) => status)).toEqual(keys.map(() => 200));
    expect(new Set(answers.map(({ body }) => body.order.id)).size).toBe(1);
    expect(new Set(answers.map(({ body }) => body.payment.clientSecret)).size).toBe(1);
    expect(await ordersOf(eventId)).toHaveLength(1);
    await payFor(app, answers[0] ?? answers[1] ?? expect.unreachable());
    expect((await shopper.read()).order.tickets).toHaveLength(2);
    await expectAuditClean(app);
  });

  it('B10 G15: goes on where the process died, under the same key or another', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    for (const key of ['same', 'other']) {
      const shopper = await readyToBuy(app, eventId, typeId, { quantity: 1 });
      gate.dieAt('session.after_purchase');
      expect((await shopper.purchase('same')).status).toBe(500);
      expect(await shopper.read()).toMatchObject({
        status: 'purchasing',
        order: { status: 'pending' },
      });
      expect((await shopper.select(items(typeId, 1))).body.code).toBe('session_locked');
      const again = await shopper.purchase(key);
      await payFor(app, again);
      expect((await shopper.read()).status).toBe('completed');
    }
    expect(await ordersOf(eventId)).toHaveLength(2);
    await expectAuditClean(app);
  });

  it('B10 G15: a process that dies before it leaves the session open, with its places', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const shopper = await readyToBuy(app, eventId, typeId);
    gate.dieAt('session.before_purchase');
    expect((await shopper.purchase('key')).status).toBe(500);
    expect(await shopper.read()).toMatchObject({
      status: 'open',
      selection: { items: [{ quantity: 2 }] },
      issues: [],
    });
    expect((await shopper.purchase('key')).status).toBe(200);
    await expectAuditClean(app);
  });

  it('B10 G15: a lost answer of the provider is asked for again with the same key', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const shopper = await readyToBuy(app, eventId, typeId);
    const on = 'POST /v1/payment_intents';
    app.parts.sandbox?.setFaults({ rules: [{ kind: 'reset', on, times: 2 }] });
    const lost = await shopper.purchase('key');
    expect(lost.body).toMatchObject({ status: 503, code: 'payment_provider_unavailable' });
    const again = await shopper.purchase('key');
    expect(again.body).toMatchObject({ status: 'purchasing', order: { status: 'pending' } });
    // Another device, and a page that was loaded again, can pay it too.
    expect((await shopper.read()).payment).toEqual(again.body.payment);
    await payFor(app, again);
    expect((await shopper.read()).status).toBe('completed');
    await expectAuditClean(app);
  });

  it('B10 G6: is of what was looked at: a buyer who is changed meanwhile is counted first', async () => {
    const { eventId, typeId } = await onSale(app.admin, { more: { maxTicketsPerPerson: 2 } });
    const full = { name: 'Full', email: 'full@example.org' };
    await book(app.guest, eventId, typeId, { quantity: 2, buyer: full });
    const shopper = await readyToBuy(app, eventId, typeId);
    const stop = gate.stopAt('session.before_purchase');
    const purchased = shopper.purchase();
    await stop.arrived;
    expect(codesOf((await shopper.buyer(full)).body.issues)).toEqual(['per_person_limit']);
    stop.go();
    expect((await purchased).body).toMatchObject({
      code: 'session_has_issues',
      issues: [{ code: 'per_person_limit' }],
    });
    expect((await shopper.read()).status).toBe('open');
    await expectAuditClean(app);
  });

  it('B10: of two places that are written at once the later stays, and both parts are kept', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const shopper = await beginToShop(app, eventId);
    const stop = gate.stopAt('session.before_change');
    const early = shopper.payBy('simulated');
    await stop.arrived;
    await shopper.payBy('payment_intent');
    await shopper.buyer({ name: 'Ann', email: 'ann@example.org' });
    await shopper.select(items(typeId, 1));
    stop.go();
    expect((await early).body).toMatchObject({
      payment: { method: 'simulated' },
      buyer: { name: 'Ann' },
      selection: { items: [{ quantity: 1 }] },
      issues: [],
    });
    await expectAuditClean(app);
  });
});

describe('without the guards of sessions.purchase_batch', () => {
  /** A request of it, by hand, of a session that is ready. */
  async function asked(version: number) {
    const { eventId, typeId } = await onSale(app.admin);
    const shopper = await readyToBuy(app, eventId, typeId);
    const [session] = await query(
      'select version, hold_id, organizer_id from sessions.session where session_id = $1',
      [shopper.id],
    );
    const request = (key: string) => ({
      ...{ sessionId: shopper.id, version: session.version + version, holdId: session.hold_id },
      ...{ orderId: newId('ord', eventId), paymentId: newId('pay', eventId) },
      ...{ organizerId: session.organizer_id, userId: null, refundableUntil: null },
      ...{ buyerName: 'Ann', buyerEmail: 'ann@example.org', buyerPhone: null, currency: 'EUR' },
      ...{ method: 'payment_intent', caller: shopper.id, key, bodyHash: '00' },
      ...{ prices: null, creditMinor: 0, charges: null, checkSeconds: 45 },
      ...{ payAfterSeconds: null, actor: 'race' },
    });
    const call = async (suffix: string, key: string) =>
      wordOf(
        (
          await callLane(
            app.database.open(null).pool,
            `sessions.purchase_batch${suffix}`,
            eventId,
            [request(key)],
          )
        )[0],
      );
    return { eventId, shopper, call };
  }

  it('a session is bought that is not what was looked at any more', async () => {
    const { eventId, call } = await asked(-1);
    expect(await call(functionSuffix(), 'real')).toBe('changed');
    expect(await ordersOf(eventId)).toEqual([]);
    expect(await call('_any_version', 'variant')).toBe('placed');
  });

  it('a session that was left is bought all the same', async () => {
    const { eventId, shopper, call } = await asked(1);
    await query('update sessions.session set status = $2 where session_id = $1', [
      shopper.id,
      'abandoned',
    ]);
    await query('update sessions.session set version = version + 1 where session_id = $1', [
      shopper.id,
    ]);
    expect(await call(functionSuffix(), 'real')).toBe('abandoned');
    expect(await ordersOf(eventId)).toEqual([]);
    // Only the machine of its states is left to say no.
    await expect(call('_any_status', 'variant')).rejects.toThrow(/illegal session transition/);
  });

  it('called again with the same request it answers alike', async () => {
    const { eventId, shopper, call } = await asked(0);
    expect(await call(functionSuffix(), 'real')).toBe('placed');
    expect(await call(functionSuffix(), 'real')).toBe('placed');
    expect(await call(functionSuffix(), 'other')).toBe('purchasing');
    expect(await ordersOf(eventId)).toHaveLength(1);
    expect((await shopper.read()).status).toBe('purchasing');
  });
});

describe('a selection', () => {
  it('B10: made by two devices at once is one hold, and what was asked last', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 10 });
    const shopper = await beginToShop(app, eventId);
    const stop = gate.stopAt('session.after_hold');
    const first = shopper.select(items(typeId, 2));
    await stop.arrived;
    expect((await shopper.select(items(typeId, 3))).body.selection.items).toMatchObject([
      { quantity: 3 },
    ]);
    stop.go();
    expect((await first).body.selection.items).toMatchObject([{ quantity: 2 }]);
    expect(await holdsOf(eventId)).toMatchObject([{ status: 'active', quantities: [2] }]);
    await expectAuditClean(app);
  });

  it('B10 G15: whose process died is found again by the next', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 3 });
    const shopper = await beginToShop(app, eventId);
    gate.dieAt('session.after_hold');
    expect((await shopper.select(items(typeId, 2))).status).toBe(500);
    expect((await shopper.read()).selection).toBeNull();
    const again = await shopper.select(items(typeId, 3));
    expect(again.body.selection.items).toMatchObject([{ quantity: 3 }]);
    expect(await holdsOf(eventId)).toMatchObject([{ status: 'active', quantities: [3] }]);
    await expectAuditClean(app);
  });

  it('B10: granted to a session that was left meanwhile is given back', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 2 });
    const shopper = await beginToShop(app, eventId);
    const stop = gate.stopAt('session.after_hold');
    const late = shopper.select(items(typeId, 2));
    await stop.arrived;
    expect((await shopper.leave()).status).toBe(204);
    stop.go();
    expect((await late).body.code).toBe('session_ended');
    expect(await holdsOf(eventId)).toMatchObject([{ status: 'released' }]);
    expect((await book(app.guest, eventId, typeId, { quantity: 2 })).status).toBe(201);
    await expectAuditClean(app);
  });

  it('B10: changed while the session is purchased stays as it was purchased', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 10 });
    const shopper = await readyToBuy(app, eventId, typeId);
    const stop = gate.stopAt('session.before_selection');
    const late = shopper.select(items(typeId, 5));
    await stop.arrived;
    const purchased = await shopper.purchase();
    stop.go();
    expect((await late).body).toMatchObject({ status: 409, code: 'session_locked' });
    expect(purchased.body.order.items).toMatchObject([{ quantity: 2 }]);
    expect(await holdsOf(eventId)).toMatchObject([{ status: 'active', quantities: [2] }]);
    await expectAuditClean(app);
  });
});

describe('leaving', () => {
  it('B10: while the money is being taken waits for it; after that there is nothing to leave', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const shopper = await readyToBuy(app, eventId, typeId);
    const purchased = await shopper.purchase();
    const stop = gate.stopAt('settle.before_capture');
    const paid = payFor(app, purchased);
    await stop.arrived;
    expect((await shopper.leave()).body).toMatchObject({
      status: 409,
      code: 'payment_in_progress',
    });
    stop.go();
    await paid;
    expect((await shopper.leave()).body.code).toBe('session_ended');
    expect((await shopper.read()).status).toBe('completed');
    await expectAuditClean(app);
  });
});
