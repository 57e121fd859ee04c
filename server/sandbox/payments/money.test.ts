/** Money under concurrency and under random sequences; the ledger as the judge. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDb } from '../../../test/kit/db.ts';
import { all, run } from '../../kernel/db.ts';
import { command, rows, text } from '../../kernel/sql.ts';
import { type OpenSandbox, openSandbox } from '../testing.ts';

const AT_ONCE = 20;
const PROPERTY_TIMEOUT_MS = 240_000;

const unbalancedPostings = () => rows({ postingId: text })`
  select posting_id as "postingId" from sandbox.ledger_entry
  group by posting_id, currency having sum(amount_minor) <> 0`;

const halfAPosting = (intentId: string) => command`
  insert into sandbox.ledger_line
    (posting_id, intent_id, source_id, kind, account, amount_minor, currency, at)
  values ('post_half', ${intentId}, ${intentId}, 'capture', 'balance', 100, 'eur',
    kernel.instant(null))`;

const rewriteLedger = () => command`update sandbox.ledger_line set amount_minor = 1`;

const overRefund = (chargeId: string) => command`
  update sandbox.object
  set data = jsonb_set(data, '{amount_refunded}', to_jsonb((data ->> 'amount')::bigint + 1))
  where id = ${chargeId}`;

let open: OpenSandbox;
beforeAll(async () => {
  open = await openSandbox(await cloneDb());
});
afterAll(() => open.close());

async function held(card = 'pm_card_visa', amount = 5_000): Promise<string> {
  const { id } = await open.stripe.paymentIntents.create({
    amount,
    currency: 'eur',
    capture_method: 'manual',
    payment_method: card,
    confirm: true,
  });
  return id;
}

async function captured(card?: string): Promise<string> {
  const id = await held(card);
  await open.stripe.paymentIntents.capture(id);
  return id;
}

async function atOnce(work: (i: number) => Promise<unknown>): Promise<number> {
  const tried = await Promise.allSettled(Array.from({ length: AT_ONCE }, (_, i) => work(i)));
  return tried.filter(({ status }) => status === 'fulfilled').length;
}

async function totalsOf(intentId: string) {
  const { byIntent } = await open.sandbox.ledger();
  const found = byIntent.find((totals) => totals.intentId === intentId);
  return {
    captured: found?.capturedMinor ?? 0,
    refunded: found?.refundedMinor ?? 0,
    inTransit: found?.refundsInTransitMinor ?? 0,
  };
}

describe('many at once', () => {
  it('captures once', async () => {
    const id = await held();
    expect(await atOnce(() => open.stripe.paymentIntents.capture(id))).toBe(1);
    expect(await totalsOf(id)).toEqual({ captured: 5_000, refunded: 0, inTransit: 0 });
  });

  it('refunds the full amount once', async () => {
    const id = await captured();
    const refund = () => open.stripe.refunds.create({ payment_intent: id, amount: 5_000 });
    expect(await atOnce(refund)).toBe(1);
    expect(await totalsOf(id)).toEqual({ captured: 5_000, refunded: 5_000, inTransit: 0 });
  });

  it('refunds parts up to what was captured', async () => {
    const id = await captured();
    const refund = () => open.stripe.refunds.create({ payment_intent: id, amount: 900 });
    expect(await atOnce(refund)).toBe(5);
    expect(await totalsOf(id)).toEqual({ captured: 5_000, refunded: 4_500, inTransit: 0 });
  });

  it('charges a card once', async () => {
    const { id } = await open.stripe.paymentIntents.create({ amount: 800, currency: 'eur' });
    const confirm = () =>
      open.stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' });
    expect(await atOnce(confirm)).toBe(1);
    expect((await open.stripe.charges.list({ payment_intent: id })).data).toHaveLength(1);
    expect(await totalsOf(id)).toEqual({ captured: 800, refunded: 0, inTransit: 0 });
  });

  it('captures or cancels, never both', async () => {
    const id = await held();
    const { paymentIntents } = open.stripe;
    const won = await atOnce((i) =>
      i % 2 ? paymentIntents.capture(id) : paymentIntents.cancel(id),
    );
    expect(won).toBe(1);
    const { status } = await paymentIntents.retrieve(id);
    const { captured: taken } = await totalsOf(id);
    expect([status, taken]).toEqual(status === 'succeeded' ? [status, 5_000] : ['canceled', 0]);
  });
});

describe('refunds', () => {
  it('never exceed what was captured', async () => {
    const id = await captured();
    await open.stripe.refunds.create({ payment_intent: id, amount: 4_999 });
    const more = open.stripe.refunds.create({ payment_intent: id, amount: 2 });
    await expect(more).rejects.toMatchObject({ statusCode: 400, param: 'amount' });
    await open.stripe.refunds.create({ payment_intent: id });
    const again = open.stripe.refunds.create({ payment_intent: id });
    await expect(again).rejects.toMatchObject({ code: 'charge_already_refunded' });
  });

  it('can be pending, and arrive later', async () => {
    const id = await captured('pm_card_pendingRefund');
    const refund = await open.stripe.refunds.create({ payment_intent: id, amount: 1_000 });
    expect(refund.status).toBe('pending');
    expect(await totalsOf(id)).toEqual({ captured: 5_000, refunded: 1_000, inTransit: 1_000 });
    open.clock.offsetMs += 6_000;
    await open.sandbox.runDue();
    expect((await open.stripe.refunds.retrieve(refund.id)).status).toBe('succeeded');
    expect(await totalsOf(id)).toEqual({ captured: 5_000, refunded: 1_000, inTransit: 0 });
  });

  it('can fail after they had succeeded; the money is the merchant’s again', async () => {
    const id = await captured('pm_card_refundFail');
    const refund = await open.stripe.refunds.create({ payment_intent: id });
    expect(refund.status).toBe('succeeded');
    open.clock.offsetMs += 6_000;
    await open.sandbox.runDue();
    const failed = await open.stripe.refunds.retrieve(refund.id);
    expect(failed).toMatchObject({
      status: 'failed',
      failure_reason: 'expired_or_canceled_card',
      failure_balance_transaction: expect.stringMatching(/^txn_/),
    });
    const charge = await open.stripe.charges.retrieve(refund.charge as string);
    expect(charge).toMatchObject({ amount_refunded: 0, refunded: false });
    expect(await totalsOf(id)).toEqual({ captured: 5_000, refunded: 0, inTransit: 0 });
    const events = await open.stripe.events.list({ limit: 3 });
    expect(events.data.map(({ type }) => type)).toContain('refund.failed');
    expect(await open.sandbox.runDue()).toBe(0);
  });
});

describe('the tables themselves', () => {
  it('refuse a posting that does not sum to zero', async () => {
    const id = await held();
    await expect(run(open.db, halfAPosting(id))).rejects.toMatchObject({
      constraint: 'posting_sums_to_zero',
    });
  });

  it('refuse to rewrite the ledger', async () => {
    await expect(run(open.db, rewriteLedger())).rejects.toMatchObject({ code: '42501' });
  });

  it('refuse a charge refunded beyond its capture', async () => {
    const { latest_charge } = await open.stripe.paymentIntents.retrieve(await captured());
    await expect(run(open.db, overRefund(latest_charge as string))).rejects.toMatchObject({
      constraint: 'charge_amounts',
    });
  });
});

const cards = [
  'pm_card_visa',
  'pm_card_pendingRefund',
  'pm_card_refundFail',
  'pm_card_chargeDeclined',
  'pm_card_authenticationRequired',
  'pm_card_createDispute',
  'pm_card_createDisputeInquiry',
];
const part = fc.integer({ min: 1, max: 1_200 });

/** One step of a random life; a part may be more than the intent was made for. */
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('confirm'), card: fc.constantFrom(...cards) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('capture'), amount: part }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel') }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('refund'), amount: part }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('dispute', 'win', 'lose') }) },
);

