/**
 * The application: rooms, routes and jobs put together. Wiring only; every route of the product is
 * in the list below.
 */
import type { FastifyInstance } from 'fastify';
import { facts } from './facts/index.ts';
import type { Ctx } from './kernel/context.ts';
import { all } from './kernel/db.ts';
import { createHttpServer } from './kernel/http.ts';
import { defaultRates } from './kernel/http-rates.ts';
import { forgetOldKeys } from './kernel/idempotency.ts';
import { createWorker, measureJobs, type Recurring, type Worker } from './kernel/jobs.ts';
import { forgetOldFacts, measureFacts } from './kernel/relay.ts';
import type { Route } from './kernel/route.ts';
import type { Machine } from './kernel/states.ts';
import { sealRecurring } from './kernel/timeline.ts';
import { approvalMachine, approvalRecurring, approvalRoutes } from './modules/approvals/index.ts';
import {
  archivePastEvents,
  catalogRoutes,
  eventMachine,
  releaseDue,
} from './modules/catalog/index.ts';
import {
  changesRecurring,
  changesRoutes,
  followChangeJob,
  remedyRoutes,
} from './modules/changes/index.ts';
import { authenticate, identityRoutes } from './modules/identity/index.ts';
import { holdMachine } from './modules/inventory/index.ts';
import { liveRoutes } from './modules/live/index.ts';
import {
  forgetMessagesRecurring,
  notificationRoutes,
  reminderRecurring,
  roundJob,
  SEND_JOB,
  SEND_URGENT_JOB,
  sendMessage,
} from './modules/notifications/index.ts';
import {
  orderMachine,
  orderRoutes,
  refundApproved,
  remedyMachine,
  ticketMachine,
} from './modules/orders/index.ts';
import {
  documentRecurring,
  documentRoutes,
  paperRoutes,
  ticketRoutes,
} from './modules/papers/index.ts';
import {
  accountRoutes,
  disputeMachine,
  forgetWebhooksRecurring,
  paymentMachine,
  refundMachine,
  submitRefund,
  tieOutAccountJob,
  tieOutJob,
  tieOutRecurring,
  tieOutRoutes,
  webhookRoutes,
} from './modules/payments/index.ts';
import { forgetSignInsRecurring, peopleRoutes, signInWords } from './modules/people/index.ts';
import { creditRoutes, promoRoutes } from './modules/promotions/index.ts';
import { reportingRoutes } from './modules/reporting/index.ts';
import { sessionMachine, sessionRecurring, sessionRoutes } from './modules/sessions/index.ts';
import {
  complimentaryApproved,
  complimentaryRoutes,
  creditRecurring,
  expireRecurring,
  settleHandlers,
  settleRecurring,
  shoppingRoutes,
  sweepRecurring,
} from './modules/shopping/index.ts';
import { venueRoutes } from './modules/venues/index.ts';
import {
  waitlistEntryMachine,
  waitlistOfferMachine,
  waitlistRecurring,
  waitlistRoutes,
} from './modules/waitlist/index.ts';
import {
  deliveryRoutes,
  dueWebhooksRecurring,
  ENDPOINTS_AT_ONCE,
  endpointRoutes,
  forgetDeliveriesRecurring,
  forgetEndpointJob,
  sendWebhooksJob,
} from './modules/webhooks/index.ts';
import { oldestSnapshotSeconds, operatingRoutes } from './operating.ts';
import { registerDocs } from './web/docs.ts';
import { registerHome } from './web/home.ts';
import { registerPeoplePages } from './web/people.ts';

export const BASE_PATH = '/api/v1';

export const routes: readonly Route[] = [
  ...catalogRoutes,
  ...venueRoutes,
  ...changesRoutes,
  ...remedyRoutes,
  ...shoppingRoutes,
  ...sessionRoutes,
  ...waitlistRoutes,
  ...complimentaryRoutes,
  ...orderRoutes,
  ...liveRoutes,
  ...ticketRoutes,
  ...paperRoutes,
  ...promoRoutes,
  ...creditRoutes,
  ...documentRoutes,
  ...approvalRoutes,
  ...notificationRoutes,
  ...identityRoutes,
  ...peopleRoutes,
  ...accountRoutes,
  ...tieOutRoutes,
  ...reportingRoutes,
  ...webhookRoutes,
  ...endpointRoutes(Object.keys(facts)),
  ...deliveryRoutes,
  ...operatingRoutes,
];

