/**
 * The life of a PaymentIntent, as Stripe documents it. A payment method takes it to
 * requires_confirmation; confirming asks the bank, which may want to see its customer first
 * (requires_action). A decline or a failed authentication leads back to requires_payment_method:
 * the intent is not lost and may be tried with another card. processing is passed through within
 * one call, because a card answers at once. succeeded and canceled are final.
 */
import { assert } from '../../kernel/result.ts';
import { canMove, defineMachine } from '../../kernel/states.ts';
import { invalid } from '../api/errors.ts';
import type { IntentStatus, PaymentIntent } from '../objects.ts';
import type { Outcome } from '../world.ts';

const intentMachine = defineMachine<IntentStatus>({
  name: 'sandbox_intent',
  initial: ['requires_payment_method'],
  edges: {
    requires_payment_method: ['requires_confirmation', 'canceled'],
    requires_confirmation: ['requires_confirmation', 'requires_action', 'processing', 'canceled'],
    requires_action: ['requires_confirmation', 'processing', 'requires_payment_method', 'canceled'],
    processing: ['requires_capture', 'succeeded', 'requires_payment_method', 'canceled'],
    requires_capture: ['succeeded', 'canceled'],
    succeeded: [],
    canceled: [],
  },
});

/** The states in which each thing may be asked of an intent. */
export const allowedIn = {
  confirm: ['requires_payment_method', 'requires_confirmation', 'requires_action'],
  change: ['requires_payment_method', 'requires_confirmation', 'requires_action'],
  capture: ['requires_capture'],
  cancel: [
    'requires_payment_method',
    'requires_capture',
    'requires_confirmation',
    'requires_action',
    'processing',
  ],
} as const satisfies Record<string, readonly IntentStatus[]>;

const participle = {
  confirm: 'confirmed',
  change: 'changed in this way',
  capture: 'captured',
  cancel: 'canceled',
} as const;

/** The refusal, or null where the action is allowed; `shown` is what the caller may see of it. */
export function refusesNow(
  action: keyof typeof allowedIn,
  intent: PaymentIntent,
  shown: Partial<PaymentIntent> = intent,
): Extract<Outcome<never>, { ok: false }> | null {
  const allowed: readonly IntentStatus[] = allowedIn[action];
  if (allowed.includes(intent.status)) return null;
  const done = participle[action];
  const message =
    `This PaymentIntent could not be ${done} because it has a status of ${intent.status}. ` +
    `Only a PaymentIntent with one of the following statuses may be ${done}: ` +
    `${allowed.join(', ')}.`;
  return invalid(message, { code: 'payment_intent_unexpected_state', payment_intent: shown });
}

/** The change that moves an intent along one edge of its machine. */
export function moved(intent: PaymentIntent, to: IntentStatus): { readonly status: IntentStatus } {
  const from = intent.status;
  assert(canMove(intentMachine, from, to), `a PaymentIntent cannot go from ${from} to ${to}`);
  return { status: to };
}
