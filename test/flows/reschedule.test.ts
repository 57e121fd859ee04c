/** B4, F9, G11: what buyers get where an event is moved to another date. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { inDays, onSale } from '../kit/given.ts';
import { remediesOf } from '../kit/remedies.ts';

const DAY_MS = 86_400_000;

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ worker: true });
});
afterAll(() => app.close());

const { bought, offered, settled, cancel, progress } = remediesOf(() => app);

describe('a moved event', () => {
  it('B4 F9 keeps tickets valid, and money goes back to who asks for it in time', async () => {
    const { eventId, typeId, event } = await onSale(app.admin, {
      capacity: 10,
      more: { endsAt: inDays(30.1), salesCloseAt: inDays(29) },
    });
    const [asks, keeps] = [await bought(eventId, typeId), await bought(eventId, typeId, 1)];
    const read = (await app.admin.get(`/events/${eventId}`)).body;
    const put = await app.admin.put(`/events/${eventId}`, { ...read, startsAt: inDays(29.5) });
    expect(put.body).toMatchObject({ status: 409, code: 'use_reschedule' });
    const moved = await app.admin.post(`/events/${eventId}/reschedule`, {
      startsAt: inDays(60),
      chooseBy: inDays(7),
    });
    expect(moved.body).toMatchObject({ status: 'published', version: event.version + 1 });
    const wait = (at: string) => new Date(at).getTime() - new Date(moved.body.startsAt).getTime();
    expect(Math.abs(wait(moved.body.salesCloseAt) + DAY_MS)).toBeLessThan(2 * 3_600_000);
    expect((await offered(asks)).remedy).toMatchObject({
      ...{ choices: ['keep', 'refund'], default: 'keep' },
    });
    await offered(keeps);
    // It goes on selling; who buys now buys the new date.
    const late = await bought(eventId, typeId, 1);
    expect((await late.read()).remedy).toBeUndefined();
    expect((await late.choose('refund')).body.code).toBe('remedy_unavailable');
    expect((await asks.choose('refund')).body).toMatchObject({
      ...{ status: 'refunded', statusReason: 'event_rescheduled' },
    });
    app.clock.advance(8 * DAY_MS);
    expect((await settled(keeps)).remedy).toMatchObject({ chosen: 'keep', status: 'done' });
    expect(await keeps.read()).toMatchObject({
      status: 'confirmed',
      tickets: [{ status: 'valid', code: expect.any(String) }],
    });
    app.clock.advance(-8 * DAY_MS);
    const facts = await app.database.open(null).pool.query(
      `select kind from kernel.fact where event_id = $1
        union all select kind from kernel.outbox where event_id = $1`,
      [eventId],
    );
    expect(facts.rows.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['event_rescheduled', 'remedy_offered', 'remedy_chosen']),
    );
    expect(await progress(eventId)).toMatchObject({ kind: 'reschedule' });
    await expectAuditClean(app);
  });

  it('G11 a cancellation takes over from a move: what was kept is remedied too', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 10 });
    const [kept, open] = [await bought(eventId, typeId), await bought(eventId, typeId)];
    await app.admin.post(`/events/${eventId}/reschedule`, { startsAt: inDays(60) });
    await offered(kept);
    await offered(open);
    expect((await kept.choose('keep')).body).toMatchObject({ status: 'confirmed' });
    await cancel(eventId, {});
    await kept.until('refunded');
    await open.until('refunded');
    await expectAuditClean(app);
  });

  it('says what is wrong with a new date', async () => {
    const { eventId } = await onSale(app.admin);
    const { startsAt } = (await app.admin.get(`/events/${eventId}`)).body;
    const wrong = async (body: object) => {
      const answer = await app.admin.post(`/events/${eventId}/reschedule`, body);
      return [answer.status, answer.body.issues?.[0]?.code];
    };
    expect(await wrong({ startsAt })).toEqual([422, 'unchanged']);
    expect(await wrong({ startsAt: inDays(-3) })).toEqual([422, 'in_the_past']);
    expect(await wrong({ startsAt: inDays(9), chooseBy: inDays(10) })).toEqual([
      422,
      'after_event',
    ]);
  });
});
