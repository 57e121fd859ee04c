/** `/v1/payment_intents`: create, read, change, confirm, capture, cancel. */
import { z } from 'zod';
import { ok, present } from '../../kernel/result.ts';
import { sameSecret } from '../../kernel/secrets.ts';
import { invalid, invalidParams, noSuch } from '../api/errors.ts';
import { listAnswer } from '../api/lists.ts';
import {
  amount,
  createdFilter,
  currency,
  fitsCurrency,
  flag,
  list,
  metadata,
  misfit,
  page,
  text,
  textOrUnset,
  withMetadata,
} from '../api/params.ts';
import { answer, endpoint } from '../api/route.ts';
import { cancellationReasons, captureMethods, newIntent, type PaymentIntent } from '../objects.ts';
import { find, insert, lock, type StoredObject, save } from '../store.ts';
import { happen } from '../webhooks/events.ts';
import { type Answer, type Call, chance, newId, nowS, type Outcome } from '../world.ts';
import { type Attempt, attach, attempt, cancel, take } from './charging.ts';
import { disputeAsCardSays } from './disputes.ts';
import { moved, refusesNow } from './intent-states.ts';

const PATH = '/v1/payment_intents';

type Intent = StoredObject<'payment_intent'>;

const createParams = z.strictObject({
  amount,
  currency,
  automatic_payment_methods: z
    .strictObject({ enabled: flag, allow_redirects: z.enum(['always', 'never']).optional() })
    .optional(),
  capture_method: z.enum(captureMethods).optional(),
  confirm: flag.optional(),
  confirmation_method: z.enum(['automatic', 'manual']).optional(),
  description: textOrUnset.optional(),
  metadata: metadata.optional(),
  payment_method: text.optional(),
  payment_method_types: list(z.literal('card')).optional(),
  receipt_email: textOrUnset.optional(),
  return_url: text.optional(),
});

async function create(call: Call, params: z.output<typeof createParams>): Promise<Outcome<Answer>> {
  const given = params.automatic_payment_methods;
  const made = await createIntent(call, {
    amount: params.amount,
    currency: params.currency,
    // Stripe's default since 2023, where no types are named.
    automatic_payment_methods:
      given !== undefined
        ? given.allow_redirects === undefined
          ? { enabled: given.enabled }
          : { enabled: given.enabled, allow_redirects: given.allow_redirects }
        : params.payment_method_types
          ? null
          : { enabled: true },
    capture_method: params.capture_method ?? 'automatic_async',
    confirmation_method: params.confirmation_method ?? 'automatic',
    description: params.description ?? null,
    metadata: withMetadata({}, params.metadata),
    receipt_email: params.receipt_email ?? null,
    hidden: params.return_url === undefined ? {} : { returnUrl: params.return_url },
  });
  if (!made.ok) return made;
  if (params.confirm) return confirmWith(call, made.value, params.payment_method);
  if (params.payment_method === undefined) return answer(made.value.data);
  return attachAnswer(call, made.value, params.payment_method);
}

/** Without confirming: the intent waits for that. */
async function attachAnswer(
  call: Call,
  intent: Intent,
  paymentMethod: string,
): Promise<Outcome<Answer>> {
  const attached = await attach(call, intent, paymentMethod);
  if (!attached.ok) return attached;
  return answer((await save(call, 'payment_intent', attached.value.intent, {})).data);
}

/** Also what a Checkout Session does when its buyer pays. */
export async function createIntent(
  call: Call,
  given: Omit<Parameters<typeof newIntent>[0], 'id' | 'client_secret' | 'created'> & {
    readonly hidden: Intent['hidden'];
  },
): Promise<Outcome<Intent>> {
  const { hidden, ...fields } = given;
  if (!fitsCurrency(fields.amount, fields.currency)) {
    return invalid(misfit(fields.currency), { code: 'parameter_invalid_integer', param: 'amount' });
  }
  const id = newId(call.world, 'pi');
  const made = await insert(
    call,
    'payment_intent',
    newIntent({
      ...fields,
      id,
      client_secret: `${id}_secret_${chance(call.world.ids, 25)}`,
      created: nowS(call.world),
    }),
    { hidden },
  );
  happen(call, 'payment_intent.created', made);
  return ok(made);
}

