/** What the hosted page shows in each state of a payment; values in, a view out. */
import type { CheckoutSession, PaymentIntent } from '../objects.ts';
import type { Choice, PageView } from './html.ts';

/** Which test card a button stands for. */
export const cardOf: ReadonlyMap<string, string> = new Map([
  ['pay', 'pm_card_visa'],
  ['decline', 'pm_card_chargeDeclined'],
  ['authenticate', 'pm_card_authenticationRequired'],
]);

const payChoices: readonly Choice[] = [
  { action: 'pay', label: 'Pay', hint: 'Visa ending in 4242: the bank says yes.', look: 'main' },
  {
    action: 'authenticate',
    label: 'Pay with 3-D Secure',
    hint: 'Visa ending in 3184: the bank asks its customer first.',
    look: 'other',
  },
  {
    action: 'decline',
    label: 'Decline the card',
    hint: 'Visa ending in 0002: the bank says no.',
    look: 'other',
  },
  { action: 'leave', label: 'Walk away', hint: 'Leaves without paying.', look: 'quiet' },
];

const bankChoices: readonly Choice[] = [
  { action: 'approve', label: 'Approve', hint: 'Completes the payment.', look: 'main' },
  { action: 'refuse', label: 'Refuse', hint: 'Authentication fails.', look: 'other' },
];

const nothing = {
  amount: null,
  description: null,
  lines: [],
  status: null,
  problem: null,
  question: '',
  choices: [],
  fields: {},
  back: null,
} as const;

type Situation = 'open' | 'bank' | 'paid' | 'authorized' | 'canceled' | 'expired' | 'left';

const texts: Readonly<Record<Situation, { title: string; status: string | null }>> = {
  open: { title: 'Pay', status: null },
  bank: { title: 'Your bank asks', status: 'Was this you? The payment waits for your answer.' },
  paid: { title: 'Paid', status: 'The payment has succeeded.' },
  authorized: {
    title: 'Authorised',
    status: 'The bank has set the amount aside. It is taken once the seller captures it.',
  },
  canceled: { title: 'Cancelled', status: 'This payment was cancelled. Nothing was taken.' },
  expired: { title: 'Too late', status: 'This page has expired. Nothing was taken.' },
  left: { title: 'Not paid', status: 'You left without paying. Nothing was taken.' },
};

const situationOf: Readonly<Record<PaymentIntent['status'], Situation>> = {
  requires_payment_method: 'open',
  requires_confirmation: 'open',
  requires_action: 'bank',
  processing: 'bank',
  requires_capture: 'authorized',
  succeeded: 'paid',
  canceled: 'canceled',
};

export type Shown = {
  readonly left: boolean;
  readonly fields: Readonly<Record<string, string>>;
  /** Where the link leads: after a payment, and without one. */
  readonly paidHref: string | null;
  readonly unpaidHref: string | null;
};

export function intentView(intent: PaymentIntent, shown: Shown): PageView {
  const now = situationOf[intent.status];
  const situation = now === 'open' && shown.left ? 'left' : now;
  const problem = intent.status === 'requires_payment_method' ? problemOf(intent) : null;
  return {
    ...viewOf(situation, shown, problem),
    amount: { minor: intent.amount, currency: intent.currency },
    description: intent.description,
  };
}

export function sessionView(
  session: CheckoutSession,
  open: boolean,
  intent: PaymentIntent | null,
  lines: PageView['lines'],
  shown: Shown,
): PageView {
  const now = sessionSituation(session, open, intent);
  const description = intent?.description ?? null;
  const situation = now === 'open' && shown.left ? 'left' : now;
  return {
    ...viewOf(situation, shown, intent ? problemOf(intent) : null),
    amount: { minor: session.amount_total, currency: session.currency },
    // What a line says already is not said twice.
    description: lines.some(({ name }) => name === description) ? null : description,
    lines,
  };
}

function sessionSituation(
  session: CheckoutSession,
  open: boolean,
  intent: PaymentIntent | null,
): Situation {
  if (session.status === 'complete') return intent ? situationOf[intent.status] : 'paid';
  if (!open) return 'expired';
  return intent?.status === 'requires_action' ? 'bank' : 'open';
}

function problemOf(intent: PaymentIntent): string | null {
  const error = intent.last_payment_error;
  if (!error) return null;
  return error.code === 'payment_intent_authentication_failure'
    ? 'Your bank could not confirm that it was you. You can try again.'
    : `${error.message} You can try again.`;
}

function viewOf(situation: Situation, shown: Shown, problem: string | null): PageView {
  const { title, status } = texts[situation];
  const paid = situation === 'paid' || situation === 'authorized';
  const asks = situation === 'open' || situation === 'bank';
  const href = paid ? shown.paidHref : shown.unpaidHref;
  return {
    ...nothing,
    title,
    status,
    problem: situation === 'open' ? problem : null,
    question: situation === 'bank' ? 'Do you approve this payment?' : 'What should the card do?',
    choices: situation === 'open' ? payChoices : situation === 'bank' ? bankChoices : [],
    fields: asks ? shown.fields : {},
    back: asks || href === null ? null : { href, label: 'Back to the shop' },
  };
}

export function messageView(title: string, status: string): PageView {
  return { ...nothing, title, status };
}
