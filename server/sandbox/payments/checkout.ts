/**
 * `/v1/checkout/sessions`: a basket with a payment page of its own. Its PaymentIntent is made when
 * the buyer first pays, as at Stripe. An expired session cannot be completed, and only an open one
 * can be expired: whoever fails to expire one must read it, because it may have been paid.
 * Lock order: the session, then its intent.
 */
import { z } from 'zod';
import { one } from '../../kernel/db.ts';
import { ok, present } from '../../kernel/result.ts';
import { invalid, noSuch } from '../api/errors.ts';
import { listAnswer } from '../api/lists.ts';
import {
  absoluteUrl,
  amount,
  createdFilter,
  currency,
  fitsCurrency,
  integer,
  list,
  metadata,
  misfit,
  page,
  text,
  unixTime,
  withMetadata,
} from '../api/params.ts';
import { answer, endpoint } from '../api/route.ts';
import { insertDue } from '../due.sql.ts';
import { type CheckoutSession, captureMethods } from '../objects.ts';
import { find, insert, lock, type StoredObject, save } from '../store.ts';
import { happen } from '../webhooks/events.ts';
import { type Answer, type Call, chance, nowS, type Outcome } from '../world.ts';
import { type Attempt, attach, attempt, cancel, finishAuthentication } from './charging.ts';
import { allowedIn } from './intent-states.ts';
import { createIntent } from './intents.ts';

const PATH = '/v1/checkout/sessions';
const MIN_LIFE_S = 30 * 60;
const MAX_LIFE_S = 24 * 3_600;
const MAX_QUANTITY = 10_000;
const SESSION_ID_CHARS = 56;

type Session = StoredObject<'checkout.session'>;

const lineItem = z.strictObject({
  quantity: integer(1, MAX_QUANTITY),
  price_data: z.strictObject({
    currency,
    unit_amount: amount,
    product_data: z.strictObject({ name: text, description: text.optional() }),
  }),
});

const createParams = z.strictObject({
  mode: z.literal('payment'),
  line_items: list(lineItem),
  success_url: absoluteUrl,
  cancel_url: absoluteUrl.optional(),
  client_reference_id: text.optional(),
  customer_email: text.optional(),
  expires_at: unixTime.optional(),
  metadata: metadata.optional(),
  payment_intent_data: z
    .strictObject({
      capture_method: z.enum(captureMethods).optional(),
      description: text.optional(),
      metadata: metadata.optional(),
      receipt_email: text.optional(),
    })
    .optional(),
  payment_method_types: list(z.literal('card')).optional(),
});

async function create(call: Call, params: z.output<typeof createParams>): Promise<Outcome<Answer>> {
  const createdS = nowS(call.world);
  const expiresS = params.expires_at ?? createdS + MAX_LIFE_S;
  if (expiresS < createdS + MIN_LIFE_S || expiresS > createdS + MAX_LIFE_S) {
    const message =
      'The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session ' +
      'creation.';
    return invalid(message, { param: 'expires_at' });
  }
  const totals = totalOf(params.line_items);
  if (!totals.ok) return totals;
  const id = `cs_test_${chance(call.world.ids, SESSION_ID_CHARS)}`;
  const wanted = params.payment_intent_data;
  const session: CheckoutSession = {
    id,
    object: 'checkout.session',
    amount_subtotal: totals.value.amountMinor,
    amount_total: totals.value.amountMinor,
    automatic_tax: { enabled: false, liability: null, status: null },
    cancel_url: params.cancel_url ?? null,
    client_reference_id: params.client_reference_id ?? null,
    created: createdS,
    currency: totals.value.currency,
    customer: null,
    customer_details: null,
    customer_email: params.customer_email ?? null,
    expires_at: expiresS,
    invoice: null,
    livemode: false,
    metadata: withMetadata({}, params.metadata),
    mode: 'payment',
    payment_intent: null,
    payment_method_types: ['card'],
    payment_status: 'unpaid',
    setup_intent: null,
    status: 'open',
    subscription: null,
    success_url: params.success_url,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: 'hosted_page',
    url: `${call.baseUrl}/sandbox/pay/${id}`,
  };
  await insert(call, 'checkout.session', session, {
    hidden: {
      lines: params.line_items.map((item) => ({
        name: item.price_data.product_data.name,
        quantity: item.quantity,
      })),
      intent: {
        captureMethod: wanted?.capture_method ?? 'automatic_async',
        metadata: withMetadata({}, wanted?.metadata),
        description: wanted?.description ?? null,
        receiptEmail: wanted?.receipt_email ?? null,
      },
    },
  });
  await one(call.tx, insertDue(id, 'expire_session', expiresS * 1000));
  return answer(session);
}

function totalOf(
  items: readonly z.output<typeof lineItem>[],
): Outcome<{ readonly amountMinor: number; readonly currency: string }> {
  const [first] = items;
  if (!first) return invalid('Missing required param: line_items.', { param: 'line_items' });
  const { currency: money } = first.price_data;
  if (items.some((item) => item.price_data.currency !== money)) {
    return invalid('All line items must have the same currency.', { param: 'line_items' });
  }
  const sum = items.reduce((all, item) => all + item.quantity * item.price_data.unit_amount, 0);
  if (sum > 99_999_999) {
    return invalid('The total amount is too large.', { code: 'amount_too_large' });
  }
  if (!fitsCurrency(sum, money)) {
    return invalid(misfit(money), { param: 'line_items' });
  }
  return ok({ amountMinor: sum, currency: money });
}