type Step = { readonly kind: string; readonly card?: string; readonly amount?: number };

async function take(id: string, { kind, card, amount }: Step): Promise<void> {
  const { paymentIntents, refunds } = open.stripe;
  if (kind === 'confirm') await paymentIntents.confirm(id, { payment_method: card ?? '' });
  if (kind === 'capture') await paymentIntents.capture(id, { amount_to_capture: amount ?? 0 });
  if (kind === 'cancel') await paymentIntents.cancel(id);
  if (kind === 'refund') await refunds.create({ payment_intent: id, amount: amount ?? 0 });
  if (kind === 'wait') {
    open.clock.offsetMs += 6_000;
    await open.sandbox.runDue();
  }
  if (kind === 'dispute') await control('/disputes', { payment_intent: id });
  if (kind !== 'win' && kind !== 'lose') return;
  const { data } = await open.stripe.disputes.list({ payment_intent: id });
  const outcome = kind === 'win' ? 'won' : 'lost';
  for (const dispute of data) await control(`/disputes/${dispute.id}`, { outcome });
}

async function control(path: string, body: object): Promise<void> {
  const answer = await open.call('POST', path, JSON.stringify(body), {
    'content-type': 'application/json',
  });
  expect([200, 400]).toContain(answer.status);
}

async function booksOf(id: string): Promise<{ disputed: number; fees: number }> {
  const { byIntent } = await open.sandbox.ledger();
  const found = byIntent.find(({ intentId }) => intentId === id);
  return { disputed: found?.disputedMinor ?? 0, fees: found?.feesMinor ?? 0 };
}

