/** One process's parts, wired: configuration, database, clock, provider, application, worker. */
import type { FastifyInstance } from 'fastify';
import { createWebhookPort } from './adapters/outgoing/index.ts';
import { openRedis } from './adapters/redis/index.ts';
import { createSms } from './adapters/sms/index.ts';
import { createSmtp } from './adapters/smtp/index.ts';
import { createStripeProvider } from './adapters/stripe/index.ts';
import { buildApp, machines } from './app.ts';
import { dataDirOf } from './database.ts';
import { type Clock, databaseClock } from './kernel/clock.ts';
import { type Config, isLive, usesMailbox, usesSandbox } from './kernel/config.ts';
import { type Ctx, neverPause, type Ports, systemIds } from './kernel/context.ts';
import { AUDIT_STATEMENT_MAX_MS, closeDb, type Db, openDb } from './kernel/db.ts';
import { createLanes } from './kernel/lanes.ts';
import { createLog } from './kernel/log.ts';
import { createMetrics } from './kernel/metrics.ts';
import { present } from './kernel/result.ts';
import { unsafeSettings } from './kernel/safety.ts';
import { loadSecrets, type Secrets } from './kernel/secrets.ts';
import { alone, type Shared } from './kernel/shared.ts';
import { machineDifferences } from './kernel/states.ts';
import { ANSWER_MAX_MS, createStops, type Stops } from './kernel/stops.ts';
import { loadTestClock } from './kernel/test-clock.ts';
import { sealChanges } from './kernel/timeline.ts';
import { organizerOf } from './modules/catalog/index.ts';
import { readStandbyKeys } from './modules/identity/index.ts';
import { startLive } from './modules/live/index.ts';
import type { SmsPort } from './modules/notifications/index.ts';
import { type PaymentPort, WEBHOOK_TYPES } from './modules/payments/index.ts';
import { clockRoutes } from './sandbox/clock.ts';
import { API_PREFIX, createSandbox, type Sandbox } from './sandbox/index.ts';
import { createMailbox } from './sandbox/mailbox/index.ts';
import { createWork, type Work } from './work.ts';

const AUDIT_CONNECTIONS = 2;
/** A storm of webhooks takes no connection from who buys. */
const WEBHOOK_CONNECTIONS = 2;
/** Beyond these, the provider sends it again. */
const WEBHOOKS_WAITING_MAX = 100;
/** One that hangs leaves another to try again on. */
const STOP_CONNECTIONS = 2;

const PROCESS_NAME_BYTES = 12;

export class NotFit extends Error {
  override readonly name = 'NotFit';
}

export type Parts = Work & {
  readonly ctx: Ctx;
  readonly app: FastifyInstance;
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
  const metrics = createMetrics({ process: true });
  const log = createLog(options.config);
  const db = openDb({
    url: options.databaseUrl,
    role: 'fanfare_app',
    maxConnections: options.config.DATABASE_POOL,
    name: 'api',
    timings: {
      poolWaited: (seconds) => metrics.poolWait.observe(seconds),
      transactionTook: (seconds) => metrics.transaction.observe(seconds),
      retried: (sqlstate) => metrics.transactionRetries.inc({ sqlstate }),
    },
    onError: (error) => log.warn({ err: error }, 'an idle database connection was lost'),
  });
  const auditDb = openDb({
    url: options.databaseUrl,
    role: 'fanfare_auditor',
    maxConnections: AUDIT_CONNECTIONS,
    name: 'audit',
    statementMaxMs: AUDIT_STATEMENT_MAX_MS,
    onError: (error) => log.warn({ err: error }, 'an idle database connection was lost'),
  });
  const webhookDb = openDb({
    url: options.databaseUrl,
    role: 'fanfare_app',
    maxConnections: WEBHOOK_CONNECTIONS,
    waitingMax: WEBHOOKS_WAITING_MAX,
    name: 'webhooks',
    onError: (error) => log.warn({ err: error }, 'an idle database connection was lost'),
  });
  const lanes = createLanes({
    url: options.databaseUrl,
    connections: options.config.DATABASE_LANES,
    metrics,
    onError: (error) => log.warn({ err: error }, 'an idle connection of the lanes was lost'),
  });
  try {
    await refuseUnfit(db);
    // Before anything is written: on a database that was restored, lines are numbered anew.
    await sealChanges(db);
    return await build(options, { db, auditDb, webhookDb, lanes, log, metrics });
  } catch (error) {
    await lanes.close();
    await closeDb(db);
    await closeDb(auditDb);
    await closeDb(webhookDb);
    throw error;
  }
}

