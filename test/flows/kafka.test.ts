/** A sale, as those see it who read Kafka; and a sale while there is no Kafka. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Consumer } from '../../server/kernel/consumers.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { book, eventually, onSale, payWith } from '../kit/given.ts';
import { KAFKA_TEST_MAX_MS, KAFKA_WITHIN_MS, startKafka, type TestKafka } from '../kit/kafka.ts';
import { type Heard, readTopic } from '../kit/kafka-topic.ts';
import { requireEngine } from '../kit/requires.ts';
import { seatedSale } from '../kit/seated.ts';

const home = requireEngine('kafka');

describe.skipIf(home === undefined)('with Kafka', { timeout: KAFKA_TEST_MAX_MS }, () => {
  let kafka: TestKafka;
  let app: TestApp;
  beforeAll(async () => {
    kafka = await startKafka(home ?? '');
    app = await startApp({ env: { KAFKA_BROKERS: kafka.brokers }, worker: true });
  }, KAFKA_TEST_MAX_MS);
  afterAll(async () => {
    await app.close();
    await kafka.close();
  });

  const buy = async (eventId: string, typeId: string, more: object = {}) => {
    const { body } = await book(app.guest, eventId, typeId, { quantity: 2, more });
    expect(body).toMatchObject({ order: { status: 'pending' } });
    await payWith(app, body.payment.clientSecret);
    return body.order.id as string;
  };
  const until = (topic: string, isThere: (heard: readonly Heard[]) => boolean) =>
    eventually(
      () => readTopic(kafka.brokers, topic).catch(() => []),
      isThere,
      KAFKA_WITHIN_MS,
      300,
    );
  const hasKind = (kind: string, eventId: string) => (heard: readonly Heard[]) =>
    heard.some(({ key, value }) => key === eventId && value.kind === kind);

  it('D7 a sale is on the topics of availability and payments, in order, by event', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 10 });
    await buy(eventId, typeId);
    await until('payment_notifications', hasKind('payment_captured', eventId));
    const heard = await until('ticket_availability', hasKind('places_sold', eventId));
    const own = heard.filter(({ key }) => key === eventId);
    expect(own.map(({ value }) => [value.kind, value.change])).toEqual([
      ['capacity_changed', undefined],
      ['places_held', 'locked'],
      ['places_sold', 'sold'],
    ]);
    const [, locked, sold] = own;
    expect(locked?.value).toMatchObject({
      kind: 'places_held',
      eventId,
      version: 1,
      items: [{ ticketTypeId: typeId, quantity: 2 }],
      totals: { ticketTypes: [{ ticketTypeId: typeId, available: 8 }] },
    });
    expect(locked?.value.totals.version).toBeGreaterThan(0);
    expect(sold?.value.seq).toBeGreaterThan(locked?.value.seq);
    expect(locked?.headers).toMatchObject({
      'fact-id': `${eventId}:${locked?.value.seq}`,
      kind: 'places_held',
      version: '1',
    });
    expect(locked?.value.id).toBe(locked?.headers['fact-id']);
    // All of it is on one topic as well, without a gap.
    const all = (await readTopic(kafka.brokers, 'facts')).filter(({ key }) => key === eventId);
    expect(all.map(({ value }) => value.seq)).toEqual(all.map((_, at) => at + 1));
  });

  it('D7 seats are named by their keys', async () => {
    const { eventId, typeId } = await seatedSale(app, { rows: 2, places: 4 });
    const best = [{ ticketTypeId: typeId, bestAvailable: { quantity: 2 } }];
    await buy(eventId, typeId, { items: best });
    const heard = await until('ticket_availability', hasKind('places_sold', eventId));
    const sold = heard.find(({ key, value }) => key === eventId && value.change === 'sold');
    expect(sold?.value.seats).toHaveLength(2);
    for (const seat of sold?.value.seats ?? []) expect(seat).toMatch(/^A-\d-\d$/);
  });

  it('D13 a plain console consumer shows a sale', async () => {
    const shown = await kafka.run('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      '--bootstrap-server',
      kafka.brokers,
      '--topic',
      'payment_notifications',
      '--from-beginning',
      '--timeout-ms',
      '4000',
      '--formatter-property',
      'print.key=true',
    ]);
    expect(shown).toMatch(/^evt_\w+\t\{"id":"evt_\w+:\d+",.*"kind":"payment_captured"/m);
  });

  it('D7 nothing about the buyer is on any topic', async () => {
    for (const topic of ['facts', 'orders', 'ticket_availability', 'payment_notifications']) {
      const text = JSON.stringify(await readTopic(kafka.brokers, topic));
      expect(text).toContain('eventId');
      expect(text).not.toMatch(/buyer\d|@example\.org/i);
    }
  });

  it('D7 sales go on while Kafka is away, and are made up for in order', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 50 });
    await kafka.kill();
    const took: number[] = [];
    for (let sale = 0; sale < 5; sale++) {
      const begun = performance.now();
      const order = await buy(eventId, typeId);
      took.push(performance.now() - begun);
      const shown = await eventually(
        () => app.admin.get(`/orders/${order}`),
        ({ body }) => body.status === 'confirmed',
      );
      expect(shown.body.status).toBe('confirmed');
    }
    expect(Math.max(...took)).toBeLessThan(5_000);
    await eventually(
      async () => String((await app.guest.get('//metrics')).body),
      (text) =>
        text.includes('fanfare_bus_up{bus="kafka"} 0') &&
        /fanfare_consumer_lag_facts\{consumer="kafka"\} [1-9]/.test(text),
    );
    await kafka.start();
    const wanted = (heard: readonly Heard[]) =>
      heard.filter(({ key, value }) => key === eventId && value.change === 'sold').length >= 5;
    const heard = await until('ticket_availability', wanted);
    const seqs = heard.filter(({ key }) => key === eventId).map(({ value }) => value.seq);
    const firsts = seqs.filter((seq, at) => seqs.slice(0, at).every((before) => before < seq));
    expect(firsts).toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
  });
});

it('D7 without KAFKA_BROKERS nothing is published, and consumers read the database', async () => {
  const app = await startApp();
  expect(app.parts.consumers.list.map(({ name }: Consumer) => name)).not.toContain('kafka');
  expect((await app.guest.get('//metrics')).body).not.toContain('fanfare_bus_up{');
  await app.close();
});

it('D7 a Kafka that never was there keeps nobody from starting and selling', async () => {
  const app = await startApp({ env: { KAFKA_BROKERS: '127.0.0.1:1' }, worker: true });
  const { eventId, typeId } = await onSale(app.admin, { capacity: 10 });
  const { status } = await book(app.guest, eventId, typeId, { quantity: 2 });
  expect(status).toBe(201);
  await app.close();
});
