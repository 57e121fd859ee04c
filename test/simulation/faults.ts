/**
 * What goes wrong, from the seed: connections and processes that die or stand still, locks that
 * others hold, deadlocks, and a provider on a bad day. Each strikes beside the clients, who go on.
 */
import type pg from 'pg';
import { asObject, pause, type Run } from './asking.ts';
import { endLeases } from './by-hand.ts';
import { connectTo } from './database.ts';
import type { ChildInstance, LocalInstance } from './instances.ts';
import { type Chance, chance } from './random.ts';
import { Lost } from './wire.ts';

const FAULT_STREAM = 3;

export const FAULTS = {
  kill_connections: 30,
  hold_lock: 30,
  deadlock: 16,
  provider: 24,
  end_leases: 20,
  freeze_process: 10,
  kill_process: 10,
} as const;

export type FaultKind = keyof typeof FAULTS;

// The keys of the table above, which has no others.
const KINDS = Object.keys(FAULTS) as FaultKind[];

export type FaultsOptions = {
  readonly run: Run;
  readonly seed: number;
  readonly databaseUrl: string;
  readonly pool: pg.Pool;
  readonly locals: readonly LocalInstance[];
  readonly children: readonly ChildInstance[];
  /** Other weights than the usual; 0 for never. */
  readonly mix?: Partial<Record<FaultKind, number>>;
};

export type Faults = {
  /**
   * Lets the n-th fault strike on one of these events: first each kind in turn, then by chance.
   * At most one of a kind goes on at once.
   */
  readonly strike: (n: number, eventIds: readonly string[]) => void;
  /** Waits until none goes on, and the provider is well again. */
  readonly stop: () => Promise<void>;
};

type Strike = (options: FaultsOptions, c: Chance, client: pg.Client, id: string) => Promise<void>;

const STRIKES: Readonly<Record<FaultKind, Strike>> = {
  kill_connections: killConnections,
  hold_lock: holdLock,
  deadlock: provokeDeadlock,
  provider: upsetProvider,
  end_leases: async ({ run, pool }) => {
    run.counters.count('job_lease_ended_early', await endLeases(pool));
  },
  freeze_process: freezeProcess,
  kill_process: killProcess,
};

export function createFaults(options: FaultsOptions): Faults {
  const going = new Map<FaultKind, Promise<void>>();
  const weights = KINDS.map((kind) => options.mix?.[kind] ?? FAULTS[kind]);
  const failures: unknown[] = [];
  return {
    strike: (n, eventIds) => {
      const c = chance(options.seed, FAULT_STREAM, n);
      const kind = KINDS[n < KINDS.length ? n : c.weighted(weights)] ?? 'hold_lock';
      if ((options.mix?.[kind] ?? 1) === 0) return;
      if (failures.length > 0) throw failures[0];
      if (going.has(kind) || eventIds.length === 0) return;
      const eventId = c.pick(eventIds);
      const struck = withClient(options.databaseUrl, (client) =>
        STRIKES[kind](options, c, client, eventId),
      ).catch((error: unknown) => void failures.push(error));
      going.set(
        kind,
        struck.finally(() => void going.delete(kind)),
      );
    },
    stop: async () => {
      await Promise.all(going.values());
      if (failures.length > 0) throw failures[0];
      await noProviderFaults(options);
    },
  };
}

async function withClient(url: string, use: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = await connectTo(url);
  try {
    await use(client);
  } finally {
    await client.end().catch(() => {});
  }
}

async function killConnections({ run }: FaultsOptions, c: Chance, client: pg.Client) {
  await pause(c.int(30));
  const { rowCount } = await client.query(
    `select pg_terminate_backend(v.pid) from (
       select a.pid from pg_stat_activity a
       where a.datname = current_database() and a.application_name like 'fanfare %'
       order by (a.state <> 'active'), hashint4(a.pid # $1) limit $2
     ) v`,
    [c.int(1 << 30), 1 + c.int(4)],
  );
  run.counters.count('connection_killed', rowCount ?? 0);
}

/** A commit that takes its time: somebody sits on the event's lock. */
async function holdLock({ run }: FaultsOptions, c: Chance, client: pg.Client, eventId: string) {
  // Longer than servers wait for a lock, now and then.
  const ms = c.hit(0.1) ? 3_300 : 20 + c.int(500);
  await client.query('begin');
  await client.query('select from inventory.sale s where s.event_id = $1 for no key update', [
    eventId,
  ]);
  run.counters.count('lock_held_by_another');
  await pause(ms);
  await client.query('rollback');
}

