/**
 * `/v1/refunds`: never more than was captured. A refund is dated and booked when it is made; some
 * test cards leave it pending, or let it fail after it had succeeded, as real ones do.
 */
import { z } from 'zod';
import { one } from '../../kernel/db.ts';
import { ok, present } from '../../kernel/result.ts';
import { invalid, invalidParams, noSuch, noSuchParam } from '../api/errors.ts';
import { listAnswer } from '../api/lists.ts';
import { amount, createdFilter, metadata, page, text, withMetadata } from '../api/params.ts';
import { answer, endpoint } from '../api/route.ts';
import { insertDue } from '../due.sql.ts';
import type { Refund } from '../objects.ts';
import { find, insert, lock, type StoredObject, save } from '../store.ts';
import { happen } from '../webhooks/events.ts';
import { type Answer, type Call, newId, nowS, type Outcome } from '../world.ts';
import { testCard } from './cards.ts';
import { isChargedBack } from './disputes.ts';
import { postRefund, postRefundFailed, postRefundSettled } from './ledger.ts';

const PATH = '/v1/refunds';
/** Banks take days; long enough here to be seen, short enough to wait for. */
const SETTLE_MS = 5_000;

const createParams = z.strictObject({
  amount: amount.optional(),
  charge: text.optional(),
  metadata: metadata.optional(),
  payment_intent: text.optional(),
  reason: z.enum(['duplicate', 'fraudulent', 'requested_by_customer']).optional(),
});

async function create(call: Call, params: z.output<typeof createParams>): Promise<Outcome<Answer>> {
  const found = await lockCharge(call, params);
  if (!found.ok) return found;
  const charge = found.value;
  const left = charge.data.amount_captured - charge.data.amount_refunded;
  const refusal = refusalOf(charge.data, left, params.amount);
  if (refusal) return refusal;
  if (await isChargedBack(call, charge)) {
    const message = `Charge ${charge.data.id} has been charged back; cannot issue a refund.`;
    return invalid(message, { code: 'charge_disputed', charge: charge.data.id });
  }
  const amountMinor = params.amount ?? left;
  const behaviour = await refundBehaviour(call, charge.data.payment_method);
  const pending = behaviour === 'pending';
  const id = newId(call.world, 're');
  const fresh: Refund = {
    id,
    object: 'refund',
    amount: amountMinor,
    balance_transaction: null,
    charge: charge.data.id,
    created: nowS(call.world),
    currency: charge.data.currency,
    destination_details: { card: { type: 'refund' }, type: 'card' },
    metadata: withMetadata({}, params.metadata),
    payment_intent: charge.data.payment_intent,
    reason: params.reason ?? null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: pending ? 'pending' : 'succeeded',
    transfer_reversal: null,
  };
  const made = await insert(call, 'refund', fresh, { parent: fresh.payment_intent });
  const booked = await save(call, 'refund', made, {
    balance_transaction: await postRefund(call, fresh, pending),
  });
  if (behaviour !== 'succeeds') {
    await one(call.tx, insertDue(id, 'settle_refund', call.world.nowMs() + SETTLE_MS));
  }
  const refunded = charge.data.amount_refunded + amountMinor;
  const charged = await save(call, 'charge', charge, {
    amount_refunded: refunded,
    refunded: refunded === charge.data.amount,
  });
  happen(call, 'refund.created', booked);
  happen(call, 'charge.refunded', charged);
  return answer(booked.data);
}

/** The charge, read after its intent was locked: two refunds of one charge wait for each other. */
async function lockCharge(
  call: Call,
  params: z.output<typeof createParams>,
): Promise<Outcome<StoredObject<'charge'>>> {
  let { payment_intent: intentId, charge: chargeId } = params;
  if (chargeId !== undefined) {
    const named = await find(call, 'charge', chargeId);
    if (!named) return noSuchParam('charge', chargeId, 'charge');
    intentId ??= named.data.payment_intent;
    if (intentId !== named.data.payment_intent) {
      return invalid('The charge does not belong to the payment_intent.', { param: 'charge' });
    }
  }
  if (intentId === undefined) {
    const message = 'One of the following params should be provided: payment_intent or charge.';
    return invalidParams(message, { code: 'parameter_missing' });
  }
  const intent = await lock(call, 'payment_intent', intentId);
  if (!intent) return noSuchParam('payment_intent', intentId, 'payment_intent');
  chargeId ??= intent.data.latest_charge ?? undefined;
  const charge = chargeId === undefined ? null : await find(call, 'charge', chargeId);
  if (charge?.data.captured) return ok(charge);
  const message = `This PaymentIntent (${intentId}) does not have a successful charge to refund.`;
  return invalid(message, { code: 'charge_not_refundable', param: 'payment_intent' });
}

