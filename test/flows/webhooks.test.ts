/** Facts sent to an organizer's own systems: what arrives there, and in which order. */
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { facts } from '../../server/facts/index.ts';
import {
  forgetDeliveriesRecurring,
  webhooksConsumer,
} from '../../server/modules/webhooks/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, eventually, onSale } from '../kit/given.ts';
import {
  announce,
  closeReceivers,
  givenHook,
  PRIVATE,
  passTime,
  receiver,
  sendAll,
  seqsOf,
  statusesOf,
} from '../kit/outgoing.ts';
import type { Received, Receiver } from '../kit/receiver.ts';
import { newOrganizer } from '../kit/staff.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ env: PRIVATE });
});
afterEach(closeReceivers);
afterAll(async () => {
  await expectAuditClean(app);
  await app.close();
});

const given = (kinds?: readonly string[] | null) => givenHook(app, kinds);

describe('F13 a purchase', () => {
  it('arrives as signed messages, in the order of its facts, each once', async () => {
    const { there, hook } = await given(null);
    const { eventId, typeId } = await onSale(hook.staff, { price: 0 });
    const booked = await book(app.guest, eventId, typeId, { method: 'simulated' });
    expect(booked.status).toBe(201);
    await sendAll(app);
    const told = await app.database
      .open(null)
      .pool.query(
        'select kind, seq, version, data, at from kernel.fact where event_id = $1 order by seq',
        [eventId],
      );
    const wanted = told.rows.filter(({ kind }) => facts[kind]?.topic !== 'ticket_availability');
    expect(wanted.map(({ kind }) => kind)).toContain('order_confirmed');
    expect(wanted.length).toBeLessThan(told.rows.length);
    expect(there.received.map(({ message }) => message)).toEqual(
      wanted.map(({ kind, seq, version, data, at }) => ({
        type: kind,
        timestamp: at.toISOString(),
        data: { ...data, eventId, seq, version },
      })),
    );
    for (const { headers, body, message } of there.received) {
      const verified = new Webhook(hook.secret).verify(body, headers as Record<string, string>);
      expect(verified).toEqual(message);
      expect(headers['content-type']).toBe('application/json');
      expect(body).not.toMatch(/example\.org|Buyer/);
    }
    expect(new Set(there.received.map(({ id }) => id)).size).toBe(there.received.length);
    expect(await statusesOf(hook)).toEqual(wanted.map(() => 'delivered'));
  });

  it('is told once, though the consumer repeats itself', async () => {
    const { there, hook, eventId } = await given();
    await announce(app, eventId);
    await sendAll(app);
    const { rows } = await app.database.open(null).pool.query(
      `select n, event_id as "eventId", seq, kind, version, data, at from kernel.fact
        where event_id = $1 and kind = 'event_changed'`,
      [eventId],
    );
    expect(rows).toHaveLength(1);
    for (let i = 0; i < 3; i++) await webhooksConsumer(facts).handle(app.ctx, rows[0]);
    await sendAll(app);
    expect(there.received).toHaveLength(1);
    expect(await hook.log()).toMatchObject([{ id: there.received[0]?.id, seq: rows[0].seq }]);
  });

  it('of an event that is deleted is told to the end', async () => {
    const { there, hook, eventId } = await given(['event_deleted']);
    expect((await hook.staff.delete(`/events/${eventId}`)).status).toBe(204);
    await sendAll(app);
    expect(there.received).toMatchObject([
      { message: { type: 'event_deleted', data: { eventId, organizerId: hook.organizerId } } },
    ]);
  });

  it('of one organizer is told to nobody else', async () => {
    const { there } = await given(null);
    const other = await given(null);
    await announce(app, other.eventId);
    await sendAll(app);
    expect([there.received.length, other.there.received.length]).toEqual([0, 1]);
  });

  it('that was before the endpoint is not told; what comes with holds is, to who asks', async () => {
    const { there, hook } = await given(['places_held']);
    const { eventId, typeId } = await onSale(hook.staff, { price: 0 });
    await book(app.guest, eventId, typeId, { method: 'simulated' });
    await sendAll(app);
    expect(there.received.map(({ message }) => message.type)).toEqual(['places_held']);
    const late = await receiver();
    await hook.staff.post(`/organizers/${hook.organizerId}/webhook-endpoints`, { url: late.url });
    await sendAll(app);
    expect(late.received).toEqual([]);
  });
});

