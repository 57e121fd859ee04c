/** F13: two servers at once, a worker that dies, and one that comes late. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemIds } from '../../server/kernel/context.ts';
import { run } from '../../server/kernel/db.ts';
import { type EndpointId, type EventId, newScopedId } from '../../server/kernel/ids.ts';
import { insertDeliveries } from '../../server/modules/webhooks/delivery.sql.ts';
import { dueWebhooksRecurring } from '../../server/modules/webhooks/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { type Barrier, barrier } from '../kit/barrier.ts';
import { eventually } from '../kit/given.ts';
import {
  announce,
  closeReceivers,
  givenHook,
  PRIVATE,
  passTime,
  sendAll,
  seqsOf,
  statusesOf,
} from '../kit/outgoing.ts';

const POINT = 'webhook.before_post';

let one: TestApp;
let two: TestApp;
let held: Barrier;
beforeAll(async () => {
  held = barrier();
  one = await startApp({ env: PRIVATE, pause: held.pause });
  two = await startApp({ env: PRIVATE, database: one.database });
});
afterEach(closeReceivers);
afterAll(async () => {
  await two.close();
  await one.close();
});

const sorted = (seqs: readonly number[]) => [...seqs].sort((a, b) => a - b);

/** Both look for what is due, and send it. */
async function bothSend(): Promise<void> {
  for (const app of [one, two]) await dueWebhooksRecurring.run(app.ctx);
  await Promise.all([one.drainJobs(), two.drainJobs()]);
}

describe('F13 two servers', () => {
  it('that both work by themselves make each attempt once, in order for each event', async () => {
    const [a, b] = [
      await startApp({ env: PRIVATE, database: one.database, worker: true }),
      await startApp({ env: PRIVATE, database: one.database, worker: true }),
    ];
    try {
      const { there, hook, eventId } = await givenHook(one);
      const events = [eventId, await hook.newEvent(), await hook.newEvent()];
      // Every fifth fails at first.
      const failed = new Set<string>();
      there.answer(({ id, message }) => {
        if (message.data.seq % 5 !== 0 || failed.has(id)) return { status: 200 };
        failed.add(id);
        return { status: 500 };
      });
      for (let i = 0; i < 10; i++) for (const each of events) await announce(a, each);
      const delivered = async () => (await statusesOf(hook)).filter((s) => s === 'delivered');
      await eventually(delivered, (found) => found.length === 30, 60_000);
      expect(there.received).toHaveLength(30 + failed.size);
      expect(failed.size).toBeGreaterThan(3);
      for (const each of events) {
        const seqs = seqsOf(there.received, each);
        expect(new Set(seqs).size).toBe(10);
        expect(seqs).toEqual(sorted(seqs));
      }
    } finally {
      await a.close();
      await b.close();
    }
  });

  it('do not send what the other one is just sending, nor what is behind it', async () => {
    const { there, eventId } = await givenHook(one);
    await announce(one, eventId, 3);
    await one.drainFacts();
    const stop = held.stopAt(POINT);
    const sending = one.drainJobs();
    await stop.arrived;
    // The job of the endpoint is taken away, as if its lease had ended.
    await one.database.open(null).pool.query('update kernel.job set leased_until = null');
    await dueWebhooksRecurring.run(two.ctx);
    await two.drainJobs();
    expect(there.received).toEqual([]);
    stop.go();
    await sending;
    const seqs = seqsOf(there.received, eventId);
    expect(seqs).toHaveLength(3);
    expect(seqs).toEqual(sorted(seqs));
  });

  it('go on with what the other has claimed and left, and its late word counts for nothing', async () => {
    const { there, hook, eventId } = await givenHook(one);
    await announce(one, eventId, 2);
    await one.drainFacts();
    const stop = held.stopAt(POINT);
    const sending = one.drainJobs();
    await stop.arrived;
    await one.database.open(null).pool.query('update kernel.job set leased_until = null');
    one.clock.advance(61_000);
    await passTime(two, 61);
    expect(seqsOf(there.received, eventId)).toHaveLength(2);
    there.answer({ status: 500 });
    stop.go();
    await sending;
    // At least once: the late attempt was made, and is not in the log.
    const [first, second] = seqsOf(there.received, eventId);
    expect(seqsOf(there.received, eventId)).toEqual([first, second, first]);
    expect(await statusesOf(hook)).toEqual(['delivered', 'delivered']);
    expect((await hook.log()).map(({ attempts }: { attempts: [] }) => attempts.length)).toEqual([
      1, 1,
    ]);
  });

  it('lose nothing where one dies before it has posted', async () => {
    const { there, eventId } = await givenHook(one);
    await announce(one, eventId);
    await one.drainFacts();
    held.dieAt(POINT);
    await one.drainJobs();
    expect(there.received).toEqual([]);
    await bothSend();
    expect(there.received).toEqual([]);
    one.clock.advance(61_000);
    await passTime(two, 61);
    expect(seqsOf(there.received, eventId)).toHaveLength(1);
  });
});

