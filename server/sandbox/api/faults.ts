/**
 * Faults on demand: what a network and a provider do on a bad day, as rules that a test sets. Each
 * decision draws from one seeded sequence, so the same calls in the same order meet the same
 * faults. The rules live in this process; each counts how often it struck.
 */
import { z } from 'zod';

const callFaults = [
  /** Waits before executing. */
  'delay',
  /** Waits, then closes the connection; nothing was executed. */
  'hang_before',
  /** Executes, waits, then closes the connection without an answer. */
  'hang_after',
  /** Resets the connection; nothing was executed. */
  'reset',
  /** Answers 500 without executing; kept under the idempotency key as Stripe does. */
  'error_500',
  /** Executes and answers 500 all the same; kept under the key too. */
  'error_500_after',
  /** Answers 429, before the idempotency layer. */
  'rate_limit',
] as const;

const webhookFaults = [
  'drop_webhook',
  'duplicate_webhook',
  /** Holds the first attempt back by `ms`. */
  'delay_webhook',
  /** Holds the first attempt back by a random part of `ms`, so that webhooks overtake another. */
  'reorder_webhooks',
] as const;

export type CallFault = (typeof callFaults)[number];
export type WebhookFault = (typeof webhookFaults)[number];

const MAX_RULES = 20;
const MAX_HANG_MS = 60_000;
const MAX_WEBHOOK_DELAY_MS = 3 * 24 * 3_600_000;

const rule = z
  .strictObject({
    kind: z.enum([...callFaults, ...webhookFaults]),
    /** `POST /v1/refunds` (the route, ids written `:id`) or an event type; absent: all. */
    on: z.string().optional(),
    chance: z.number().min(0).max(1).default(1),
    /** How often it strikes before it is spent; absent: for ever. */
    times: z.int().min(1).optional(),
    ms: z.int().min(0).max(MAX_WEBHOOK_DELAY_MS).default(0),
  })
  .refine((given) => isWebhookFault(given.kind) || given.ms <= MAX_HANG_MS, {
    message: `a call is held for at most ${MAX_HANG_MS} ms`,
    path: ['ms'],
  });

export const faultPlan = z.strictObject({
  seed: z.int().min(0).default(1),
  rules: z.array(rule).max(MAX_RULES),
});

export type FaultPlan = z.input<typeof faultPlan>;
type Rule = z.output<typeof rule> & { struck: number };

export type Strike<K> = { readonly kind: K; readonly ms: number };

export type Faults = {
  readonly set: (plan: z.output<typeof faultPlan>) => void;
  readonly plan: () => { readonly seed: number; readonly rules: readonly Readonly<Rule>[] };
  /** At most one fault per call; `on` is the route, e.g. `POST /v1/refunds`. */
  readonly forCall: (on: string) => Strike<CallFault> | null;
  readonly forWebhook: (eventType: string) => readonly Strike<WebhookFault>[];
};

function isWebhookFault(kind: string): kind is WebhookFault {
  const kinds: readonly string[] = webhookFaults;
  return kinds.includes(kind);
}

export function createFaults(): Faults {
  let seed = 1;
  let rules: Rule[] = [];
  let next = sequence(seed);

  function strikes(given: Rule, on: string): boolean {
    if (given.on !== undefined && given.on !== on) return false;
    if (given.times !== undefined && given.struck >= given.times) return false;
    if (given.chance < 1 && next() >= given.chance) return false;
    given.struck += 1;
    return true;
  }

  return {
    set: (plan) => {
      seed = plan.seed;
      rules = plan.rules.map((given) => ({ ...given, struck: 0 }));
      next = sequence(seed);
    },
    plan: () => ({ seed, rules: rules.map((given) => ({ ...given })) }),
    forCall: (on) => {
      for (const given of rules) {
        const { kind, ms } = given;
        if (!isWebhookFault(kind) && strikes(given, on)) return { kind, ms };
      }
      return null;
    },
    forWebhook: (eventType) =>
      rules.flatMap((given) => {
        const { kind, ms } = given;
        if (!isWebhookFault(kind) || !strikes(given, eventType)) return [];
        return [{ kind, ms: kind === 'reorder_webhooks' ? Math.floor(ms * next()) : ms }];
      }),
  };
}

/** mulberry32: small, seeded, even enough for choosing faults. */
function sequence(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
