/** Webhooks that do not arrive: tried again, given up, and an endpoint that is disabled. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { deliver, mailbox } from '../kit/mailbox.ts';
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

const HOUR = 3_600;
const DAY = 24 * HOUR;
/** Each of the schedule is over then, however it was spread. */
const WAITS = [6, 330, 1_980, ...[2, 5, 10, 14, 20, 24].map((hours) => hours * HOUR * 1.1 + 1)];

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ env: PRIVATE });
});
afterEach(closeReceivers);
afterAll(async () => {
  await expectAuditClean(app);
  await app.close();
});

const given = () => givenHook(app);

describe('F13 an attempt that fails', () => {
  it.each([
    ['an error', { status: 500, body: 'Out of order' }, { statusCode: 500, error: null }],
    ['a redirect', { status: 302 }, { statusCode: 302, error: null }],
    ['no answer', 'break', { statusCode: null, error: 'connection_lost' }],
  ] as const)(
    'with %s is made again, under the same id, after five seconds',
    async (_what, reply, noted) => {
      const { there, hook, eventId } = await given();
      there.answer(reply);
      await announce(app, eventId);
      await sendAll(app);
      await passTime(app, 4);
      expect(there.received).toHaveLength(1);
      const [waiting] = await hook.log();
      expect(waiting).toMatchObject({ status: 'waiting', attempts: [{ number: 1, ...noted }] });
      expect(waiting.attempts[0].response).toBe(
        typeof reply === 'object' && 'body' in reply ? reply.body : '',
      );
      const waitMs = Date.parse(waiting.nextAttemptAt) - Date.parse(waiting.attempts[0].at);
      expect(waitMs).toBeGreaterThanOrEqual(5_000);
      expect(waitMs).toBeLessThan(7_000);
      there.answer({ status: 200 });
      await passTime(app, 2);
      const ids = there.received.map(({ id }) => id);
      expect(ids).toEqual([waiting.id, waiting.id]);
      expect(await hook.log()).toMatchObject([
        {
          status: 'delivered',
          nextAttemptAt: null,
          attempts: [{}, { number: 2, statusCode: 200 }],
        },
      ]);
      const [first, second] = there.received.map(({ headers }) =>
        Number(headers['webhook-timestamp']),
      );
      expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(5);
    },
  );

  it('holds up its event, and no other', async () => {
    const { there, hook, eventId } = await given();
    const otherId = await hook.newEvent();
    there.answer(({ message }) => ({ status: message.data.eventId === eventId ? 500 : 200 }));
    await announce(app, eventId, 3);
    await announce(app, otherId, 3);
    await sendAll(app);
    const seqs = seqsOf(there.received, eventId);
    expect(seqs).toHaveLength(1);
    const [first = 0] = seqs;
    const other = seqsOf(there.received, otherId);
    expect(other).toEqual([...other].sort((a, b) => a - b));
    expect(other).toHaveLength(3);
    there.answer({ status: 200 });
    await passTime(app, 6);
    expect(seqsOf(there.received, eventId)).toEqual([first, first, first + 1, first + 2]);
    expect(new Set(await statusesOf(hook))).toEqual(new Set(['delivered']));
  });

  it('the tenth time is the last, and the next message goes on', async () => {
    const { there, hook, eventId } = await given();
    there.answer(({ message }) => ({ status: message.data.seq === first ? 500 : 200 }));
    let first = -1;
    await announce(app, eventId);
    await app.drainFacts();
    first = (await hook.log())[0].seq;
    await sendAll(app);
    await announce(app, eventId);
    for (const wait of WAITS) await passTime(app, wait);
    // It was left alone for a while after so many failures.
    await passTime(app, 300);
    expect(seqsOf(there.received, eventId)).toEqual([...Array(10).fill(first), first + 1]);
    expect(await statusesOf(hook)).toEqual(['failed', 'delivered']);
    expect(await hook.read()).toMatchObject({ status: 'active', failingSince: null });
  });

  it('leaves the endpoint alone for as long as it asks', async () => {
    const { there, hook, eventId } = await given();
    there.answer({ status: 503, headers: { 'retry-after': '120' } });
    await announce(app, eventId);
    await sendAll(app);
    const otherId = await hook.newEvent();
    await announce(app, otherId);
    await passTime(app, 60);
    expect(there.received).toHaveLength(1);
    there.answer({ status: 200 });
    await passTime(app, 61);
    expect(there.received.map(({ message }) => message.data.eventId).sort()).toEqual(
      [eventId, eventId, otherId].sort(),
    );
  });

  it('with 410 disables the endpoint, which is announced; it can be resumed', async () => {
    const { there, hook, eventId } = await given();
    const watching = await receiver();
    await hook.staff.post(`/organizers/${hook.organizerId}/webhook-endpoints`, {
      url: watching.url,
      kinds: ['webhook_endpoint_disabled'],
    });
    there.answer({ status: 410 });
    await announce(app, eventId, 2);
    await sendAll(app);
    await sendAll(app);
    expect(await hook.read()).toMatchObject({ status: 'disabled', disabledReason: 'gone' });
    expect(watching.received).toMatchObject([
      {
        message: {
          type: 'webhook_endpoint_disabled',
          data: { organizerId: hook.organizerId, endpointId: hook.id, reason: 'gone', eventId },
        },
      },
    ]);
    await announce(app, eventId);
    await passTime(app, DAY);
    expect(there.received).toHaveLength(1);
    for (const path of [`${hook.at}/test`, `/webhook-deliveries/${there.received[0]?.id}/resend`]) {
      const answer = await hook.staff.post(path);
      expect(answer.body).toMatchObject({ status: 409, code: 'webhook_endpoint_disabled' });
    }
    there.answer({ status: 200 });
    const resumed = await hook.staff.post(`${hook.at}/resume`);
    expect(resumed.body).toMatchObject({
      status: 'active',
      disabledReason: null,
      failingSince: null,
    });
    await sendAll(app);
    // What waited was kept; what happened meanwhile was not.
    expect(seqsOf(there.received, eventId)).toHaveLength(3);
    expect(await statusesOf(hook)).toEqual(['delivered', 'delivered']);
  });

  it('disables the endpoint, which its organizer is told by mail, where they have an address', async () => {
    const [known, unknown] = [await given(), await given()];
    const replyTo = `${known.hook.id.toLowerCase()}@example.org`;
    const settings = { language: 'de', replyTo };
    const at = `/organizers/${known.hook.organizerId}/mail-settings`;
    expect((await app.admin.put(at, settings)).status).toBe(200);
    for (const { there, eventId } of [known, unknown]) {
      there.answer({ status: 410 });
      await announce(app, eventId);
    }
    await sendAll(app);
    await deliver(app);
    const about = (await mailbox(app)).filter(({ subject }) => /Webhooks|webhooks/.test(subject));
    expect(about).toMatchObject([
      { recipient: replyTo, subject: 'Ein Endpunkt bekommt keine Webhooks mehr' },
    ]);
    expect(about[0]?.text).toContain(known.hook.id);
  });

  it('for five days disables the endpoint, and not before', async () => {
    const { there, hook, eventId } = await given();
    there.answer({ status: 500 });
    await announce(app, eventId, 3);
    await sendAll(app);
    const since = (await hook.read()).failingSince;
    for (let hours = 0; hours < 119; hours += 7) await passTime(app, 7 * HOUR);
    expect(await hook.read()).toMatchObject({ status: 'active', failingSince: since });
    for (let hours = 0; hours < 35; hours += 7) await passTime(app, 7 * HOUR);
    expect(await hook.read()).toMatchObject({ status: 'disabled', disabledReason: 'failing' });
    const { rows } = await app.database.open(null).pool.query(
      `select data from (select kind, data from kernel.fact union all
        select kind, data from kernel.outbox) f
       where kind = 'webhook_endpoint_disabled' and data->>'endpointId' = $1`,
      [hook.id],
    );
    expect(rows).toEqual([
      {
        data: {
          organizerId: hook.organizerId,
          endpointId: hook.id,
          reason: 'failing',
          failingSince: since,
        },
      },
    ]);
  });

  it('long after the one before begins a new count', async () => {
    const { there, hook, eventId } = await given();
    there.answer({ status: 500 });
    await announce(app, eventId);
    await sendAll(app);
    for (const wait of WAITS) await passTime(app, wait);
    expect(await statusesOf(hook)).toEqual(['failed']);
    await announce(app, eventId);
    await passTime(app, 10 * DAY);
    expect(await hook.read()).toMatchObject({ status: 'active' });
    expect(await statusesOf(hook)).toEqual(['failed', 'waiting']);
  });
});