describe('F13 the last message of an event', () => {
  it('leaves no later one behind that is written down at the same moment', async () => {
    const { there, hook, eventId } = await givenHook(one);
    for (let i = 0; i < 15; i++) {
      await announce(one, eventId);
      await one.drainFacts();
      await announce(one, eventId);
      // The first is being sent and its stream ended, while the second is being written down.
      await Promise.all([two.drainJobs(), one.drainFacts()]);
      await sendAll(one);
    }
    const seqs = seqsOf(there.received, eventId);
    expect(seqs).toHaveLength(30);
    expect(seqs).toEqual(sorted(seqs));
    expect(new Set(await statusesOf(hook))).toEqual(new Set(['delivered']));
  });

  it('waits for whoever is writing one down, whose row locks the stream', async () => {
    const { there, hook, eventId } = await givenHook(one);
    await announce(one, eventId);
    await one.drainFacts();
    const [{ seq }] = await hook.log();
    const writing = await beginToWrite(hook.id, eventId, seq + 1);
    there.answer(async () => {
      await writing.write();
      return { status: 200 };
    });
    const sending = one.drainJobs();
    await eventually(
      async () => there.received.length,
      (n) => n === 1,
    );
    await eventually(waiters, (n) => n === 1);
    there.answer({ status: 200 });
    await writing.commit();
    await sending;
    await sendAll(one);
    expect(there.received).toHaveLength(2);
  });

  it('waits for them also where it was sent by hand, and the stream is empty', async () => {
    const { hook, eventId } = await givenHook(one);
    await announce(one, eventId);
    await one.drainFacts();
    const [{ id, seq }] = await hook.log();
    await hook.staff.post(`${hook.at}/pause`);
    await hook.staff.post(`/webhook-deliveries/${id}/resend`);
    await one.drainJobs();
    expect(await statusesOf(hook)).toEqual(['delivered']);
    await hook.staff.post(`${hook.at}/resume`);
    const stop = held.stopAt('webhook.before_end');
    const sending = one.drainJobs();
    await stop.arrived;
    const writing = await beginToWrite(hook.id, eventId, seq + 1);
    await writing.write();
    stop.go();
    await eventually(waiters, (n) => n === 1);
    await writing.commit();
    await sending;
    await sendAll(one);
    expect(await statusesOf(hook)).toEqual(['delivered', 'delivered']);
  });
});

/** A consumer that has begun to write an event's next message down. */
async function beginToWrite(hookId: string, eventId: string, seq: number) {
  const client = await one.database.open('fanfare_app').pool.connect();
  await client.query('begin');
  // Ids from answers are text.
  const endpointId = hookId as EndpointId;
  const fact = { eventId: eventId as EventId, seq, kind: 'event_changed', body: '{}' };
  const to = [{ endpointId, deliveryId: newScopedId(systemIds, 'whd', endpointId) }];
  return {
    write: () => run({ kind: 'tx', client }, insertDeliveries(fact, to, null)),
    commit: async () => {
      await client.query('commit');
      client.release();
    },
  };
}

/** Sessions that wait for a lock, to write down what came of an attempt. */
async function waiters(): Promise<number> {
  const found = await one.database.open(null).pool.query(
    `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%webhooks.%'
       and datname = current_database()`,
  );
  return found.rowCount ?? 0;
}
