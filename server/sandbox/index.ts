/**
 * The sandbox: a stateful simulator of the part of Stripe's HTTP API that this platform uses, so
 * that the official SDK and our one adapter run without an account: in development, in tests, and
 * in production until somebody sets real keys.
 *
 * It owns the schema `sandbox`: PaymentIntents, charges, refunds, disputes, Checkout Sessions,
 * events, webhooks and a double-entry ledger that nothing else writes. It promises Stripe's
 * states, errors, idempotency and at-least-once webhooks; that each call is one transaction; that
 * no more is ever refunded than was captured; and that what was answered survives a restart,
 * whichever of several processes answered. Failures are provoked by test cards and by fault rules,
 * never by chance alone. It does not move money, store a card number, or know what an order is. Any
 * name of a connected account is one, without onboarding; payouts are not simulated.
 *
 * The SDK knows no base path, and asks for `/v1/…`. Give it `host`, `port`, `protocol` and a client
 * that puts API_PREFIX in front, made around its own, so that connections fail as in production:
 *
 *   const node = Stripe.createNodeHttpClient();
 *   const httpClient: Stripe.HttpClient = {
 *     getClientName: () => 'sandbox',
 *     makeRequest: (host, port, path, ...rest) =>
 *       node.makeRequest(host, port, `${API_PREFIX}${path}`, ...rest),
 *   };
 */
import type { FastifyPluginAsync } from 'fastify';
import type { Db } from '../kernel/db.ts';
import type { IdSource } from '../kernel/ids.ts';
import { assert } from '../kernel/result.ts';
import type { Secrets } from '../kernel/secrets.ts';
import { createFaults, type FaultPlan, faultPlan } from './api/faults.ts';
import { runDue } from './due.ts';
import { standardFee } from './payments/fees.ts';
import { type LedgerTotals, readLedger } from './payments/ledger.ts';
import { sandboxPlugin } from './plugin.ts';
import { type Delivery, type Post, postByFetch, startDelivery } from './webhooks/delivery.ts';
import { ensureEndpoint, INSTANCE_ENDPOINTS } from './webhooks/endpoints.ts';
import { type FeeFor, keyChars, type Log, type World } from './world.ts';

export type { LedgerTotals } from './payments/ledger.ts';
export { API_PREFIX } from './plugin.ts';
export type { Post } from './webhooks/delivery.ts';

const RETRY_BASE_MS = 1_000;

export type Sandbox = {
  /** Everything under /sandbox/stripe and /sandbox/pay; encapsulated, brings its own parsers. */
  readonly plugin: FastifyPluginAsync;
  /** Delivers webhooks and does what is due, until stopped; any number of processes may. */
  readonly startDelivery: () => { readonly stop: () => Promise<void> };
  /** At each start: where this instance receives webhooks, signed with `webhookSecrets`. */
  readonly ensureEndpoint: (url: string, types?: readonly string[]) => Promise<void>;
  /** Of what happens in the instance's own account. */
  readonly webhookSecret: string;
  /** That one, and the one of what happens in connected accounts. */
  readonly webhookSecrets: readonly string[];
  readonly secretKey: string;
  /** For a buyer's browser: confirm and read one PaymentIntent, with its client secret. */
  readonly publishableKey: string;
  readonly ledger: () => Promise<LedgerTotals>;
  /** Settles refunds, expires sessions and authorisations whose time has come, now. */
  readonly runDue: () => Promise<number>;
  readonly setFaults: (plan: FaultPlan) => void;
};

export type SandboxDeps = {
  readonly db: Db;
  readonly ids: IdSource;
  /** Dates objects and decides what is due; a test clock may move it. */
  readonly nowMs: () => number;
  readonly secrets: Secrets;
  readonly log: Log;
  /** Of the real Stripe: beside one there is no sandbox, or buyers might pay with nothing. */
  readonly realKey?: string | undefined;
  /** The address that people use, for links to the payment page; else the request's own. */
  readonly baseUrl?: () => string | null;
  /** What the provider keeps of a captured amount; if not given, about what Stripe does. */
  readonly feeFor?: FeeFor;
  /** How webhooks are sent; over HTTP, if not given. */
  readonly post?: Post;
  readonly retryBaseMs?: number;
};

export function createSandbox(deps: SandboxDeps): Sandbox {
  assert(deps.realKey === undefined, 'the sandbox does not start beside real keys');
  const running = new Set<Delivery>();
  const webhookSecretOf = (endpointId: string) =>
    `whsec_${keyChars(deps.secrets, 'sandbox webhook secret', endpointId)}`;
  const world: World = {
    db: deps.db,
    ids: deps.ids,
    nowMs: deps.nowMs,
    log: deps.log,
    faults: createFaults(),
    secretKey: `sk_test_sandbox${keyChars(deps.secrets, 'sandbox key', 'secret')}`,
    publishableKey: `pk_test_sandbox${keyChars(deps.secrets, 'sandbox key', 'publishable')}`,
    webhookSecretOf,
    baseUrl: deps.baseUrl ?? (() => null),
    feeFor: deps.feeFor ?? standardFee,
    wake: () => {
      for (const delivery of running) delivery.wake();
    },
  };
  const delivery = {
    post: deps.post ?? postByFetch,
    retryBaseMs: deps.retryBaseMs ?? RETRY_BASE_MS,
  };
  return {
    plugin: sandboxPlugin(world),
    startDelivery: () => {
      const started = startDelivery(world, delivery);
      running.add(started);
      return {
        stop: async () => {
          running.delete(started);
          await started.stop();
        },
      };
    },
    ensureEndpoint: (url, types) => ensureEndpoint(world, url, types),
    webhookSecret: webhookSecretOf(INSTANCE_ENDPOINTS[0].id),
    webhookSecrets: INSTANCE_ENDPOINTS.map(({ id }) => webhookSecretOf(id)),
    secretKey: world.secretKey,
    publishableKey: world.publishableKey,
    ledger: () => readLedger(deps.db),
    runDue: async () => {
      const done = await runDue(world);
      world.wake();
      return done;
    },
    setFaults: (plan) => world.faults.set(faultPlan.parse(plan)),
  };
}