describe('F13 an endpoint', () => {
  it('keeps what happens while it is paused, and gets it in its order', async () => {
    const { there, hook, eventId } = await given();
    expect((await hook.staff.post(`${hook.at}/pause`)).body).toMatchObject({ status: 'paused' });
    await announce(app, eventId, 3);
    await passTime(app, HOUR);
    expect(there.received).toEqual([]);
    expect(await statusesOf(hook)).toEqual(['waiting', 'waiting', 'waiting']);
    await hook.staff.post(`${hook.at}/resume`);
    await app.drainJobs();
    const seqs = seqsOf(there.received, eventId);
    expect(seqs).toHaveLength(3);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  });

  it('gets a new secret, and for a day signatures with both', async () => {
    const { there, hook, eventId } = await given();
    const { body } = await hook.staff.post(`${hook.at}/rotate-secret`);
    expect(body.secret).toMatch(/^whsec_/);
    expect(body.secret).not.toBe(hook.secret);
    await announce(app, eventId);
    await sendAll(app);
    await announce(app, eventId);
    await passTime(app, DAY + 1);
    const [during, later] = there.received.map(({ headers }) => headers);
    const signatures = [during, later].map(
      (h) => String(h?.['webhook-signature']).split(' ').length,
    );
    expect(signatures).toEqual([2, 1]);
    const check = (secret: string, at: number) => {
      const { body: text = '', headers = {} }: Partial<Received> = there.received[at] ?? {};
      // The library has no clock of its own to move.
      const seconds = Number(headers['webhook-timestamp']);
      const mine = new Webhook(secret).sign(
        String(headers['webhook-id']),
        new Date(seconds * 1_000),
        text,
      );
      return String(headers['webhook-signature']).split(' ').includes(mine);
    };
    expect([check(hook.secret, 0), check(body.secret, 0)]).toEqual([true, true]);
    expect([check(hook.secret, 1), check(body.secret, 1)]).toEqual([false, true]);
  });

  it('is tested by hand, also while it is paused: once, and nothing follows', async () => {
    const { there, hook } = await given();
    await hook.staff.post(`${hook.at}/pause`);
    const asked = await hook.staff.post(`${hook.at}/test`);
    expect(asked).toMatchObject({ status: 202, body: { kind: 'webhook_test', status: 'waiting' } });
    await app.drainJobs();
    there.answer({ status: 410 });
    await hook.staff.post(`${hook.at}/test`);
    await app.drainJobs();
    await passTime(app, DAY);
    expect(there.received).toHaveLength(2);
    expect(there.received[0]).toMatchObject({
      id: asked.body.id,
      message: { type: 'webhook_test', data: { endpointId: hook.id } },
    });
    expect(await statusesOf(hook)).toEqual(['delivered', 'failed']);
    expect(await hook.read()).toMatchObject({ status: 'paused', failingSince: null });
  });

  it('gets a message again by hand: one that arrived, one that was given up, one that waits', async () => {
    const { there, hook, eventId } = await given();
    await announce(app, eventId);
    await sendAll(app);
    const [{ id: arrived }] = await hook.log();
    await hook.staff.post(`/webhook-deliveries/${arrived}/resend`);
    await app.drainJobs();
    expect(there.received.map(({ id }) => id)).toEqual([arrived, arrived]);
    there.answer({ status: 500 });
    await hook.staff.post(`/webhook-deliveries/${arrived}/resend`);
    await announce(app, eventId, 2);
    await sendAll(app);
    const [, waiting] = await hook.log();
    expect((await hook.staff.get(`/webhook-deliveries/${arrived}`)).body).toMatchObject({
      status: 'delivered',
      attempts: [{ statusCode: 204 }, { statusCode: 204 }, { statusCode: 500 }],
    });
    expect(waiting).toMatchObject({ status: 'waiting', attempts: [{ statusCode: 500 }] });
    there.answer({ status: 200 });
    there.received.length = 0;
    await hook.staff.post(`/webhook-deliveries/${waiting.id}/resend`);
    await app.drainJobs();
    await sendAll(app);
    // The one behind it went out at once: its turn had come.
    expect(there.received.map(({ message }) => message.data.seq)).toEqual([
      waiting.seq,
      waiting.seq + 1,
    ]);
    expect(await statusesOf(hook)).toEqual(['delivered', 'delivered', 'delivered']);
  });

  it('shows its secret once, and its log to its own staff only', async () => {
    const { hook, eventId } = await given();
    expect(hook.secret).toMatch(/^whsec_/);
    const list = await hook.staff.get(`/organizers/${hook.organizerId}/webhook-endpoints`);
    expect(list.body.data).toMatchObject([{ id: hook.id, status: 'active' }]);
    expect(JSON.stringify([list.body, await hook.read()])).not.toContain('whsec_');
    await announce(app, eventId);
    await sendAll(app);
    const [{ id }] = await hook.log();
    const other = await newOrganizer(app);
    for (const path of [hook.at, `${hook.at}/deliveries`, `/webhook-deliveries/${id}`]) {
      expect((await other.staff.get(path)).status).toBe(404);
    }
    const page = await hook.staff.get(`${hook.at}/deliveries?limit=1`);
    expect(page.body).toMatchObject({ data: [{ id }], nextCursor: null });
  });

  it('is not slow for others: one that hangs holds up itself', async () => {
    const { there, hook, eventId } = await given();
    const quick = await given();
    there.answer('hang');
    await announce(app, eventId);
    await app.drainFacts();
    const running = app.drainJobs();
    await eventually(
      async () => there.received.length,
      (n) => n === 1,
    );
    await announce(app, quick.eventId);
    await app.drainFacts();
    await Promise.all([app.drainJobs(), hangUp(there, quick.there)]);
    await running;
    expect(quick.there.received).toHaveLength(1);
    expect(await hook.log()).toMatchObject([{ attempts: [{ error: 'connection_lost' }] }]);
  });

  it('is not slow for others: of all that hang of one organizer so many are waited for', async () => {
    const { there, hook, eventId } = await given();
    const quick = await given();
    const endpoint = { url: there.url, kinds: ['event_changed'] };
    for (let i = 1; i < 10; i++) {
      const made = await hook.staff.post(
        `/organizers/${hook.organizerId}/webhook-endpoints`,
        endpoint,
      );
      expect(made.status).toBe(201);
    }
    there.answer('hang');
    await announce(app, eventId);
    await app.drainFacts();
    const running = app.drainJobs();
    await eventually(
      async () => there.received.length,
      (n) => n === 4,
    );
    await announce(app, quick.eventId);
    await app.drainFacts();
    await Promise.all([app.drainJobs(), hangUp(there, quick.there)]);
    await running;
    expect(quick.there.received).toHaveLength(1);
    // The others have their turn when those have had theirs.
    there.answer({ status: 200 });
    await eventually(
      async () => {
        await sendAll(app);
        return new Set(there.received.map(({ id }) => id)).size;
      },
      (n) => n === 10,
    );
  });

  it('that is deleted gets nothing more, and nothing of it is left', async () => {
    const { there, hook, eventId } = await given();
    there.answer({ status: 500 });
    await announce(app, eventId, 2);
    await sendAll(app);
    expect((await hook.staff.delete(hook.at)).status).toBe(204);
    await passTime(app, HOUR);
    expect(there.received).toHaveLength(1);
    expect((await hook.staff.get(hook.at)).status).toBe(404);
    const left = await app.database.open(null).pool.query(
      `select endpoint_id from webhooks.delivery where endpoint_id = $1
       union all select endpoint_id from webhooks.stream where endpoint_id = $1
       union all select endpoint_id from webhooks.attempt where endpoint_id = $1`,
      [hook.id],
    );
    expect(left.rows).toEqual([]);
  });

  it('has a log that goes back thirty days', async () => {
    const { hook, eventId } = await given();
    await announce(app, eventId);
    await sendAll(app);
    app.clock.advance(29 * DAY * 1_000);
    await forgetDeliveriesRecurring.run(app.ctx);
    expect(await hook.log()).toHaveLength(1);
    app.clock.advance(2 * DAY * 1_000);
    await forgetDeliveriesRecurring.run(app.ctx);
    expect(await hook.log()).toEqual([]);
  });

  it('is one of twenty at most', async () => {
    const { organizerId, staff } = await newOrganizer(app);
    const path = `/organizers/${organizerId}/webhook-endpoints`;
    const url = 'https://example.org/hooks';
    const made = [];
    for (let i = 0; i < 21; i++) made.push((await staff.post(path, { url })).status);
    expect(made).toEqual([...Array(20).fill(201), 409]);
  });
});