/** What the bank has of this intent now, for a while or for good. */
async function disputedOf(id: string): Promise<{ disputed: number; won: number }> {
  const { data } = await open.stripe.disputes.list({ payment_intent: id, limit: 100 });
  const sum = (statuses: readonly string[]) =>
    data
      .filter(({ status }) => statuses.includes(status))
      .reduce((all, { amount }) => all + amount, 0);
  return { disputed: sum(['needs_response', 'under_review', 'lost']), won: sum(['won']) };
}

/** The sum of what the provider's own statement says of it, fees taken off. */
async function statementOf(id: string): Promise<number> {
  const { data } = await open.stripe.balanceTransactions.list({
    limit: 100,
    expand: ['data.source'],
  });
  return data
    .filter(({ source }) => JSON.stringify(source).includes(id))
    .reduce((sum, { net }) => sum + net, 0);
}

describe('any sequence of calls', () => {
  it(
    'leaves the ledger balanced, and equal to what the objects say',
    async () => {
      const reached = { captured: 0, refunded: 0, inTransit: 0, failed: 0, disputed: 0, won: 0 };
      const steps = fc.array(step, { minLength: 3, maxLength: 14 });
      await fc.assert(
        fc.asyncProperty(steps, fc.constantFrom('manual', 'automatic'), async (life, method) => {
          const { id } = await open.stripe.paymentIntents.create({
            amount: 1_000,
            currency: 'eur',
            capture_method: method as 'manual' | 'automatic',
          });
          for (const taken of life) await take(id, taken).catch(expectRefusal);
          const intent = await open.stripe.paymentIntents.retrieve(id);
          const { data: refunds } = await open.stripe.refunds.list({
            payment_intent: id,
            limit: 100,
          });
          const sum = (statuses: readonly string[]) =>
            refunds
              .filter(({ status }) => statuses.includes(status ?? ''))
              .reduce((all, { amount }) => all + amount, 0);
          const totals = await totalsOf(id);
          const { disputed, won } = await disputedOf(id);
          expect(totals).toEqual({
            captured: intent.amount_received,
            refunded: sum(['succeeded', 'pending']),
            inTransit: sum(['pending']),
          });
          expect(totals.refunded + disputed).toBeLessThanOrEqual(totals.captured);
          const books = await booksOf(id);
          expect(books.disputed).toBe(disputed);
          const kept = totals.captured - totals.refunded - disputed;
          expect(await statementOf(id)).toBe(kept - books.fees);
          if (totals.captured > 0) reached.captured += 1;
          if (totals.refunded > 0) reached.refunded += 1;
          if (totals.inTransit > 0) reached.inTransit += 1;
          if (sum(['failed']) > 0) reached.failed += 1;
          if (disputed > 0) reached.disputed += 1;
          if (won > 0) reached.won += 1;
        }),
        { numRuns: 120, seed: 20_261_120 },
      );
      expect(await all(open.db, unbalancedPostings())).toEqual([]);
      // Otherwise the property would hold for nothing.
      expect(Object.entries(reached).filter(([, times]) => times === 0)).toEqual([]);
    },
    PROPERTY_TIMEOUT_MS,
  );
});

/** A step may be refused by the intent's state; anything else is a bug. */
function expectRefusal(error: unknown): void {
  expect([400, 402]).toContain((error as { statusCode?: number }).statusCode);
}
