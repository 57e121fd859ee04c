/**
 * What happens between the card and the bank: attaching a test card to an intent, asking the bank,
 * taking the money, giving the authorisation back. The caller holds the intent's lock.
 */
import { one } from '../../kernel/db.ts';
import { ok, present } from '../../kernel/result.ts';
import { noSuchParam } from '../api/errors.ts';
import { insertDue } from '../due.sql.ts';
import {
  type Charge,
  type ErrorBody,
  newCharge,
  newPaymentMethod,
  type PaymentMethod,
} from '../objects.ts';
import { changed, find, insert, type Stored, type StoredObject, save } from '../store.ts';
import { happen } from '../webhooks/events.ts';
import { type Call, newId, nowS, type Outcome } from '../world.ts';
import { type Decline, detailsOf, type TestCard, testCard } from './cards.ts';
import { disputeAsCardSays } from './disputes.ts';
import { moved } from './intent-states.ts';
import { postCapture } from './ledger.ts';

/** Visa's window for payments that the customer starts. */
const AUTHORIZATION_MS = 7 * 24 * 3_600_000;

type Intent = StoredObject<'payment_intent'>;

/** An intent with the card to be asked; not written yet, because the attempt will write it. */
export type Attached = {
  readonly intent: Intent;
  readonly method: StoredObject<'payment_method'>;
  readonly card: TestCard;
};

/** `decline`: the error object that the client of this attempt gets. */
export type Attempt = { readonly intent: Intent; readonly decline: ErrorBody | null };

/** A sentinel such as `pm_card_visa` becomes a payment method of its own, as at Stripe. */
export async function attach(
  call: Call,
  intent: Intent,
  given: string,
): Promise<Outcome<Attached>> {
  const method = await methodFrom(call, given);
  if (!method) return noSuchParam('PaymentMethod', given, 'payment_method');
  const attached = changed(intent, {
    ...moved(intent.data, 'requires_confirmation'),
    next_action: null,
    payment_method: method.data.id,
  });
  return ok({ intent: attached, method, card: cardBehind(method) });
}

async function methodFrom(
  call: Call,
  given: string,
): Promise<StoredObject<'payment_method'> | null> {
  const card = testCard(given);
  if (!card) return find(call, 'payment_method', given);
  const method = newPaymentMethod(newId(call.world, 'pm'), nowS(call.world), detailsOf(card));
  return insert(call, 'payment_method', method, { hidden: { sentinel: given } });
}

function cardBehind(method: StoredObject<'payment_method'>): TestCard {
  const sentinel = present(method.hidden.sentinel, `the test card of ${method.data.id}`);
  return present(testCard(sentinel), `test card ${sentinel}`);
}

/** Confirms: to the bank, or first to the customer. */
export async function attempt(call: Call, attached: Attached): Promise<Attempt> {
  const { intent, card } = attached;
  if (!card.authenticates) return charge(call, attached);
  const { id, client_secret } = intent.data;
  const url = `${call.baseUrl}/sandbox/pay/${id}?client_secret=${client_secret}`;
  const waiting = await save(call, 'payment_intent', intent, {
    ...moved(intent.data, 'requires_action'),
    next_action: {
      type: 'redirect_to_url',
      redirect_to_url: { url, return_url: intent.hidden.returnUrl ?? null },
    },
  });
  happen(call, 'payment_intent.requires_action', waiting);
  return { intent: waiting, decline: null };
}

/** The customer has been to their bank (3-D Secure). */
export async function finishAuthentication(
  call: Call,
  intent: Intent,
  passed: boolean,
): Promise<Attempt> {
  const id = present(intent.data.payment_method, 'the payment method that asked for its customer');
  const method = present(await find(call, 'payment_method', id), `payment method ${id}`);
  if (passed) return charge(call, { intent, method, card: cardBehind(method) });
  const error: ErrorBody = {
    type: 'invalid_request_error',
    code: 'payment_intent_authentication_failure',
    message:
      'The provided PaymentMethod has failed authentication. You can provide payment_method_data ' +
      'or a new PaymentMethod to attempt to fulfill this PaymentIntent again.',
    payment_method: method.data,
  };
  return failed(call, intent, error);
}