export const machines: readonly Machine<string>[] = [
  eventMachine,
  holdMachine,
  orderMachine,
  ticketMachine,
  paymentMachine,
  refundMachine,
  disputeMachine,
  approvalMachine,
  sessionMachine,
  remedyMachine,
  waitlistEntryMachine,
  waitlistOfferMachine,
];

export async function buildApp(ctx: Ctx, more: readonly Route[] = []): Promise<FastifyInstance> {
  const served = [...routes, ...more];
  const app = await createHttpServer(ctx, {
    basePath: BASE_PATH,
    authenticate,
    rates: ctx.config.RATE_LIMIT ? defaultRates : null,
    trustProxy: ctx.config.TRUST_PROXY,
    logRequests: true,
    before: (server) => registerDocs(server, served, BASE_PATH),
    routes: served,
  });
  registerHome(app, ctx);
  await registerPeoplePages(app, ctx);
  return app;
}

const HOUR_MS = 3_600_000;
const WORKER_CONCURRENCY = 8;
/** Together as many as the mail server is kept connections to. */
const LETTERS_AT_ONCE = 4;
const CODES_AT_ONCE = 2;
/** Books are read from the provider for minutes, and nobody waits for them. */
const ACCOUNTS_AT_ONCE = 2;

const recurring: readonly Recurring[] = [
  creditRecurring,
  expireRecurring,
  sweepRecurring,
  settleRecurring,
  tieOutRecurring,
  sealRecurring,
  documentRecurring,
  approvalRecurring,
  forgetWebhooksRecurring,
  sessionRecurring,
  changesRecurring,
  waitlistRecurring,
  reminderRecurring,
  forgetMessagesRecurring,
  forgetSignInsRecurring,
  dueWebhooksRecurring,
  forgetDeliveriesRecurring,
  {
    name: 'measure',
    everyMs: 5_000,
    run: async (ctx) => {
      await measureJobs(ctx);
      await measureFacts(ctx);
      const [row] = await all(ctx.db, oldestSnapshotSeconds());
      ctx.metrics.oldestSnapshot.set(row?.seconds ?? 0);
    },
  },
  {
    name: 'forget_keys',
    everyMs: 60_000,
    run: async (ctx) => {
      await forgetOldKeys(ctx.db);
    },
  },
  {
    name: 'forget_facts',
    everyMs: 60_000,
    run: forgetOldFacts,
  },
  {
    name: 'release_allocations',
    everyMs: 1_000,
    run: async (ctx) => {
      await releaseDue(ctx);
    },
  },
  {
    name: 'archive',
    everyMs: HOUR_MS,
    run: async (ctx) => {
      await archivePastEvents(ctx);
    },
  },
];

/** Hands for each sort of work: nobody's payment waits behind a mail server or an endpoint. */
export function buildWorker(ctx: () => Ctx): Worker {
  const money = {
    ...settleHandlers,
    [submitRefund.kind]: submitRefund.handler,
    [refundApproved.kind]: refundApproved.handler,
    [complimentaryApproved.kind]: complimentaryApproved.handler,
    [followChangeJob.kind]: followChangeJob.handler,
    [roundJob.kind]: roundJob.handler,
    [forgetEndpointJob.kind]: forgetEndpointJob.handler,
  };
  const books = {
    [tieOutJob.kind]: tieOutJob.handler,
    [tieOutAccountJob.kind]: tieOutAccountJob.handler,
  };
  const send = sendMessage(signInWords);
  return together(
    [
      createWorker(ctx, money, recurring, WORKER_CONCURRENCY),
      createWorker(ctx, { [sendWebhooksJob.kind]: sendWebhooksJob.handler }, [], ENDPOINTS_AT_ONCE),
    ],
    [
      createWorker(ctx, books, [], ACCOUNTS_AT_ONCE),
      createWorker(ctx, { [SEND_JOB]: send }, [], LETTERS_AT_ONCE),
      createWorker(ctx, { [SEND_URGENT_JOB]: send }, [], CODES_AT_ONCE),
    ],
  );
}

/** As one; the patient ones look once a second, and not at every commit that may concern them. */
function together(prompt: readonly Worker[], patient: readonly Worker[]): Worker {
  const workers = [...prompt, ...patient];
  return {
    start: () => {
      for (const each of workers) each.start();
    },
    wake: () => {
      for (const each of prompt) each.wake();
    },
    stop: async () => {
      await Promise.all(workers.map((each) => each.stop()));
    },
    drain: async () => {
      let total = 0;
      for (;;) {
        let round = 0;
        for (const each of workers) round += await each.drain();
        if (round === 0) return total;
        total += round;
      }
    },
  };
}
