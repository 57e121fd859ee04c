import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb } from '../../../test/kit/db.ts';
import { errorOf, type OpenSandbox, openSandbox, sdkFor } from '../testing.ts';

let open: OpenSandbox;
beforeAll(async () => {
  open = await openSandbox(await cloneDb(), {
    feeFor: (amountMinor) => Math.floor(amountMinor / 100),
  });
});
afterAll(() => open.close());

const euros = (amount: number) => ({ amount, currency: 'EUR' });

async function authorized(more: Partial<Stripe.PaymentIntentCreateParams> = {}) {
  return open.stripe.paymentIntents.create({
    ...euros(4_500),
    capture_method: 'manual',
    payment_method: 'pm_card_visa',
    confirm: true,
    ...more,
  });
}

describe('a PaymentIntent with manual capture', () => {
  it('is created, and authorised once it is confirmed', async () => {
    const { stripe } = open;
    const created = await stripe.paymentIntents.create({
      ...euros(4_500),
      capture_method: 'manual',
      metadata: { order_id: 'ord_1', note: 'Grüße & <b>' },
      description: 'Two tickets',
      receipt_email: 'fan@example.com',
      automatic_payment_methods: { enabled: true },
    });
    expect(created).toMatchObject({
      object: 'payment_intent',
      status: 'requires_payment_method',
      amount: 4_500,
      currency: 'eur',
      metadata: { order_id: 'ord_1', note: 'Grüße & <b>' },
      receipt_email: 'fan@example.com',
      livemode: false,
    });
    expect(created.client_secret).toMatch(new RegExp(`^${created.id}_secret_`));
    expect(await stripe.paymentIntents.retrieve(created.id)).toEqual(created);

    const held = await stripe.paymentIntents.confirm(created.id, {
      payment_method: 'pm_card_mastercard',
      expand: ['latest_charge', 'payment_method'],
    });
    expect(held).toMatchObject({
      status: 'requires_capture',
      amount_capturable: 4_500,
      amount_received: 0,
      latest_charge: {
        object: 'charge',
        captured: false,
        paid: true,
        payment_method_details: {
          card: { brand: 'mastercard', last4: '4444', fingerprint: 'sandboxCard4444' },
        },
      },
      payment_method: { object: 'payment_method', card: { last4: '4444' } },
    });
  });

  it('is captured in part, then refunded in parts; the ledger says so', async () => {
    const { stripe } = open;
    const created = await authorized({ metadata: { order_id: 'ord_1' } });
    const captured = await stripe.paymentIntents.capture(created.id, { amount_to_capture: 4_000 });
    expect(captured).toMatchObject({
      status: 'succeeded',
      amount_capturable: 0,
      amount_received: 4_000,
    });

    const some = await stripe.refunds.create({
      payment_intent: created.id,
      amount: 1_500,
      reason: 'requested_by_customer',
      metadata: { refund_id: 'ref_1' },
    });
    expect(some).toMatchObject({ status: 'succeeded', amount: 1_500, payment_intent: created.id });
    const rest = await stripe.refunds.create({ charge: some.charge as string });
    expect(rest.amount).toBe(2_500);
    const charge = await stripe.charges.retrieve(some.charge as string);
    expect(charge).toMatchObject({ amount_captured: 4_000, amount_refunded: 4_000 });

    const listed = await stripe.refunds.list({ payment_intent: created.id });
    expect(listed.data.map(({ amount }) => amount)).toEqual([2_500, 1_500]);
    const booked = await stripe.balanceTransactions.list({ source: charge.id });
    expect(booked.data).toMatchObject([{ type: 'charge', amount: 4_000, fee: 40, net: 3_960 }]);
    const ledger = await open.sandbox.ledger();
    expect(ledger.byIntent.find(({ intentId }) => intentId === created.id)).toEqual({
      intentId: created.id,
      orderId: 'ord_1',
      merchant: '',
      currency: 'eur',
      capturedMinor: 4_000,
      refundedMinor: 4_000,
      refundsInTransitMinor: 0,
      disputedMinor: 0,
      feesMinor: 40,
      netMinor: 0,
    });
  });

  it('is captured once: the second time says why not, and shows the intent', async () => {
    const { id } = await authorized();
    await open.stripe.paymentIntents.capture(id);
    const error = await errorOf(open.stripe.paymentIntents.capture(id));
    expect(error).toBeInstanceOf(Stripe.errors.StripeInvalidRequestError);
    expect(error).toMatchObject({ statusCode: 400, code: 'payment_intent_unexpected_state' });
    expect(error.payment_intent).toMatchObject({ id, status: 'succeeded' });
  });

  it('cannot be captured for more than was authorised', async () => {
    const { id } = await authorized();
    const error = await errorOf(
      open.stripe.paymentIntents.capture(id, { amount_to_capture: 4_501 }),
    );
    expect(error).toMatchObject({ code: 'amount_too_large', param: 'amount_to_capture' });
  });

  it('gives the authorisation back when cancelled; no money has moved', async () => {
    const { id } = await authorized();
    const canceled = await open.stripe.paymentIntents.cancel(id, {
      cancellation_reason: 'abandoned',
    });
    expect(canceled).toMatchObject({
      status: 'canceled',
      amount_capturable: 0,
      cancellation_reason: 'abandoned',
    });
    expect(canceled.canceled_at).toBeGreaterThan(0);
    const { byIntent } = await open.sandbox.ledger();
    expect(byIntent.filter(({ intentId }) => intentId === id)).toEqual([]);
    expect(await errorOf(open.stripe.paymentIntents.cancel(id))).toMatchObject({
      code: 'payment_intent_unexpected_state',
    });
    expect(await errorOf(open.stripe.refunds.create({ payment_intent: id }))).toMatchObject({
      code: 'charge_not_refundable',
    });
  });

  it('is given back by itself seven days later', async () => {
    const { id } = await authorized();
    open.clock.offsetMs += 7 * 24 * 3_600_000 + 1_000;
    await open.sandbox.runDue();
    const intent = await open.stripe.paymentIntents.retrieve(id);
    expect(intent).toMatchObject({ status: 'canceled', cancellation_reason: 'automatic' });
  });
});