const updateParams = z.strictObject({
  amount: amount.optional(),
  currency: currency.optional(),
  description: textOrUnset.optional(),
  metadata: metadata.optional(),
  payment_method: text.optional(),
  receipt_email: textOrUnset.optional(),
});

async function update(
  call: Call,
  params: z.output<typeof updateParams>,
  id: string,
): Promise<Outcome<Answer>> {
  const intent = await lock(call, 'payment_intent', id);
  if (!intent) return noSuch('payment_intent', id);
  const { amount: total = intent.data.amount, currency: money = intent.data.currency } = params;
  const changesPayment =
    total !== intent.data.amount ||
    money !== intent.data.currency ||
    params.payment_method !== undefined;
  const refusal = changesPayment ? refusesNow('change', intent.data) : null;
  if (refusal) return refusal;
  if (!fitsCurrency(total, money)) {
    return invalid(misfit(money), { param: 'amount' });
  }
  const { description = intent.data.description } = params;
  const { receipt_email = intent.data.receipt_email } = params;
  const changed = await save(call, 'payment_intent', intent, {
    amount: total,
    currency: money,
    description,
    receipt_email,
    metadata: withMetadata(intent.data.metadata, params.metadata),
  });
  if (params.payment_method === undefined) return answer(changed.data);
  return attachAnswer(call, changed, params.payment_method);
}

const confirmParams = z.strictObject({
  client_secret: text.optional(),
  payment_method: text.optional(),
  receipt_email: textOrUnset.optional(),
  return_url: text.optional(),
});

async function confirm(
  call: Call,
  params: z.output<typeof confirmParams>,
  id: string,
): Promise<Outcome<Answer>> {
  const intent = await lock(call, 'payment_intent', id);
  if (!intent) return noSuch('payment_intent', id);
  const wrong = checkClientSecret(call, intent, params.client_secret);
  if (wrong) return wrong;
  const refusal = refusesNow('confirm', intent.data, shown(call, intent.data));
  if (refusal) return refusal;
  // A browser's word is not taken for where the payment page leads back to.
  const returnUrl = call.access === 'secret' ? params.return_url : undefined;
  const { receipt_email } = params;
  const change = receipt_email === undefined ? {} : { receipt_email };
  const hidden = returnUrl === undefined ? intent.hidden : { ...intent.hidden, returnUrl };
  const changes = receipt_email !== undefined || returnUrl !== undefined;
  const named = changes ? await save(call, 'payment_intent', intent, change, hidden) : intent;
  return confirmWith(call, named, params.payment_method ?? named.data.payment_method ?? undefined);
}

async function confirmWith(
  call: Call,
  intent: Intent,
  paymentMethod: string | undefined,
): Promise<Outcome<Answer>> {
  if (paymentMethod === undefined) {
    return invalid(
      "You cannot confirm this PaymentIntent because it's missing a payment method. You can " +
        'either update the PaymentIntent with a payment method and then confirm it again, or ' +
        'confirm it again directly with a payment method.',
      { code: 'payment_intent_unexpected_state', payment_intent: shown(call, intent.data) },
    );
  }
  const attached = await attach(call, intent, paymentMethod);
  if (!attached.ok) return attached;
  return attemptAnswer(call, await attempt(call, attached.value));
}

/** A decline is an answer and not a refusal: the failed attempt is there to stay. */
function attemptAnswer(call: Call, tried: Attempt): Outcome<Answer> {
  const body = shown(call, tried.intent.data);
  if (!tried.decline) return answer(body);
  return answer({ error: { ...tried.decline, payment_intent: body } }, 402);
}

const captureParams = z.strictObject({
  amount_to_capture: amount.optional(),
  metadata: metadata.optional(),
});