async function charge(call: Call, { intent: asked, method, card }: Attached): Promise<Attempt> {
  const intent = changed(asked, { ...moved(asked.data, 'processing'), next_action: null });
  const id = newId(call.world, 'ch');
  const authorized = newCharge(id, nowS(call.world), intent.data, method.data);
  if (card.decline) return declined(call, intent, method.data, authorized, card.decline);
  const charged = await insert(call, 'charge', authorized, {
    parent: intent.data.id,
    hidden: card.disputes ? { disputes: card.disputes } : {},
  });
  const paid = { latest_charge: id, last_payment_error: null } as const;
  if (intent.data.capture_method === 'manual') {
    const waiting = await save(call, 'payment_intent', intent, {
      ...moved(intent.data, 'requires_capture'),
      ...paid,
      amount_capturable: intent.data.amount,
    });
    const releaseMs = call.world.nowMs() + AUTHORIZATION_MS;
    await one(call.tx, insertDue(waiting.data.id, 'release_authorization', releaseMs));
    happen(call, 'charge.succeeded', charged);
    happen(call, 'payment_intent.amount_capturable_updated', waiting);
    return { intent: waiting, decline: null };
  }
  const taken = await take(call, charged, intent.data.amount);
  const done = await save(call, 'payment_intent', intent, {
    ...moved(intent.data, 'succeeded'),
    ...paid,
    amount_received: intent.data.amount,
  });
  happen(call, 'charge.succeeded', taken);
  happen(call, 'payment_intent.succeeded', done);
  await disputeAsCardSays(call, taken);
  return { intent: done, decline: null };
}

/** Takes the money of an authorised charge. */
export async function take(
  call: Call,
  authorized: Stored<Charge>,
  amountMinor: number,
): Promise<StoredObject<'charge'>> {
  return save(call, 'charge', authorized, {
    captured: true,
    amount_captured: amountMinor,
    balance_transaction: await postCapture(call, authorized.data, amountMinor),
  });
}

async function declined(
  call: Call,
  intent: Intent,
  method: PaymentMethod,
  authorized: Charge,
  decline: Decline,
): Promise<Attempt> {
  const refused: Charge = {
    ...authorized,
    failure_code: decline.code,
    failure_message: decline.message,
    outcome: {
      network_status: 'declined_by_network',
      reason: decline.declineCode,
      seller_message: 'The bank did not return any further details with this decline.',
      type: 'issuer_declined',
    },
    paid: false,
    status: 'failed',
  };
  happen(call, 'charge.failed', await insert(call, 'charge', refused, { parent: intent.data.id }));
  const error: ErrorBody = {
    type: 'card_error',
    code: decline.code,
    decline_code: decline.declineCode,
    message: decline.message,
    charge: refused.id,
    payment_method: method,
    ...(decline.code === 'expired_card' ? { param: 'exp_month' } : {}),
  };
  return failed(call, changed(intent, { latest_charge: refused.id }), error);
}

/** Back to the start, with the reason; the intent can be tried with another card. */
async function failed(call: Call, intent: Intent, error: ErrorBody): Promise<Attempt> {
  const open = await save(call, 'payment_intent', intent, {
    ...moved(intent.data, 'requires_payment_method'),
    last_payment_error: error,
    next_action: null,
    payment_method: null,
  });
  happen(call, 'payment_intent.payment_failed', open);
  return { intent: open, decline: error };
}

/** Cancels; an authorisation is given back, which moves no money. */
export async function cancel(call: Call, intent: Intent, reason: string | null): Promise<Intent> {
  const canceled = await save(call, 'payment_intent', intent, {
    ...moved(intent.data, 'canceled'),
    amount_capturable: 0,
    canceled_at: nowS(call.world),
    cancellation_reason: reason,
    next_action: null,
  });
  happen(call, 'payment_intent.canceled', canceled);
  return canceled;
}