describe('a PaymentIntent with automatic capture', () => {
  it('succeeds at once', async () => {
    const paid = await open.stripe.paymentIntents.create({
      ...euros(990),
      payment_method: 'pm_card_visa',
      confirm: true,
    });
    expect(paid).toMatchObject({ status: 'succeeded', amount_received: 990 });
  });

  it('waits for confirmation where a payment method came without one', async () => {
    const { id, status } = await open.stripe.paymentIntents.create({
      ...euros(990),
      payment_method: 'pm_card_visa',
    });
    expect(status).toBe('requires_confirmation');
    const paid = await open.stripe.paymentIntents.confirm(id);
    expect(paid.status).toBe('succeeded');
    expect(await errorOf(open.stripe.paymentIntents.confirm(id))).toMatchObject({
      code: 'payment_intent_unexpected_state',
    });
  });
});

describe('a decline', () => {
  it.each([
    ['pm_card_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', 'expired_card'],
  ])('%s is a card error, and the intent may be tried again', async (card, code, declineCode) => {
    const { id } = await open.stripe.paymentIntents.create(euros(2_000));
    const attempt = open.stripe.paymentIntents.confirm(id, { payment_method: card });
    const error = await errorOf(attempt);
    expect(error).toBeInstanceOf(Stripe.errors.StripeCardError);
    expect(error).toMatchObject({ statusCode: 402, code, decline_code: declineCode });
    expect(error.payment_intent).toMatchObject({ id, status: 'requires_payment_method' });

    const open2 = await open.stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] });
    expect(open2.last_payment_error).toMatchObject({ code, decline_code: declineCode });
    expect(open2.latest_charge).toMatchObject({ status: 'failed', paid: false });
    const again = await open.stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' });
    expect(again).toMatchObject({ status: 'succeeded', last_payment_error: null });
    const tries = await open.stripe.charges.list({ payment_intent: id });
    expect(tries.data.map(({ status }) => status)).toEqual(['succeeded', 'failed']);
  });
});