async function build(
  { config, databaseUrl, override }: AssembleOptions,
  base: Pick<Ctx, 'db' | 'auditDb' | 'webhookDb' | 'lanes' | 'log' | 'metrics'>,
): Promise<Parts> {
  const { db, log } = base;
  const secrets = await loadSecrets(db);
  const isSandbox = usesSandbox(config);
  const { STRIPE_SECRET_KEY: realKey } = config;
  const movable = isSandbox ? await loadTestClock(db) : null;
  const clock = override?.clock ?? movable ?? databaseClock;
  const nowMs = () => clock.now()?.getTime() ?? systemIds.nowMs();
  const state: { baseUrl: string | null; provider: PaymentPort | null; draining: boolean } = {
    baseUrl: null,
    provider: isSandbox ? null : stripeProvider(config, nowMs),
    draining: false,
  };
  const baseUrl = () => state.baseUrl;
  const simulated = { db, ids: systemIds, nowMs, secrets, log, baseUrl, realKey };
  const sandbox = isSandbox ? createSandbox(simulated) : null;
  const post = openPost(config, db, clock);
  const ports: Ports = {
    get payments() {
      return present(state.provider, 'the payment provider (the server does not listen yet)');
    },
    get home() {
      return state.baseUrl;
    },
    mail: post.mail,
    sms: post.sms,
    webhooks: createWebhookPort({ allowPrivate: config.WEBHOOKS_ALLOW_PRIVATE }),
  };
  const shared = override?.shared ?? (await openShared(config, secrets, base));
  const stops = await openStops(config, databaseUrl, { ...base, clock });
  const ctx: Ctx = {
    ...base,
    stops,
    shared,
    clock,
    ids: systemIds,
    config,
    ports,
    secrets,
    actor: 'system',
    requestId: null,
    once: null,
    wakeJobs: () => work.worker.wake(),
    isDraining: () => state.draining,
    pause: neverPause,
    ...override,
  };
  const work = createWork(() => ctx, base.lanes);
  const live = startLive(ctx, work.relay);
  const app = await buildApp(ctx, movable ? clockRoutes(movable, nowMs) : []);
  // Streams have no end of their own: a closing server would wait for them.
  app.addHook('preClose', live.close);
  if (sandbox) await app.register(sandbox.plugin);
  if (post.mailbox) await app.register(post.mailbox.plugin);
  let delivery: { readonly stop: () => Promise<void> } | null = null;
  return {
    ctx,
    app,
    ...work,
    sandbox,
    listening: async ({ host, port }) => {
      const own = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
      state.baseUrl = config.BASE_URL ?? own;
      stops.start();
      if (!sandbox) return;
      state.provider = sandboxProvider(sandbox, { host, port, baseUrl: state.baseUrl }, nowMs);
      await sandbox.ensureEndpoint(`${own}/webhooks/stripe`, WEBHOOK_TYPES);
      delivery = sandbox.startDelivery();
    },
    drain: () => {
      state.draining = true;
    },
    close: async () => {
      await app.close();
      await work.stopWork();
      await delivery?.stop();
      post.close();
      await disconnect(base, stops);
      await shared.close();
    },
  };
}

/** Who takes messages: a server or provider, the development mailbox, or nobody. */
function openPost(config: Config, db: Db, clock: Clock) {
  const { SMTP_URL, SMS_URL, SMS_ACCOUNT, SMS_TOKEN, SMS_FROM } = config;
  const mailbox = usesMailbox(config) ? createMailbox({ db, clock }) : null;
  const smtp = SMTP_URL ? createSmtp(SMTP_URL) : null;
  const sms: SmsPort | null = SMS_URL
    ? createSms({
        url: SMS_URL,
        account: present(SMS_ACCOUNT, 'SMS_ACCOUNT'),
        token: present(SMS_TOKEN, 'SMS_TOKEN'),
        from: present(SMS_FROM, 'SMS_FROM'),
      })
    : null;
  return {
    mailbox,
    mail: smtp ?? mailbox?.mail ?? null,
    sms: sms ?? mailbox?.sms ?? null,
    close: () => smtp?.close(),
  };
}

/** With a Redis, what the processes can share; its client is loaded only then. */
async function openShared(
  { REDIS_URL: url }: Config,
  secrets: Secrets,
  { log, metrics }: Pick<Ctx, 'log' | 'metrics'>,
): Promise<Shared> {
  if (!url) return alone;
  return openRedis({
    ...{ url, log, metrics },
    installation: secrets.derive('shared', 'installation').slice(0, 12),
    process: Buffer.from(systemIds.bytes(PROCESS_NAME_BYTES)).toString('base64url'),
    hide: (name) => secrets.derive('shared-counts', name),
  });
}

async function disconnect(
  { lanes, db, auditDb, webhookDb }: Pick<Ctx, 'lanes' | 'db' | 'auditDb' | 'webhookDb'>,
  stops: Stops,
): Promise<void> {
  await lanes.close();
  for (const pool of [db, auditDb, webhookDb]) await closeDb(pool);
  await stops.close();
}

/** A process that starts is stopped where the one before it was. */
async function openStops(
  config: Config,
  databaseUrl: string,
  { db, log, clock }: Pick<Ctx, 'db' | 'log' | 'clock'>,
): Promise<Stops> {
  const stops = createStops({
    db: openDb({
      url: databaseUrl,
      role: 'fanfare_app',
      maxConnections: STOP_CONNECTIONS,
      name: 'stops',
      answerMaxMs: ANSWER_MAX_MS,
      onError: (error) => log.debug({ err: error }, 'an idle database connection was lost'),
    }),
    sharedDb: db,
    dataDir: dataDirOf(config),
    log,
    readOrganizer: organizerOf,
    alsoRead: (on) => readStandbyKeys(on, db, clock),
  });
  await stops.refresh();
  return stops;
}

async function refuseUnfit(db: Db): Promise<void> {
  const unsafe = await unsafeSettings(db.pool);
  const wrong = [...unsafe, ...(await machineDifferences(db, machines))];
  if (wrong.length > 0) throw new NotFit(wrong.join('\n'));
}

function stripeProvider(config: Config, nowMs: () => number): PaymentPort {
  return createStripeProvider({
    secretKey: present(config.STRIPE_SECRET_KEY, 'STRIPE_SECRET_KEY'),
    webhookSecrets: present(config.STRIPE_WEBHOOK_SECRET, 'STRIPE_WEBHOOK_SECRET'),
    livemode: isLive(config),
    nowMs,
  });
}

function sandboxProvider(
  sandbox: Sandbox,
  address: { readonly host: string; readonly port: number; readonly baseUrl: string },
  nowMs: () => number,
): PaymentPort {
  return createStripeProvider({
    secretKey: sandbox.secretKey,
    webhookSecrets: sandbox.webhookSecrets,
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
