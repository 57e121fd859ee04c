/** One process's parts, wired: configuration, database, clock, provider, application, worker. */
import type { FastifyInstance } from 'fastify';
import { createStripeProvider } from './adapters/stripe/index.ts';
import { buildApp, buildWorker, machines } from './app.ts';
import { databaseClock } from './kernel/clock.ts';
import { type Config, isLive, usesSandbox } from './kernel/config.ts';
import { type Ctx, neverPause, type Ports, systemIds } from './kernel/context.ts';
import { closeDb, type Db, openDb } from './kernel/db.ts';
import type { Worker } from './kernel/jobs.ts';
import { createLog } from './kernel/log.ts';
import { createMetrics } from './kernel/metrics.ts';
import { present } from './kernel/result.ts';
import { unsafeSettings } from './kernel/safety.ts';
import { loadSecrets } from './kernel/secrets.ts';
import { machineDifferences } from './kernel/states.ts';
import { loadTestClock } from './kernel/test-clock.ts';
import type { PaymentProvider } from './modules/payments/index.ts';
import { clockRoutes } from './sandbox/clock.ts';
import { API_PREFIX, createSandbox, type Sandbox } from './sandbox/index.ts';

export class NotFit extends Error {
  override readonly name = 'NotFit';
}

export type Parts = {
  readonly ctx: Ctx;
  readonly app: FastifyInstance;
  readonly worker: Worker;
  readonly sandbox: Sandbox | null;
  /** Tells the parts where the server listens, once it does. */
  readonly listening: (address: { readonly host: string; readonly port: number }) => Promise<void>;
  /** From now on the server says that it is not ready. */
  readonly drain: () => void;
  readonly close: () => Promise<void>;
};

export type AssembleOptions = {
  readonly config: Config;
  /** As whom the application connects; the role is set by the session. */
  readonly databaseUrl: string;
  /** Replaces parts of the context; for tests. */
  readonly override?: Partial<Ctx>;
};

/** Throws NotFit, with a sentence for each reason, where nothing may be sold on this database. */
export async function assemble(options: AssembleOptions): Promise<Parts> {
  const { config } = options;
  const metrics = createMetrics({ process: true });
  const log = createLog(config);
  const db = openDb({
    url: options.databaseUrl,
    role: 'fanfare_app',
    maxConnections: config.DATABASE_POOL,
    name: 'api',
    timings: {
      poolWaited: (seconds) => metrics.poolWait.observe(seconds),
      transactionTook: (seconds) => metrics.transaction.observe(seconds),
      retried: (sqlstate) => metrics.transactionRetries.inc({ sqlstate }),
    },
    onError: (error) => log.warn({ err: error }, 'an idle database connection was lost'),
  });
  try {
    await refuseUnfit(db);
    const secrets = await loadSecrets(db);
    const testClock = usesSandbox(config) ? await loadTestClock(db) : null;
    const clock = options.override?.clock ?? testClock ?? databaseClock;
    const nowMs = () => clock.now()?.getTime() ?? systemIds.nowMs();
    const address = { baseUrl: null as string | null };
    const sandbox = usesSandbox(config)
      ? createSandbox({ db, ids: systemIds, nowMs, secrets, log, baseUrl: () => address.baseUrl })
      : null;
    let provider: PaymentProvider | null = sandbox ? null : stripeProvider(config, nowMs);
    const ports: Ports = {
      get payments() {
        return present(provider, 'the payment provider (the server does not listen yet)');
      },
    };
    let draining = false;
    const ctx: Ctx = {
      db,
      clock,
      ids: systemIds,
      log,
      metrics,
      config,
      ports,
      secrets,
      actor: 'system',
      requestId: null,
      once: null,
      wakeJobs: () => worker.wake(),
      isDraining: () => draining,
      pause: neverPause,
      ...options.override,
    };
    const worker = buildWorker(() => ctx);
    const app = await buildApp(ctx, testClock ? clockRoutes(testClock, nowMs) : []);
    if (sandbox) await app.register(sandbox.plugin);
    let delivery: { stop: () => Promise<void> } | null = null;
    return {
      ctx,
      app,
      worker,
      sandbox,
      listening: async ({ host, port }) => {
        address.baseUrl = config.BASE_URL ?? `http://${host}:${port}`;
        if (!sandbox) return;
        provider = sandboxProvider(sandbox, { host, port, baseUrl: address.baseUrl }, nowMs);
        await sandbox.ensureEndpoint(`http://${host}:${port}/webhooks/stripe`);
        delivery = sandbox.startDelivery();
      },
      drain: () => {
        draining = true;
      },
      close: async () => {
        await app.close();
        await worker.stop();
        await delivery?.stop();
        await closeDb(db);
      },
    };
  } catch (error) {
    await closeDb(db);
    throw error;
  }
}

async function refuseUnfit(db: Db): Promise<void> {
  const unsafe = await unsafeSettings(db.pool);
  const wrong = [...unsafe, ...(await machineDifferences(db, machines))];
  if (wrong.length > 0) throw new NotFit(wrong.join('\n'));
}

function stripeProvider(config: Config, nowMs: () => number): PaymentProvider {
  return createStripeProvider({
    secretKey: present(config.STRIPE_SECRET_KEY, 'STRIPE_SECRET_KEY'),
    webhookSecret: present(config.STRIPE_WEBHOOK_SECRET, 'STRIPE_WEBHOOK_SECRET'),
    livemode: isLive(config),
    nowMs,
  });
}

function sandboxProvider(
  sandbox: Sandbox,
  address: { readonly host: string; readonly port: number; readonly baseUrl: string },
  nowMs: () => number,
): PaymentProvider {
  return createStripeProvider({
    secretKey: sandbox.secretKey,
    webhookSecret: sandbox.webhookSecret,
    livemode: false,
    sandbox: {
      host: address.host,
      port: address.port,
      pathPrefix: API_PREFIX,
      hostedPage: (intentId, clientSecret) =>
        `${address.baseUrl}/sandbox/pay/${intentId}?client_secret=${clientSecret}`,
    },
    nowMs,
  });
}