describe('a browser', () => {
  it('confirms and reads one intent with its client secret, and sees no metadata', async () => {
    const { id, client_secret: secret } = await open.stripe.paymentIntents.create({
      ...euros(1_200),
      metadata: { order_id: 'ord_secret' },
    });
    const pk = open.sandbox.publishableKey;
    const answer = await open.call(
      'POST',
      `/v1/payment_intents/${id}/confirm`,
      `client_secret=${secret}&payment_method=pm_card_visa&key=${pk}`,
      { authorization: '' },
    );
    expect(answer.status).toBe(200);
    const text = await answer.text();
    expect(JSON.parse(text)).toMatchObject({ id, status: 'succeeded' });
    expect(text).not.toContain('ord_secret');

    const buyer = sdkFor(open.port, pk);
    const read = await buyer.paymentIntents.retrieve(id, { client_secret: secret as string });
    expect(read.status).toBe('succeeded');
    const wrong = await errorOf(buyer.paymentIntents.retrieve(id, { client_secret: 'no' }));
    expect(wrong).toMatchObject({ code: 'payment_intent_invalid_parameter' });
    const none = await errorOf(buyer.paymentIntents.retrieve(id));
    expect(none).toMatchObject({ code: 'parameter_missing', param: 'client_secret' });
    const late = await open.call(
      'POST',
      `/v1/payment_intents/${id}/confirm`,
      `client_secret=${secret}&payment_method=pm_card_visa`,
      { authorization: `Bearer ${pk}` },
    );
    expect(late.status).toBe(400);
    expect(await late.text()).not.toContain('ord_secret');
  });

  it('may do nothing else', async () => {
    const buyer = sdkFor(open.port, open.sandbox.publishableKey);
    const { id } = await authorized();
    for (const attempt of [
      buyer.paymentIntents.create(euros(100)),
      buyer.paymentIntents.capture(id),
      buyer.paymentIntents.cancel(id),
      buyer.refunds.create({ payment_intent: id }),
      buyer.paymentIntents.list(),
    ]) {
      const error = await errorOf(attempt);
      expect(error).toBeInstanceOf(Stripe.errors.StripePermissionError);
      expect(error.code).toBe('secret_key_required');
    }
  });
});

describe('3-D Secure', () => {
  it('asks the customer first', async () => {
    const waiting = await authorized({
      payment_method: 'pm_card_authenticationRequired',
      return_url: 'https://shop.example/back',
    });
    expect(waiting).toMatchObject({
      status: 'requires_action',
      latest_charge: null,
      next_action: {
        type: 'redirect_to_url',
        redirect_to_url: { return_url: 'https://shop.example/back' },
      },
    });
    const url = waiting.next_action?.redirect_to_url?.url ?? '';
    expect(url).toContain(`${open.origin}/sandbox/pay/${waiting.id}?client_secret=`);
    const again = await open.stripe.paymentIntents.confirm(waiting.id, {
      payment_method: 'pm_card_visa',
    });
    expect(again).toMatchObject({ status: 'requires_capture', next_action: null });
  });
});

describe('changing an intent', () => {
  it('sets, replaces and unsets metadata; the amount only before it is paid', async () => {
    const { stripe } = open;
    const { id } = await stripe.paymentIntents.create({
      ...euros(100),
      metadata: { keep: '1', drop: '2' },
    });
    const changed = await stripe.paymentIntents.update(id, {
      amount: 200,
      metadata: { drop: '', more: '3' },
    });
    expect(changed).toMatchObject({ amount: 200, metadata: { keep: '1', more: '3' } });
    expect(changed.metadata).not.toHaveProperty('drop');
    expect((await stripe.paymentIntents.update(id, { metadata: '' })).metadata).toEqual({});
    await stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' });
    const late = stripe.paymentIntents.update(id, { amount: 300 });
    expect(await errorOf(late)).toMatchObject({ code: 'payment_intent_unexpected_state' });
    const noted = await stripe.paymentIntents.update(id, { metadata: { order_id: 'ord_9' } });
    expect(noted.metadata).toEqual({ order_id: 'ord_9' });
  });
});
