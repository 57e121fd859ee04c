/** What is done for whoever asks to listen, before it is known whether they may. */
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { ADMIN_KEY, startApp, type TestApp } from '../../../test/kit/app.ts';
import { book, newKey, onSale } from '../../../test/kit/given.ts';
import { liveOf } from './live.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ env: { LIVE_LISTENERS: '1', LIVE_PER_CALLER: '1' } });
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(() => app.close());

/** An order and a shopping session, with what opens each. */
async function given() {
  const { eventId, typeId } = await onSale(app.admin);
  const { body: booked } = await book(app.guest, eventId, typeId);
  const session = await app.guest.post(`/events/${eventId}/shopping-sessions`, undefined, newKey());
  return [
    { path: `/orders/${booked.order.id}/live`, token: booked.accessToken },
    { path: `/shopping-sessions/${session.body.id}/live`, token: session.body.accessToken },
  ];
}

it('opens nothing for who has no right to it, or one too many', async () => {
  const opened = vi.spyOn(liveOf(app.ctx).objects, 'open');
  const [order, session] = await given();
  for (const { path, token } of [
    { path: order?.path ?? '', token: session?.token },
    { path: session?.path ?? '', token: order?.token },
  ]) {
    expect((await app.as(token).get(path)).status).toBe(404);
  }
  expect(opened).not.toHaveBeenCalled();
  const { path = '', token } = order ?? {};
  const full = await fetch(`${app.origin}/api/v1${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect([full.status, opened.mock.calls.length]).toEqual([200, 1]);
  expect((await app.as(ADMIN_KEY).get(session?.path ?? '')).body.code).toBe('live_full');
  expect(opened.mock.calls).toHaveLength(1);
  await full.body?.cancel();
});
