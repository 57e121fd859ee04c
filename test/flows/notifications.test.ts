/** D8, notifications: who is told what, once, and what becomes of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { one } from '../../server/kernel/db.ts';
import { enqueue } from '../../server/kernel/jobs.ts';
import {
  forgetMessagesRecurring,
  reminderRecurring,
  SEND_JOB,
} from '../../server/modules/notifications/index.ts';
import { takePlace } from '../../server/modules/notifications/message.sql.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { book, inDays, newKey, onSale, payWith } from '../kit/given.ts';
import { deliver, mailbox } from '../kit/mailbox.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
  // A consumer begins with what comes after it was first seen.
  await app.drainFacts();
});
afterAll(async () => {
  await expectAuditClean(app);
  await app.close();
});

let buyers = 0;
function buyer(more: Record<string, unknown> = {}) {
  buyers += 1;
  return { name: 'Ada Lovelace', email: `ada${buyers}@example.org`, ...more };
}

async function bought(options: { more?: Record<string, unknown>; buyer?: object } = {}) {
  const { eventId, typeId } = await onSale(app.admin, { more: options.more ?? {} });
  const who = (options.buyer ?? buyer()) as { email: string };
  const booking = await book(app.guest, eventId, typeId, {
    ...{ quantity: 2, method: 'simulated', buyer: who },
  });
  expect(booking.status, JSON.stringify(booking.body)).toBe(201);
  await app.ctx.db.pool.query('update kernel.job set run_at = clock_timestamp()');
  await deliver(app);
  return {
    ...{ eventId, typeId, email: who.email, orderId: booking.body.order.id as string },
    token: booking.body.accessToken as string,
  };
}

const subjects = async (to: string) => (await mailbox(app, to)).map(({ subject }) => subject);

describe('D8 a confirmed order', () => {
  it('D8 is told by mail, with the tickets as PDF and an entry for the calendar', async () => {
    const { email, orderId, token } = await bought();
    const mails = await mailbox(app, email);
    expect(mails.map(({ subject }) => subject)).toEqual(['Your tickets: Test night']);
    const [mail] = mails;
    expect(mail?.attachments.map(({ fileName }) => fileName)).toEqual(['tickets.pdf', 'event.ics']);
    expect(mail?.text).toContain(`/api/v1/orders/${orderId}?access=${token}`);
    expect(mail?.text).toContain('2 × Standard');
    const path = `${app.origin}/sandbox/mailbox/${mail?.id}/attachments`;
    const pdf = await (await fetch(`${path}/0`)).text();
    expect(pdf.slice(0, 5)).toBe('%PDF-');
    expect(await (await fetch(`${path}/1`)).text()).toContain(`UID:${orderId}`);
  });

  it('D8 is told once, however often the fact comes', async () => {
    const { email } = await bought();
    const { pool } = app.database.open(null);
    await pool.query('update kernel.consumer set position = 0');
    await deliver(app);
    expect(await subjects(email)).toEqual(['Your tickets: Test night']);
  });

  it('D8 is told by text message, too, where there is a number', async () => {
    const phone = '+4930123456';
    await bought({ buyer: buyer({ phone }) });
    const [message] = await mailbox(app, phone);
    expect(message).toMatchObject({ channel: 'sms', html: null });
    expect(message?.text).toContain('/tickets.pdf?access=at_');
  });

  it('D8 names a buyer as they are called, and never as HTML or an advertisement', async () => {
    const { email } = await bought({ buyer: buyer({ name: '<script>alert(1)</script>' }) });
    const [mail] = await mailbox(app, email);
    expect(mail?.html).not.toContain('<script');
    const other = await bought({ buyer: buyer({ name: 'Win at https://spam.example' }) });
    const [second] = await mailbox(app, other.email);
    expect(second?.text).toMatch(/^Hello,/);
    expect(`${second?.html}${second?.text}`).not.toContain('spam.example');
  });

  it('D8 keeps the name of an event on one line of the head, escaped in the body', async () => {
    const name = 'Loud & <b>Live</b> “Bcc: all@example.org”';
    const { email } = await bought({ more: { name } });
    const [mail] = await mailbox(app, email);
    expect(mail?.subject).toBe(`Your tickets: ${name}`);
    expect(mail?.html).toContain('Loud &amp; &lt;b&gt;Live&lt;/b&gt;');
  });
});

describe('D8 what its buyer and its staff see', () => {
  it('is what was sent, without words and addresses', async () => {
    const { orderId, token, email } = await bought();
    const seen = await app.as(token).get(`/orders/${orderId}/messages`);
    expect(seen.body.data).toMatchObject([
      { kind: 'order_confirmed', channel: 'email', state: 'sent', reason: null },
    ]);
    expect(JSON.stringify(seen.body)).not.toContain(email);
    expect((await app.admin.get(`/orders/${orderId}/messages`)).body).toEqual(seen.body);
    expect((await app.guest.get(`/orders/${orderId}/messages`)).status).toBe(401);
  });

  it('D8 is left to a newer version where it alone knows what the letter says', async () => {
    const { eventId, orderId } = await bought();
    const { pool } = app.ctx.db;
    const { rows } = await pool.query(
      `insert into notifications.message (event_id, message_id, kind, channel, recipient,
         recipient_key, organizer_id, order_id, data, state, made_at)
       select event_id, 'msg_of_tomorrow', 'letter_of_tomorrow', channel, recipient, recipient_key,
         organizer_id, order_id, '{}', 'waiting', clock_timestamp()
       from notifications.message where event_id = $1 and order_id = $2
       returning jsonb_build_object('eventId', event_id, 'messageId', message_id) as data`,
      [eventId, orderId],
    );
    await enqueue(app.ctx.db, { kind: SEND_JOB, key: 'tomorrow', data: rows[0].data });
    const state = async () => {
      await pool.query('update kernel.job set run_at = clock_timestamp()');
      await app.drainJobs();
      const { rows: found } = await pool.query(
        `select state, reason from notifications.message where message_id = 'msg_of_tomorrow'`,
      );
      return found[0];
    };
    expect(await state()).toEqual({ state: 'waiting', reason: null });
    await pool.query(
      `update notifications.message set made_at = made_at - interval '25 hours'
       where message_id = 'msg_of_tomorrow'`,
    );
    expect(await state()).toEqual({ state: 'dropped', reason: 'unknown_kind' });
  });

  it('D8 can be sent again, three times an hour', async () => {
    const { orderId, token, email } = await bought();
    const again = () =>
      app.as(token).post(`/orders/${orderId}/messages`, { kind: 'order_confirmed' }, newKey());
    for (let times = 0; times < 3; times += 1) expect((await again()).status).toBe(201);
    const refused = await again();
    expect(refused).toMatchObject({ status: 429, body: { code: 'resent_too_often' } });
    await deliver(app);
    expect(await subjects(email)).toEqual(Array(4).fill('Your tickets: Test night'));
  });

  it('D8 can be sent again three times also by whoever asks for many at once', async () => {
    const { orderId, token, email } = await bought();
    const again = () =>
      app.as(token).post(`/orders/${orderId}/messages`, { kind: 'order_confirmed' }, newKey());
    const asked = await Promise.all(Array.from({ length: 10 }, again));
    const statuses = asked.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array(3).fill(201), ...Array(7).fill(429)]);
    await deliver(app);
    expect(await subjects(email)).toHaveLength(4);
  });
});

describe('D8 an order that ends', () => {
  it('is told when its payment fails', async () => {
    const { eventId, typeId } = await onSale(app.admin);
    const who = buyer();
    const { body } = await book(app.guest, eventId, typeId, { buyer: who });
    await payWith(app, body.payment.clientSecret, 'pm_card_chargeDeclined');
    await app.as(body.accessToken).post(`/orders/${body.order.id}/cancel`);
    await deliver(app);
    const [mail] = await mailbox(app, who.email);
    expect(mail?.subject).toBe('Your order has ended: Test night');
    expect(mail?.text).toContain('You gave it up.');
  });

  it('is told when its tickets are given back, with the sum', async () => {
    const { orderId, token, email } = await bought({ more: { refundableUntil: inDays(20) } });
    expect((await app.as(token).post(`/orders/${orderId}/cancel`)).status).toBe(200);
    await deliver(app);
    const [mail] = await mailbox(app, email);
    expect(mail?.subject).toBe('Tickets given back: Test night');
    expect(mail?.text).toContain('€50.00');
  });
});

describe('D8 a change of an event', () => {
  it('D8 is told to everybody who has tickets, once, with what they get', async () => {
    const { eventId, email, typeId } = await bought();
    const other = buyer();
    await book(app.guest, eventId, typeId, { method: 'simulated', buyer: other });
    await app.ctx.db.pool.query('update kernel.job set run_at = clock_timestamp()');
    await deliver(app);
    expect((await app.admin.post(`/events/${eventId}/cancel`)).status).toBe(200);
    await deliver(app);
    for (const to of [email, other.email]) {
      expect(await subjects(to)).toEqual(['Cancelled: Test night', 'Your tickets: Test night']);
      expect((await mailbox(app, to))[0]?.text).toContain('What you get: your money back.');
    }
  });

  it('D8 offers what its buyer may choose, and tells what was chosen', async () => {
    const { eventId, orderId, token, email } = await bought();
    await app.admin.post(`/events/${eventId}/cancel`, { remedies: ['refund', 'credit'] });
    await deliver(app);
    const [offered] = await mailbox(app, email);
    expect(offered?.subject).toBe('Cancelled: Test night');
    expect(offered?.text).toContain('your money back, or a credit with the organizer');
    const chosen = await app.as(token).post(`/orders/${orderId}/remedy`, { remedy: 'credit' });
    expect(chosen.status, JSON.stringify(chosen.body)).toBe(200);
    await deliver(app);
    expect(await subjects(email)).toEqual([
      ...['What you get: Test night', 'Cancelled: Test night', 'Your tickets: Test night'],
    ]);
    expect((await mailbox(app, email))[0]?.text).toContain('Credit code: ');
  });

  it('D8 names the new date of one that was moved', async () => {
    const { eventId, email } = await bought();
    const moved = { startsAt: '2036-06-02T20:00:00+02:00', remedies: ['refund'] };
    expect((await app.admin.post(`/events/${eventId}/reschedule`, moved)).status).toBe(200);
    await deliver(app);
    const [mail] = await mailbox(app, email);
    expect(mail?.subject).toBe('New date: Test night');
    expect(mail?.text).toMatch(/When: Monday,? 2 June 2036/);
  });
});

describe('D8 a reminder', () => {
  it('D8 comes the day before, once; and not to whoever wants none', async () => {
    const soon = { startsAt: new Date(Date.now() + 20 * 3_600_000).toISOString() };
    const { email, eventId, typeId } = await bought({ more: soon });
    const other = buyer();
    await book(app.guest, eventId, typeId, { method: 'simulated', buyer: other });
    await app.ctx.db.pool.query('update kernel.job set run_at = clock_timestamp()');
    await deliver(app);
    await reminderRecurring.run(app.ctx);
    await reminderRecurring.run(app.ctx);
    await deliver(app);
    expect(await subjects(email)).toEqual(['Soon: Test night', 'Your tickets: Test night']);

    const [mail] = await mailbox(app, email);
    const link = /<(http[^>]+)>/.exec(mail?.headers['List-Unsubscribe'] ?? '')?.[1] ?? '';
    expect(mail?.headers['List-Unsubscribe-Post']).toBe('List-Unsubscribe=One-Click');
    const shown = await fetch(link);
    expect([shown.status, await shown.text()]).toEqual([
      200,
      expect.stringContaining('No more such mail?'),
    ]);
    const form = { method: 'POST', body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }) };
    expect((await fetch(link, form)).status).toBe(200);
    expect((await fetch(`${link.slice(0, -1)}_`)).status).toBe(404);
    const again = await bought({ more: soon, buyer: buyer({ email }) });
    await reminderRecurring.run(app.ctx);
    await deliver(app);
    const messages = (await app.as(again.token).get(`/orders/${again.orderId}/messages`)).body.data;
    expect(messages).toMatchObject([
      { kind: 'order_confirmed', state: 'sent' },
      { kind: 'reminder', state: 'dropped', reason: 'opted_out' },
    ]);
  });
});

describe('D8 an address', () => {
  it('D8 to which mail comes back gets no more', async () => {
    const email = 'bounce+1@example.org';
    const first = await bought({ buyer: buyer({ email }) });
    const second = await bought({ buyer: buyer({ email }) });
    const stateOf = async ({ orderId, token }: typeof first) =>
      (await app.as(token).get(`/orders/${orderId}/messages`)).body.data[0];
    expect(await stateOf(first)).toMatchObject({ state: 'bounced', reason: 'nobody_there' });
    expect(await stateOf(second)).toMatchObject({ state: 'dropped', reason: 'bounced_before' });
    // Not for good: after thirty days it is tried anew.
    app.clock.advance(30 * 86_400_000);
    const later = { startsAt: inDays(60) };
    const third = await bought({ buyer: buyer({ email }), more: later });
    expect(await stateOf(third)).toMatchObject({ state: 'bounced', reason: 'nobody_there' });
    app.clock.advance(-30 * 86_400_000);
  });

  it('D8 gets twenty messages an hour; the next one waits', async () => {
    const email = 'often@example.org';
    const { eventId, typeId } = await onSale(app.admin, { capacity: 50 });
    for (let times = 0; times < 22; times += 1) {
      await book(app.guest, eventId, typeId, { method: 'simulated', buyer: buyer({ email }) });
    }
    await app.ctx.db.pool.query('update kernel.job set run_at = clock_timestamp()');
    await deliver(app);
    expect(await mailbox(app, email)).toHaveLength(20);
    await forgetMessagesRecurring.run(app.ctx);
    const metrics = (await app.guest.get('//metrics')).body as string;
    expect(metrics).toMatch(/^fanfare_messages_waiting 2$/m);
    expect(metrics).toMatch(/fanfare_messages_total\{.*outcome="limited"\} 2/);
    app.clock.advance(3_601_000);
    await app.ctx.db.pool.query('update kernel.job set run_at = clock_timestamp()');
    await deliver(app);
    expect(await mailbox(app, email)).toHaveLength(22);
    app.clock.advance(-3_601_000);
  });
});

describe('D8 very many at once', () => {
  it('D8 are laid out over time, after those that may go at once', async () => {
    const seconds: number[] = [];
    for (let many = 0; many < 160; many += 1) {
      seconds.push((await one(app.ctx.db, takePlace('mass', 20, 100))).seconds);
    }
    expect(seconds.slice(0, 90).every((wait) => wait === 0)).toBe(true);
    const last = seconds.at(-1) ?? 0;
    // Sixty too many, a twentieth of a second each, but for the time that asking has taken.
    expect(last).toBeGreaterThan(0.5);
    expect(last).toBeLessThanOrEqual(3.5);
    expect((await one(app.ctx.db, takePlace('soon', 40, 400))).seconds).toBe(0);
  });

  it('D8 are told slice by slice, and each once where a round goes on after a death', async () => {
    const { eventId, typeId } = await onSale(app.admin, { price: 0, capacity: 300 });
    const buyers = Array.from({ length: 203 }, () => buyer());
    // Together, so that they share their commits.
    const booked = await Promise.all(
      buyers.map((who) => book(app.guest, eventId, typeId, { buyer: who })),
    );
    expect(new Set(booked.map(({ status }) => status))).toEqual(new Set([201]));
    await app.ctx.db.pool.query(`delete from kernel.job where kind = 'send_message'`);
    await app.drainFacts();
    await app.ctx.db.pool.query(`delete from kernel.job where kind = 'send_message'`);
    const startsAt = new Date(Date.now() + 20 * 3_600_000);
    await app.admin.post(`/events/${eventId}/reschedule`, { startsAt, remedies: [] });
    await app.drainJobs();
    await app.drainFacts();
    const turn = async () => {
      await app.ctx.db.pool.query(
        `update kernel.job set run_at = clock_timestamp(), leased_until = null
         where kind = 'notify_round'`,
      );
      await app.drainJobs();
    };
    // The first slice is told; then the position is lost, and it is told again.
    await app.ctx.db.pool.query(`update notifications.round set position = ''`);
    for (let turns = 0; turns < 3; turns += 1) await turn();
    const { rows } = await app.ctx.db.pool.query(
      `select count(*)::int as owed, count(distinct order_id)::int as orders
       from notifications.message where event_id = $1 and kind = 'event_rescheduled'`,
      [eventId],
    );
    expect(rows).toEqual([{ owed: 203, orders: 203 }]);
  }, 120_000);
});

describe('D8 the language', () => {
  it('is the organizer’s', async () => {
    const { id } = (await app.admin.post('/organizers', { name: 'Halle Nord' })).body;
    const key = await app.admin.post('/api-keys', { name: 'A', role: 'admin', organizerId: id });
    const staff = app.as(key.body.secret);
    const path = `/organizers/${id}/mail-settings`;
    expect((await staff.get(path)).body).toEqual({
      organizerId: id,
      language: 'en',
      replyTo: null,
    });
    const wanted = { language: 'de', replyTo: 'tickets@example.org' };
    expect((await staff.put(path, wanted)).body).toEqual({ organizerId: id, ...wanted });
    const { eventId, typeId } = await onSale(staff, { price: 0 });
    const who = buyer();
    await book(app.guest, eventId, typeId, { method: 'simulated', buyer: who });
    await app.ctx.db.pool.query('update kernel.job set run_at = clock_timestamp()');
    await deliver(app);
    const [mail] = await mailbox(app, who.email);
    expect(mail?.subject).toBe('Ihre Tickets: Test night');
    expect(mail?.headers).toMatchObject({ 'Reply-To': 'tickets@example.org' });
    expect(mail?.headers['From']).toMatch(/^Halle Nord </);
  });
});
