/** Endpoints for webhooks, facts to send to them, and the sender run by hand. */
import { expect } from 'vitest';
import { inTx } from '../../server/kernel/db.ts';
import type { EventId } from '../../server/kernel/ids.ts';
import { record } from '../../server/kernel/outbox.ts';
import { ok } from '../../server/kernel/result.ts';
import { dueWebhooksRecurring } from '../../server/modules/webhooks/index.ts';
import type { TestApp } from './app.ts';
import { onSale } from './given.ts';
import { type Received, type Receiver, startReceiver } from './receiver.ts';
import { newOrganizer } from './staff.ts';

/** Lets webhooks go to receivers on this machine. */
export const PRIVATE = { WEBHOOKS_ALLOW_PRIVATE: '1' };

type Hooked = Awaited<ReturnType<typeof hooked>>;

/** An organizer of its own, with an endpoint that wants facts of these kinds. */
async function hooked(
  app: TestApp,
  receiver: Receiver,
  kinds: readonly string[] | null = ['event_changed'],
) {
  const { organizerId, staff } = await newOrganizer(app);
  const made = await staff.post(`/organizers/${organizerId}/webhook-endpoints`, {
    url: receiver.url,
    kinds,
  });
  expect(made.status).toBe(201);
  const at = `/webhook-endpoints/${made.body.id}`;
  return {
    organizerId,
    staff,
    at,
    id: made.body.id as string,
    secret: made.body.secret as string,
    read: async () => (await staff.get(at)).body,
    log: async () => (await staff.get(`${at}/deliveries?limit=200`)).body.data,
    newEvent: async () => (await onSale(staff)).eventId,
  };
}

/** Facts of an event that say nothing but that it changed. */
export async function announce(app: TestApp, eventId: string, times = 1): Promise<void> {
  for (let i = 0; i < times; i++) {
    const done = await inTx(app.ctx, async (tx) => {
      // Ids from answers are text.
      await record(tx, { kind: 'event_changed', eventId: eventId as EventId, data: {} });
      return ok(null);
    });
    expect(done.ok).toBe(true);
  }
}

/** What production does by itself: facts become messages, and what is due is sent. */
export async function sendAll(app: TestApp): Promise<void> {
  await app.drainFacts();
  await dueWebhooksRecurring.run(app.ctx);
  await app.drainJobs();
}

/** Lets time pass, and sends what is due then. */
export async function passTime(app: TestApp, seconds: number): Promise<void> {
  app.clock.advance(seconds * 1_000);
  await sendAll(app);
}

/** The numbers of an event's facts, as they came in. */
export const seqsOf = (received: readonly Received[], eventId: string): readonly number[] =>
  received
    .filter(({ message }) => message.data.eventId === eventId)
    .map(({ message }) => message.data.seq);

/** What became of the messages to an endpoint, in their order. */
export const statusesOf = async (hook: Hooked): Promise<readonly string[]> =>
  (await hook.log()).map(({ status }: { status: string }) => status).reverse();

const receivers: Receiver[] = [];

export async function receiver(): Promise<Receiver> {
  const made = await startReceiver();
  receivers.push(made);
  return made;
}

/** For the end of each test. */
export async function closeReceivers(): Promise<void> {
  for (const each of receivers.splice(0)) await each.close();
}

/** A receiver with an endpoint of an organizer of its own, and an event. */
export async function givenHook(app: TestApp, kinds?: readonly string[] | null) {
  const there = await receiver();
  const hook = await hooked(app, there, kinds);
  const eventId = await hook.newEvent();
  await sendAll(app);
  there.received.length = 0;
  return { there, hook, eventId };
}