/** Locks in the other order than the product does. The server's session finds out first. */
async function provokeDeadlock(
  { run }: FaultsOptions,
  _c: Chance,
  client: pg.Client,
  eventId: string,
) {
  const deadlocks = async () => {
    await client.query('select pg_stat_clear_snapshot()');
    const { rows } = await client.query<{ n: number }>(
      'select deadlocks::int as n from pg_stat_database where datname = current_database()',
    );
    return rows[0]?.n ?? 0;
  };
  const before = await deadlocks();
  await client.query(`set deadlock_timeout = '5s'`);
  await client.query('begin');
  try {
    await client.query('select from inventory.pool p where p.event_id = $1 for update', [eventId]);
    await pause(30);
    await client.query('select from inventory.sale s where s.event_id = $1 for update', [eventId]);
  } catch {
    // This session was the one that was given up.
  }
  await client.query('rollback');
  // The servers' statistics come a moment later.
  await pause(1_500);
  run.counters.count('deadlock_provoked', Math.max(0, (await deadlocks()) - before));
}

const REFUND = 'POST /v1/refunds';
const CAPTURE = 'POST /v1/payment_intents/:id/capture';

const RULES = [
  { kind: 'hang_before', ms: 400, chance: 0.15 },
  { kind: 'hang_after', ms: 400, chance: 0.15 },
  { kind: 'reset', chance: 0.2 },
  { kind: 'error_500', chance: 0.4, on: CAPTURE },
  { kind: 'error_500_after', chance: 0.4, on: CAPTURE },
  { kind: 'error_500', chance: 0.4, on: REFUND },
  { kind: 'error_500_after', chance: 0.4, on: REFUND },
  { kind: 'rate_limit', chance: 0.2 },
  { kind: 'delay', ms: 300, chance: 0.3 },
  { kind: 'drop_webhook', chance: 0.4 },
  { kind: 'duplicate_webhook', chance: 0.5 },
  { kind: 'reorder_webhooks', ms: 800, chance: 0.6 },
  { kind: 'delay_webhook', ms: 1_500, chance: 0.5 },
] as const;

/** So that others have the time to come in between. */
const SLOW_CAPTURE = { kind: 'delay', ms: 150, chance: 0.5, on: CAPTURE } as const;

const PROVIDER_UPSET_MS = 1_500;

/** One or two kinds of failure at every server's simulator, for a while. */
async function upsetProvider(options: FaultsOptions, c: Chance) {
  const rules = [c.pick(RULES), c.pick(RULES), SLOW_CAPTURE];
  for (const { parts } of options.locals) {
    parts.sandbox?.setFaults({ seed: c.int(1 << 30), rules });
  }
  await pause(PROVIDER_UPSET_MS);
  await noProviderFaults(options);
}

async function noProviderFaults({ run, locals }: FaultsOptions): Promise<void> {
  for (const { parts, wire } of locals) {
    const headers = { authorization: `Bearer ${run.keys.secret}` };
    const path = '/sandbox/stripe/faults';
    const { body } = await wire.send({ method: 'GET', path, headers });
    for (const rule of Object.values(asObject(asObject(body)['rules']))) {
      const { kind, struck } = asObject(rule);
      const state = /webhook/.test(String(kind)) ? 'webhook_fault_struck' : 'provider_fault_struck';
      run.counters.count(state, Number(struck));
    }
    parts.sandbox?.setFaults({ seed: 1, rules: [] });
  }
}

const FROZEN_MAX_MS = 7_000;

async function freezeProcess({ run, children }: FaultsOptions, c: Chance) {
  if (children.length === 0) return;
  const child = c.pick(children);
  child.freeze();
  // Now and then longer than an idle transaction keeps its locks.
  await pause(c.hit(0.2) ? FROZEN_MAX_MS : 100 + c.int(1_500));
  child.thaw();
  await answers(child);
  run.counters.count('process_frozen_and_recovered');
}

async function killProcess({ run, children, locals }: FaultsOptions, c: Chance) {
  if (children.length === 0) return;
  const child = c.pick(children);
  await pause(c.int(200));
  child.kill();
  await child.restart();
  await answers(child);
  run.counters.count('process_killed_and_recovered');
  // A server that starts takes the provider's webhooks to itself; it may be frozen next.
  const [local] = locals;
  const address = local?.parts.app.server.address();
  if (!local || typeof address !== 'object' || !address) return;
  await local.parts.sandbox?.ensureEndpoint(`http://127.0.0.1:${address.port}/webhooks/stripe`);
}

/** Until it serves again. */
async function answers(child: ChildInstance): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      const { status } = await child.wire.send({ method: 'GET', path: '/readyz' });
      if (status === 200) return;
    } catch (error) {
      if (!(error instanceof Lost)) throw error;
    }
    await pause(50);
  }
  throw new Error(`${child.name} does not come back`);
}