describe('F13 an address that is not public', () => {
  it('is not taken, and not connected to where its name came to lead there', async () => {
    const strict = await startApp();
    const there = await receiver();
    try {
      const { organizerId, staff } = await newOrganizer(strict);
      const path = `/organizers/${organizerId}/webhook-endpoints`;
      const refused = await staff.post(path, { url: there.url });
      expect(refused.body).toMatchObject({ status: 422, code: 'webhook_url_refused' });
      const made = await staff.post(path, { url: 'https://example.org/hooks' });
      const at = `/webhook-endpoints/${made.body.id}`;
      expect((await staff.put(at, { url: there.url })).body.code).toBe('webhook_url_refused');
      const sql = 'update webhooks.endpoint set url = $1 where endpoint_id = $2';
      await strict.database.open(null).pool.query(sql, [there.url, made.body.id]);
      await staff.post(`${at}/test`);
      await strict.drainJobs();
      expect((await staff.get(`${at}/deliveries`)).body.data).toMatchObject([
        { status: 'failed', attempts: [{ statusCode: null, error: 'address_refused' }] },
      ]);
      expect(there.received).toEqual([]);
    } finally {
      await strict.close();
    }
  });
});

/** Once the quick one has its message, the one that hangs ends its connections. */
async function hangUp(hanging: Receiver, quick: Receiver): Promise<void> {
  await eventually(
    async () => quick.received.length,
    (n) => n === 1,
  );
  hanging.breakOff();
}