function refusalOf(
  charge: { readonly id: string; readonly currency: string },
  left: number,
  wanted: number | undefined,
): Extract<Outcome<never>, { ok: false }> | null {
  if (left === 0) {
    const message = `Charge ${charge.id} has already been refunded.`;
    return invalid(message, { code: 'charge_already_refunded', charge: charge.id });
  }
  if (wanted === undefined || wanted <= left) return null;
  const message = `Refund amount (${wanted}) is greater than unrefunded amount on charge (${left})`;
  return invalid(message, { param: 'amount' });
}

async function refundBehaviour(call: Call, methodId: string) {
  const method = present(await find(call, 'payment_method', methodId), methodId);
  const card = testCard(present(method.hidden.sentinel, `the test card of ${methodId}`));
  return card?.refund ?? 'succeeds';
}

/** What the bank says days later. Nothing happens to a refund that has been settled already. */
export async function settleRefund(call: Call, id: string): Promise<void> {
  const known = present(await find(call, 'refund', id), id);
  await lock(call, 'payment_intent', known.data.payment_intent);
  const refund = present(await find(call, 'refund', id), id);
  if (refund.data.status === 'pending') {
    await postRefundSettled(call, refund.data);
    const settled = await save(call, 'refund', refund, { status: 'succeeded' });
    happen(call, 'refund.updated', settled);
    happen(call, 'charge.refund.updated', settled);
  } else if (refund.data.status === 'succeeded') {
    await failRefund(call, refund);
  }
}

async function failRefund(call: Call, refund: StoredObject<'refund'>): Promise<void> {
  const failed = await save(call, 'refund', refund, {
    failure_balance_transaction: await postRefundFailed(call, refund.data),
    failure_reason: 'expired_or_canceled_card',
    status: 'failed',
  });
  const charge = present(await find(call, 'charge', refund.data.charge), refund.data.charge);
  await save(call, 'charge', charge, {
    amount_refunded: charge.data.amount_refunded - refund.data.amount,
    refunded: false,
  });
  happen(call, 'refund.failed', failed);
  happen(call, 'refund.updated', failed);
  happen(call, 'charge.refund.updated', failed);
}

const updateParams = z.strictObject({ metadata: metadata.optional() });

const listParams = z.strictObject({
  ...page,
  charge: text.optional(),
  created: createdFilter.optional(),
  payment_intent: text.optional(),
});

export const refundEndpoints = [
  endpoint('POST', PATH, createParams, create),
  endpoint('GET', PATH, listParams, (call, params) =>
    listAnswer(call, 'refund', PATH, params, {
      filter: { parent: params.payment_intent, members: { charge: params.charge } },
    }),
  ),
  endpoint('GET', `${PATH}/:id`, z.strictObject({}), async (call, _params, id) => {
    const refund = await find(call, 'refund', id);
    return refund ? answer(refund.data) : noSuch('refund', id);
  }),
  endpoint('POST', `${PATH}/:id`, updateParams, async (call, params, id) => {
    const known = await find(call, 'refund', id);
    if (!known) return noSuch('refund', id);
    await lock(call, 'payment_intent', known.data.payment_intent);
    const refund = present(await find(call, 'refund', id), id);
    const changed = await save(call, 'refund', refund, {
      metadata: withMetadata(refund.data.metadata, params.metadata),
    });
    happen(call, 'refund.updated', changed);
    happen(call, 'charge.refund.updated', changed);
    return answer(changed.data);
  }),
];