/** Open, by the simulator's clock: a session lapses even if nobody has come to expire it yet. */
export function isOpen(call: Pick<Call, 'world'>, session: CheckoutSession): boolean {
  return session.status === 'open' && nowS(call.world) < session.expires_at;
}

/** The buyer pays on the hosted page; null: the session is not open. */
export async function paySession(
  call: Call,
  id: string,
  paymentMethod: string,
): Promise<Outcome<Attempt | null>> {
  const session = await lock(call, 'checkout.session', id);
  if (!session) return noSuch('checkout.session', id);
  if (!isOpen(call, session.data)) return ok(null);
  const intent = await intentOf(call, session);
  if (!intent.ok) return intent;
  const attached = await attach(call, intent.value, paymentMethod);
  if (!attached.ok) return attached;
  const tried = await attempt(call, attached.value);
  await completeIfPaid(call, session, tried);
  return ok(tried);
}

/** The buyer has been to their bank; null: the session is not open any more. */
export async function authenticateSession(
  call: Call,
  id: string,
  passed: boolean,
): Promise<Outcome<Attempt | null>> {
  const session = await lock(call, 'checkout.session', id);
  if (!session) return noSuch('checkout.session', id);
  const intentId = session.data.payment_intent;
  if (!isOpen(call, session.data) || intentId === null) return ok(null);
  const intent = present(await lock(call, 'payment_intent', intentId), intentId);
  if (intent.data.status !== 'requires_action') return ok(null);
  const tried = await finishAuthentication(call, intent, passed);
  await completeIfPaid(call, session, tried);
  return ok(tried);
}

async function intentOf(
  call: Call,
  session: Session,
): Promise<Outcome<StoredObject<'payment_intent'>>> {
  const { payment_intent: known, amount_total, currency: money, id } = session.data;
  if (known !== null) return ok(present(await lock(call, 'payment_intent', known), known));
  const wanted = present(session.hidden.intent, `the payment of ${id}`);
  return createIntent(call, {
    amount: amount_total,
    currency: money,
    automatic_payment_methods: null,
    capture_method: wanted.captureMethod,
    confirmation_method: 'automatic',
    description: wanted.description,
    metadata: wanted.metadata,
    receipt_email: wanted.receiptEmail ?? session.data.customer_email,
    hidden: { session: id },
  });
}

async function completeIfPaid(call: Call, session: Session, tried: Attempt): Promise<void> {
  const { id, status } = tried.intent.data;
  const named = await save(call, 'checkout.session', session, { payment_intent: id });
  if (status !== 'succeeded' && status !== 'requires_capture') return;
  const complete = await save(call, 'checkout.session', named, {
    customer_details: { email: session.data.customer_email },
    payment_status: status === 'succeeded' ? 'paid' : 'unpaid',
    status: 'complete',
    url: null,
  });
  happen(call, 'checkout.session.completed', complete);
}

/** Ends an open session; its intent, if the buyer had begun to pay, can then not be paid either. */
export async function expireSession(call: Call, session: Session): Promise<Session> {
  const intentId = session.data.payment_intent;
  const intent = intentId === null ? null : await lock(call, 'payment_intent', intentId);
  const cancelable: readonly string[] = allowedIn.cancel;
  if (intent && cancelable.includes(intent.data.status)) await cancel(call, intent, 'automatic');
  const expired = await save(call, 'checkout.session', session, { status: 'expired', url: null });
  happen(call, 'checkout.session.expired', expired);
  return expired;
}

/** A session whose payment was only authorised counts as paid once it has been captured. */
async function shown(call: Call, session: Session): Promise<CheckoutSession> {
  const { payment_intent: intentId, payment_status, status } = session.data;
  if (intentId === null || status !== 'complete' || payment_status === 'paid') return session.data;
  const intent = await find(call, 'payment_intent', intentId);
  return intent?.data.status === 'succeeded'
    ? { ...session.data, payment_status: 'paid' }
    : session.data;
}

/** At most one: the session that this intent pays. */
async function listByIntent(call: Call, intentId: string): Promise<Outcome<Answer>> {
  const intent = await find(call, 'payment_intent', intentId);
  const id = intent?.hidden.session;
  const session = id === undefined ? null : await find(call, 'checkout.session', id);
  const data = session ? [await shown(call, session)] : [];
  return answer({ object: 'list', data, has_more: false, url: PATH });
}

const listParams = z.strictObject({
  ...page,
  created: createdFilter.optional(),
  payment_intent: text.optional(),
  status: z.enum(['open', 'complete', 'expired']).optional(),
});

export const checkoutEndpoints = [
  endpoint('POST', PATH, createParams, create),
  endpoint('GET', PATH, listParams, (call, params) =>
    params.payment_intent === undefined
      ? listAnswer(call, 'checkout.session', PATH, params, {
          show: (session) => shown(call, session),
          filter: { members: { status: params.status } },
        })
      : listByIntent(call, params.payment_intent),
  ),
  endpoint('GET', `${PATH}/:id`, z.strictObject({}), async (call, _params, id) => {
    const session = await find(call, 'checkout.session', id);
    return session ? answer(await shown(call, session)) : noSuch('checkout.session', id);
  }),
  endpoint('POST', `${PATH}/:id/expire`, z.strictObject({}), async (call, _params, id) => {
    const session = await lock(call, 'checkout.session', id);
    if (!session) return noSuch('checkout.session', id);
    if (session.data.status !== 'open') {
      const message =
        'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session ' +
        `has a status of \`${session.data.status}\`.`;
      return invalid(message);
    }
    return answer((await expireSession(call, session)).data);
  }),
];