async function capture(
  call: Call,
  params: z.output<typeof captureParams>,
  id: string,
): Promise<Outcome<Answer>> {
  const intent = await lock(call, 'payment_intent', id);
  if (!intent) return noSuch('payment_intent', id);
  const refusal = refusesNow('capture', intent.data);
  if (refusal) return refusal;
  const { currency: money, amount_capturable: capturable, latest_charge } = intent.data;
  const taken = params.amount_to_capture ?? capturable;
  if (taken > capturable || !fitsCurrency(taken, money)) {
    return invalid(`The amount to capture must be at most ${capturable}, and fit its currency.`, {
      code: 'amount_too_large',
      param: 'amount_to_capture',
    });
  }
  const chargeId = present(latest_charge, `the charge of ${id}`);
  const authorized = present(await find(call, 'charge', chargeId), chargeId);
  const charged = await take(call, authorized, taken);
  const done = await save(call, 'payment_intent', intent, {
    ...moved(intent.data, 'succeeded'),
    amount_capturable: 0,
    amount_received: taken,
    metadata: withMetadata(intent.data.metadata, params.metadata),
  });
  happen(call, 'charge.captured', charged);
  happen(call, 'payment_intent.succeeded', done);
  await disputeAsCardSays(call, charged);
  return answer(done.data);
}

const cancelParams = z.strictObject({
  cancellation_reason: z.enum(cancellationReasons).optional(),
});

async function cancelIntent(
  call: Call,
  params: z.output<typeof cancelParams>,
  id: string,
): Promise<Outcome<Answer>> {
  const intent = await lock(call, 'payment_intent', id);
  if (!intent) return noSuch('payment_intent', id);
  const refusal = refusesNow('cancel', intent.data);
  if (refusal) return refusal;
  if (intent.hidden.session !== undefined && intent.data.status !== 'requires_capture') {
    const message =
      'You cannot cancel the PaymentIntent of an open Checkout Session. Expire the session instead.';
    return invalid(message, { payment_intent: intent.data });
  }
  return answer((await cancel(call, intent, params.cancellation_reason ?? null)).data);
}

function checkClientSecret(
  call: Call,
  intent: Intent,
  given: string | undefined,
): Extract<Outcome<never>, { ok: false }> | null {
  if (given === undefined && call.access === 'secret') return null;
  if (given === undefined) {
    const param = 'client_secret';
    return invalidParams(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
  }
  if (sameSecret(given, intent.data.client_secret)) return null;
  return invalid('The client_secret provided does not match this PaymentIntent.', {
    code: 'payment_intent_invalid_parameter',
    param: 'client_secret',
  });
}

const retrieveParams = z.strictObject({ client_secret: text.optional() });

async function retrieve(
  call: Call,
  params: z.output<typeof retrieveParams>,
  id: string,
): Promise<Outcome<Answer>> {
  const intent = await find(call, 'payment_intent', id);
  if (!intent) return noSuch('payment_intent', id);
  return checkClientSecret(call, intent, params.client_secret) ?? answer(shown(call, intent.data));
}

/** A browser sees neither metadata nor charge. */
function shown(call: Call, intent: PaymentIntent): Partial<PaymentIntent> {
  if (call.access === 'secret') return intent;
  const { metadata: _metadata, latest_charge: _charge, ...rest } = intent;
  return rest;
}

const listParams = z.strictObject({ ...page, created: createdFilter.optional() });

export const intentEndpoints = [
  endpoint('POST', PATH, createParams, create),
  endpoint('GET', PATH, listParams, (call, params) =>
    listAnswer(call, 'payment_intent', PATH, params),
  ),
  endpoint('GET', `${PATH}/:id`, retrieveParams, retrieve, { publishable: true }),
  endpoint('POST', `${PATH}/:id`, updateParams, update),
  endpoint('POST', `${PATH}/:id/confirm`, confirmParams, confirm, { publishable: true }),
  endpoint('POST', `${PATH}/:id/capture`, captureParams, capture),
  endpoint('POST', `${PATH}/:id/cancel`, cancelParams, cancelIntent),
];
