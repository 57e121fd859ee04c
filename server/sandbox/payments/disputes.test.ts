/** Banks that take money back: what the API says, what happens, and what the ledger says of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb } from '../../../test/kit/db.ts';
import { type OpenSandbox, openSandbox } from '../testing.ts';

let open: OpenSandbox;
beforeAll(async () => {
  open = await openSandbox(await cloneDb());
});
afterAll(() => open.close());

const pay = (card: string, more: { capture_method?: 'manual' } = {}, account?: string) =>
  open.stripe.paymentIntents.create(
    { amount: 5_000, currency: 'eur', payment_method: card, confirm: true, ...more },
    account === undefined ? {} : { stripeAccount: account },
  );

async function onlyDispute(intentId: string) {
  const { data } = await open.stripe.disputes.list({ payment_intent: intentId });
  expect(data).toHaveLength(1);
  // Counted above.
  return data[0] as (typeof data)[number];
}

async function totals(intentId: string) {
  const { byIntent } = await open.sandbox.ledger();
  const found = byIntent.find((entry) => entry.intentId === intentId);
  return {
    captured: found?.capturedMinor,
    disputed: found?.disputedMinor,
    fees: found?.feesMinor,
    net: found?.netMinor,
  };
}

async function typesSince(intentId: string): Promise<string[]> {
  const { data } = await open.stripe.events.list({ type: 'charge.dispute.*', limit: 100 });
  return data
    .filter((event) => JSON.stringify(event.data.object).includes(intentId))
    .map(({ type }) => type)
    .reverse();
}

async function control(path: string, body: object) {
  const answer = await open.call('POST', path, JSON.stringify(body), {
    'content-type': 'application/json',
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

describe('a dispute', () => {
  it('is opened by its test card once the money is taken, and takes it back with a fee', async () => {
    const { id } = await pay('pm_card_createDispute', { capture_method: 'manual' });
    expect((await open.stripe.disputes.list({ payment_intent: id })).data).toEqual([]);
    await open.stripe.paymentIntents.capture(id);
    const dispute = await onlyDispute(id);
    expect(dispute).toMatchObject({
      amount: 5_000,
      reason: 'fraudulent',
      status: 'needs_response',
    });
    expect(dispute.balance_transactions).toMatchObject([
      {
        amount: -5_000,
        fee: 1_500,
        net: -6_500,
        reporting_category: 'dispute',
        type: 'adjustment',
      },
    ]);
    expect(await totals(id)).toEqual({ captured: 5_000, disputed: 5_000, fees: 1_500, net: 0 });
    expect(await typesSince(id)).toEqual([
      'charge.dispute.created',
      'charge.dispute.funds_withdrawn',
    ]);
    const { latest_charge } = await open.stripe.paymentIntents.retrieve(id);
    expect(await open.stripe.charges.retrieve(String(latest_charge))).toMatchObject({
      disputed: true,
    });
  });

  it('keeps its charge from being refunded until it is won; then the money is back', async () => {
    const { id } = await pay('pm_card_createDispute');
    const refund = () => open.stripe.refunds.create({ payment_intent: id });
    await expect(refund()).rejects.toMatchObject({ code: 'charge_disputed' });
    const dispute = await onlyDispute(id);
    const won = await open.stripe.disputes.update(dispute.id, {
      evidence: { uncategorized_text: 'winning_evidence' },
    });
    expect(won).toMatchObject({ status: 'won', is_charge_refundable: true });
    expect(won.evidence_details).toMatchObject({ has_evidence: true, submission_count: 1 });
    expect(await totals(id)).toEqual({ captured: 5_000, disputed: 0, fees: 1_500, net: 5_000 });
    expect(await typesSince(id)).toEqual([
      'charge.dispute.created',
      'charge.dispute.funds_withdrawn',
      'charge.dispute.updated',
      'charge.dispute.closed',
      'charge.dispute.funds_reinstated',
    ]);
    expect(await refund()).toMatchObject({ status: 'succeeded' });
  });

  it.each([
    ['by losing evidence', (id: string) => open.stripe.disputes.update(id, LOSING)],
    ['by accepting it', (id: string) => open.stripe.disputes.close(id)],
    ['by hand', (id: string) => control(`/disputes/${id}`, { outcome: 'lost' })],
  ])('is lost %s, once and for all', async (_how, lose) => {
    const { id } = await pay('pm_card_createDisputeProductNotReceived');
    const dispute = await onlyDispute(id);
    await lose(dispute.id);
    expect(await onlyDispute(id)).toMatchObject({
      reason: 'product_not_received',
      status: 'lost',
      is_charge_refundable: false,
    });
    expect(await totals(id)).toMatchObject({ disputed: 5_000, net: 0 });
    await expect(open.stripe.disputes.close(dispute.id)).rejects.toMatchObject({ statusCode: 400 });
    expect((await control(`/disputes/${dispute.id}`, { outcome: 'won' })).status).toBe(400);
    await expect(open.stripe.refunds.create({ payment_intent: id })).rejects.toMatchObject({
      code: 'charge_disputed',
    });
  });

  it('that is an inquiry moves no money, and lets refunds through', async () => {
    const { id } = await pay('pm_card_createDisputeInquiry');
    const dispute = await onlyDispute(id);
    expect(dispute).toMatchObject({ status: 'warning_needs_response', balance_transactions: [] });
    expect(await totals(id)).toMatchObject({ disputed: 0, net: 5_000 });
    expect(await open.stripe.disputes.close(dispute.id)).toMatchObject({
      status: 'warning_closed',
    });
    expect(await typesSince(id)).toEqual(['charge.dispute.created', 'charge.dispute.closed']);
    await open.stripe.refunds.create({ payment_intent: id });
  });

  it('is opened by hand, in whichever account, of what refunds have left', async () => {
    const stripeAccount = 'acct_disputed';
    const { id } = await pay('pm_card_visa', {}, stripeAccount);
    await open.stripe.refunds.create({ payment_intent: id, amount: 2_000 }, { stripeAccount });
    expect((await control('/disputes', { payment_intent: id, amount: 3_001 })).status).toBe(400);
    const opened = await control('/disputes', { payment_intent: id });
    expect(opened).toMatchObject({ status: 200, body: { amount: 3_000 } });
    expect((await control('/disputes', { payment_intent: id })).status).toBe(400);
    const { data } = await open.stripe.disputes.list({ payment_intent: id }, { stripeAccount });
    expect(data).toMatchObject([{ id: opened.body['id'] }]);
    await expect(open.stripe.disputes.retrieve(data[0]?.id ?? '')).rejects.toMatchObject({
      code: 'resource_missing',
    });
    const won = await control(`/disputes/${data[0]?.id}`, { outcome: 'won' });
    expect(won.body).toMatchObject({ status: 'won' });
    expect(await totals(id)).toMatchObject({ captured: 5_000, disputed: 0, net: 3_000 });
  });

  it.each([
    ['no payment', '/disputes', {}, 400],
    ['a payment that is none', '/disputes', { payment_intent: 'pi_none' }, 404],
    ['a dispute that is none', '/disputes/du_none', { outcome: 'won' }, 404],
    ['an outcome that is none', '/disputes/du_none', { outcome: 'drawn' }, 400],
  ])('is not made of %s', async (_what, path, body, status) => {
    expect((await control(path, body)).status).toBe(status);
  });

  it('is not made of money that was never taken', async () => {
    const { id } = await pay('pm_card_visa', { capture_method: 'manual' });
    expect((await control('/disputes', { payment_intent: id })).status).toBe(400);
    const answer = await open.call('POST', '/disputes', '{}', {
      authorization: `Bearer ${open.sandbox.publishableKey}`,
      'content-type': 'application/json',
    });
    expect(answer.status).toBe(403);
  });

  it('is one, however many buyers call their banks at once', async () => {
    const { id } = await pay('pm_card_visa');
    const tries = await Promise.all(
      Array.from({ length: 8 }, () => control('/disputes', { payment_intent: id })),
    );
    expect(tries.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await totals(id)).toMatchObject({ disputed: 5_000 });
  });
});

const LOSING = { evidence: { uncategorized_text: 'losing_evidence' } };

describe('balance transactions', () => {
  it('say what each of them is about, and tie out with the ledger', async () => {
    const stripeAccount = 'acct_books';
    const account = { stripeAccount };
    const { id } = await pay('pm_card_visa', {}, stripeAccount);
    await open.stripe.refunds.create({ payment_intent: id, amount: 1_000 }, account);
    await control('/disputes', { payment_intent: id });
    const { data } = await open.stripe.balanceTransactions.list(
      { expand: ['data.source'] },
      account,
    );
    expect(data.map((line) => [line.reporting_category, line.amount, line.source])).toMatchObject([
      ['dispute', -4_000, { object: 'dispute', payment_intent: id }],
      ['refund', -1_000, { object: 'refund', payment_intent: id }],
      ['charge', 5_000, { object: 'charge', payment_intent: id }],
    ]);
    const { byIntent } = await open.sandbox.ledger();
    const ledger = byIntent.find((entry) => entry.intentId === id);
    const net = data.reduce((sum, line) => sum + line.net, 0);
    expect(net).toBe((ledger?.netMinor ?? 0) - (ledger?.feesMinor ?? 0));
    const adjusted = await open.stripe.balanceTransactions.list({ type: 'adjustment' }, account);
    expect(adjusted.data).toHaveLength(1);
  });
});
