import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb } from '../../../test/kit/db.ts';
import { one, type Tx } from '../../kernel/db.ts';
import { int, rows } from '../../kernel/sql.ts';
import { lockObject } from '../store.sql.ts';
import { type OpenSandbox, openSandbox } from '../testing.ts';

const countWaiting = () => rows({ waiting: int })`
  select count(*)::int as waiting from pg_locks where not granted
    and pid in (select pid from pg_stat_activity where datname = current_database())`;

let open: OpenSandbox;
beforeAll(async () => {
  open = await openSandbox(await cloneDb());
});
afterAll(() => open.close());

type Body = { readonly id: string; readonly amount: number };

const bodyOf = async (answer: Response) => (await answer.json()) as Body;
const body = 'amount=700&currency=eur';
const create = (key: string, text = body) =>
  open.call('POST', '/v1/payment_intents', text, { 'idempotency-key': key });

describe('an idempotency key', () => {
  it('replays the first answer to the byte, and says so', async () => {
    const first = await create('k-replay');
    const text = await first.text();
    const second = await create('k-replay');
    expect(await second.text()).toBe(text);
    expect(second.status).toBe(200);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.headers.get('original-request')).toBe(first.headers.get('request-id'));
    expect(second.headers.get('request-id')).not.toBe(first.headers.get('request-id'));
    expect(second.headers.get('idempotency-key')).toBe('k-replay');
  });

  it('refuses other parameters, and another endpoint', async () => {
    const { id } = await open.stripe.paymentIntents.create(
      { amount: 700, currency: 'eur' },
      { idempotencyKey: 'k-params' },
    );
    for (const attempt of [
      open.stripe.paymentIntents.create(
        { amount: 701, currency: 'eur' },
        { idempotencyKey: 'k-params' },
      ),
      open.stripe.paymentIntents.cancel(id, {}, { idempotencyKey: 'k-params' }),
    ]) {
      const error = await attempt.catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
      expect(error).toMatchObject({ statusCode: 400, rawType: 'idempotency_error' });
    }
  });

  it('belongs to one account', async () => {
    const mine = await bodyOf(await create('k-account'));
    const theirs = await open.call('POST', '/v1/payment_intents', body, {
      'idempotency-key': 'k-account',
      'stripe-account': 'acct_other',
    });
    expect((await bodyOf(theirs)).id).not.toBe(mine.id);
  });

  it('keeps a decline, so that a retry does not ask the bank again', async () => {
    const { id } = await open.stripe.paymentIntents.create({ amount: 700, currency: 'eur' });
    const confirm = () =>
      open.call(
        'POST',
        `/v1/payment_intents/${id}/confirm`,
        'payment_method=pm_card_chargeDeclined',
        {
          'idempotency-key': 'k-decline',
        },
      );
    const first = await confirm();
    const second = await confirm();
    expect([first.status, second.status]).toEqual([402, 402]);
    expect(await second.text()).toBe(await first.text());
    expect((await open.stripe.charges.list({ payment_intent: id })).data).toHaveLength(1);
  });

  it('keeps what an endpoint refused, but nothing of parameters that never reached one', async () => {
    const { id } = await open.stripe.paymentIntents.create({ amount: 700, currency: 'eur' });
    const capture = () =>
      open.call('POST', `/v1/payment_intents/${id}/capture`, '', { 'idempotency-key': 'k-early' });
    expect((await capture()).status).toBe(400);
    expect((await capture()).headers.get('idempotent-replayed')).toBe('true');

    expect((await create('k-invalid', 'amount=abc&currency=eur')).status).toBe(400);
    expect((await create('k-invalid')).status).toBe(200);
  });

  it('may be used again after a day', async () => {
    const first = await bodyOf(await create('k-day'));
    open.clock.offsetMs += 24 * 3_600_000 + 1_000;
    const second = await bodyOf(await create('k-day', 'amount=900&currency=eur'));
    expect(second).toMatchObject({ amount: 900 });
    expect(second.id).not.toBe(first.id);
  });

  it('has at most 255 characters', async () => {
    expect((await create('k'.repeat(255))).status).toBe(200);
    expect((await create('k'.repeat(256))).status).toBe(400);
  });

  it('is in use while its request runs', async () => {
    const { id } = await open.stripe.paymentIntents.create({
      amount: 700,
      currency: 'eur',
      capture_method: 'manual',
      payment_method: 'pm_card_visa',
      confirm: true,
    });
    const capture = () =>
      open.call('POST', `/v1/payment_intents/${id}/capture`, '', { 'idempotency-key': 'k-busy' });
    const client = await open.db.pool.connect();
    const tx: Tx = { kind: 'tx', client };
    await client.query('begin');
    await one(tx, lockObject('payment_intent', id));
    const first = capture();
    while ((await one(open.db, countWaiting())).waiting === 0);
    const second = await capture();
    await client.query('rollback');
    client.release();
    expect(second.status).toBe(409);
    expect(await second.json()).toMatchObject({ error: { code: 'idempotency_key_in_use' } });
    expect(second.headers.get('stripe-should-retry')).toBe('true');
    expect((await first).status).toBe(200);
    const third = await capture();
    expect(third.headers.get('idempotent-replayed')).toBe('true');
  });

  it('lets one of many simultaneous creations through, with or without a retry', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => create('k-many')));
    const ids = new Set<string>();
    for (const answer of answers) {
      expect([200, 409]).toContain(answer.status);
      if (answer.status === 200) ids.add((await bodyOf(answer)).id);
    }
    expect(ids.size).toBe(1);
  });
});
