/** One process's parts, wired: configuration, database, clock, provider, application, worker. */
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { buildApp, machines } from './app.ts';
import { dataDirOf } from './database.ts';
import { databaseClock } from './kernel/clock.ts';
import { type Config, usesSandbox } from './kernel/config.ts';
import { type Ctx, neverPause, systemIds } from './kernel/context.ts';
import { AUDIT_STATEMENT_MAX_MS, closeDb, type Db, openDb } from './kernel/db.ts';
import { createLanes } from './kernel/lanes.ts';
import { createLog } from './kernel/log.ts';
import { createMetrics } from './kernel/metrics.ts';
import type { Route } from './kernel/route.ts';
import { unsafeSettings } from './kernel/safety.ts';
import { loadSecrets } from './kernel/secrets.ts';
import { machineDifferences } from './kernel/states.ts';
import { ANSWER_MAX_MS, createStops, type Stops } from './kernel/stops.ts';
import { loadTestClock } from './kernel/test-clock.ts';
import { sealChanges } from './kernel/timeline.ts';
import { organizerOf } from './modules/catalog/index.ts';
import { readStandbyKeys } from './modules/identity/index.ts';
import { startLive } from './modules/live/index.ts';
import { WEBHOOK_TYPES } from './modules/payments/index.ts';
import {
  type Listening,
  openPost,
  openShared,
  portsOf,
  sandboxProvider,
  stripeProvider,
} from './outside.ts';
import { clockRoutes } from './sandbox/clock.ts';
import { createSandbox, type Sandbox } from './sandbox/index.ts';
import { createWork, type Work } from './work.ts';

const AUDIT_CONNECTIONS = 2;
/** A storm of webhooks takes no connection from who buys. */
const WEBHOOK_CONNECTIONS = 2;
/** Nobody who buys waits for what is sent to organizers, nor that for them. */
const OUTGOING_CONNECTIONS = 3;
/** Beyond these, the provider sends it again. */
const WEBHOOKS_WAITING_MAX = 100;
/** One that hangs leaves another to try again on. */
const STOP_CONNECTIONS = 2;

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
  const outgoingDb = openDb({
    url: options.databaseUrl,
    role: 'fanfare_app',
    maxConnections: OUTGOING_CONNECTIONS,
    name: 'outgoing',
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
    return await build(options, { db, auditDb, webhookDb, outgoingDb, lanes, log, metrics });
  } catch (error) {
    await lanes.close();
    await closeDb(db);
    await closeDb(auditDb);
    await closeDb(webhookDb);
    await closeDb(outgoingDb);
    throw error;
  }
}

async function build(
  { config, databaseUrl, override }: AssembleOptions,
  base: Pick<Ctx, 'db' | 'auditDb' | 'webhookDb' | 'outgoingDb' | 'lanes' | 'log' | 'metrics'>,
): Promise<Parts> {
  const { db, log } = base;
  const { STRIPE_SECRET_KEY: realKey } = config;
  const secrets = await loadSecrets(db);
  const isSandbox = usesSandbox(config);
  const movable = isSandbox ? await loadTestClock(db) : null;
  const clock = override?.clock ?? movable ?? databaseClock;
  const nowMs = () => clock.now()?.getTime() ?? systemIds.nowMs();
  const state: Listening & { draining: boolean } = {
    baseUrl: null,
    provider: isSandbox ? null : stripeProvider(config, nowMs),
    draining: false,
  };
  const deps = { db, ids: systemIds, nowMs, secrets, log, baseUrl: () => state.baseUrl, realKey };
  const sandbox = isSandbox ? createSandbox(deps) : null;
  const post = await openPost(config, db, clock);
  const shared = override?.shared ?? (await openShared(config, secrets, base));
  const stops = await openStops(config, databaseUrl, { ...base, clock });
  const ctx: Ctx = {
    ...base,
    stops,
    shared,
    clock,
    ids: systemIds,
    config,
    ports: portsOf(config, state, post),
    secrets,
    actor: 'system',
    requestId: null,
    once: null,
    wakeJobs: () => work.worker.wake(),
    isDraining: () => state.draining,
    pause: neverPause,
    ...override,
  };
  const work = await createWork(() => ctx, base.lanes, config);
  const app = await openApp(ctx, work.relay, {
    routes: movable ? clockRoutes(movable, nowMs) : [],
    plugins: [sandbox?.plugin, post.mailbox?.plugin],
  });
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
      await disconnect({ ...ctx, ...base });
    },
  };
}

async function openApp(
  ctx: Ctx,
  relay: Work['relay'],
  more: {
    readonly routes: readonly Route[];
    readonly plugins: readonly (FastifyPluginAsync | undefined)[];
  },
): Promise<FastifyInstance> {
  const live = startLive(ctx, relay);
  const app = await buildApp(ctx, more.routes);
  // Streams have no end of their own: a closing server would wait for them.
  app.addHook('preClose', live.close);
  for (const plugin of more.plugins) if (plugin) await app.register(plugin);
  return app;
}

/** What was put in the place of something is closed by whoever put it there. */
async function disconnect(ctx: Ctx): Promise<void> {
  const { ports, lanes, db, auditDb, webhookDb, outgoingDb, stops, shared } = ctx;
  await ports.printer.close();
  await lanes.close();
  for (const pool of [db, auditDb, webhookDb, outgoingDb]) await closeDb(pool);
  await stops.close();
  await shared.close();
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
