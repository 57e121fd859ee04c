import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb } from '../../../test/kit/db.ts';
import { errorOf, type OpenSandbox, openSandbox, sdkFor } from '../testing.ts';

let open: OpenSandbox;
beforeAll(async () => {
  open = await openSandbox(await cloneDb());
});
afterAll(() => open.close());

const euros = (amount: number) => ({ amount, currency: 'EUR' });

describe('what is refused before anything happens', () => {
  it.each([
    ['currency=eur', 'parameter_missing', 'amount'],
    ['amount=0&currency=eur', 'parameter_invalid_integer', 'amount'],
    ['amount=1.5&currency=eur', 'parameter_invalid_integer', 'amount'],
    ['amount=100000000&currency=eur', 'amount_too_large', 'amount'],
    ['amount=&currency=eur', 'parameter_invalid_empty', 'amount'],
    ['amount=100&currency=eur&tip=5', 'parameter_unknown', 'tip'],
    ['amount=100&currency=eur&description=%00', undefined, undefined],
    ['amount=100&currency=eur&description=%ff', undefined, undefined],
    ['amount=1001&currency=kwd', 'parameter_invalid_integer', 'amount'],
    [
      'amount=1&currency=eur&automatic_payment_methods[enabled]=true&automatic_payment_methods[x]=1',
      'parameter_unknown',
      'automatic_payment_methods[x]',
    ],
  ])('%s', async (body, code, param) => {
    const answer = await open.call('POST', '/v1/payment_intents', body);
    expect(answer.status).toBe(400);
    const { error } = (await answer.json()) as { error: object };
    expect(error).toMatchObject({
      type: 'invalid_request_error',
      ...(code ? { code, param } : {}),
    });
  });

  it('takes zero- and three-decimal currencies in their own minor units', async () => {
    const yen = await open.stripe.paymentIntents.create({ amount: 1_500, currency: 'jpy' });
    const dinar = await open.stripe.paymentIntents.create({ amount: 1_500, currency: 'kwd' });
    expect([yen.currency, dinar.currency]).toEqual(['jpy', 'kwd']);
    const nonsense = await errorOf(
      open.stripe.paymentIntents.create({ amount: 100, currency: 'zzz' }),
    );
    expect(nonsense.message).toBe('Invalid currency: zzz');
  });

  it('answers 404 for an unknown object and 400 for one that a parameter names', async () => {
    const unknown = await errorOf(open.stripe.paymentIntents.retrieve('pi_none'));
    expect(unknown).toBeInstanceOf(Stripe.errors.StripeInvalidRequestError);
    expect(unknown).toMatchObject({ statusCode: 404, code: 'resource_missing' });
    const { id } = await open.stripe.paymentIntents.create(euros(100));
    const method = open.stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_gold' });
    expect(await errorOf(method)).toMatchObject({
      statusCode: 400,
      code: 'resource_missing',
      param: 'payment_method',
    });
    const named = open.stripe.paymentIntents.confirm(id, { payment_method: 'constructor' });
    expect(await errorOf(named)).toMatchObject({ code: 'resource_missing' });
    const expanded = open.stripe.paymentIntents.retrieve(id, { expand: ['toString', 'amount'] });
    expect((await errorOf(expanded)).message).toContain('cannot be expanded');
    expect((await open.call('GET', '/v1/payment_intents/pi%00')).status).toBe(400);
    const address = await open.call('GET', '/v1/subscriptions');
    expect(address.status).toBe(404);
    expect(await address.json()).toMatchObject({ error: { code: 'url_invalid' } });
  });

  it('leaves nothing behind of a call that was refused halfway', async () => {
    const account = { stripeAccount: 'acct_halfway' };
    const create = open.stripe.paymentIntents.create(
      { ...euros(100), payment_method: 'pm_card_gold', confirm: true },
      account,
    );
    expect(await errorOf(create)).toMatchObject({ code: 'resource_missing' });
    expect((await open.stripe.paymentIntents.list({}, account)).data).toEqual([]);
    expect((await open.stripe.events.list({}, account)).data).toEqual([]);
  });

  it('answers 401 without a key, and for a wrong one', async () => {
    const error = await errorOf(sdkFor(open.port, 'sk_test_wrong').paymentIntents.list());
    expect(error).toBeInstanceOf(Stripe.errors.StripeAuthenticationError);
    const none = await open.call('GET', '/v1/payment_intents', undefined, { authorization: '' });
    expect(none.status).toBe(401);
    const basic = Buffer.from(`${open.sandbox.secretKey}:`).toString('base64');
    const curl = await open.call('GET', '/v1/payment_intents', undefined, {
      authorization: `Basic ${basic}`,
    });
    expect(curl.status).toBe(200);
  });
});

describe('lists', () => {
  it('come newest first, page by page, and the SDK walks through them', async () => {
    const made: string[] = [];
    const account = { stripeAccount: 'acct_lists' };
    for (let i = 1; i <= 5; i++) {
      const { id } = await open.stripe.paymentIntents.create(euros(i), account);
      made.unshift(id);
    }
    const first = await open.stripe.paymentIntents.list({ limit: 2 }, account);
    expect(first).toMatchObject({ object: 'list', has_more: true, url: '/v1/payment_intents' });
    expect(first.data.map(({ id }) => id)).toEqual(made.slice(0, 2));
    const walked: string[] = [];
    for await (const { id } of open.stripe.paymentIntents.list({ limit: 2 }, account))
      walked.push(id);
    expect(walked).toEqual(made);
    const missing = open.stripe.paymentIntents.list({ starting_after: 'pi_none' }, account);
    expect(await errorOf(missing)).toMatchObject({ code: 'resource_missing' });
  });

  it('keep connected accounts apart', async () => {
    const mine = { stripeAccount: 'acct_a' };
    const { id } = await open.stripe.paymentIntents.create(euros(100), mine);
    expect((await open.stripe.paymentIntents.retrieve(id, {}, mine)).id).toBe(id);
    for (const other of [{ stripeAccount: 'acct_b' }, {}]) {
      const error = await errorOf(open.stripe.paymentIntents.retrieve(id, {}, other));
      expect(error.code).toBe('resource_missing');
    }
  });
});
