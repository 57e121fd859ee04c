/** What tests of the kernel stand on: a context without rooms, a scratch table, gates. */
import pg from 'pg';
import { databaseClock } from '../../server/kernel/clock.ts';
import { readConfig } from '../../server/kernel/config.ts';
import { type Ctx, neverPause, type Ports, systemIds } from '../../server/kernel/context.ts';
import type { Db, TxScope } from '../../server/kernel/db.ts';
import { createLog } from '../../server/kernel/log.ts';
import { createMetrics } from '../../server/kernel/metrics.ts';
import { secretsFrom } from '../../server/kernel/secrets.ts';
import { alone } from '../../server/kernel/shared.ts';

const noLanes: Ctx['lanes'] = {
  ask: () => Promise.reject(new Error('this test has no lanes')),
  turn: () => Promise.reject(new Error('this test has no lanes')),
  onCommit: () => {},
  close: async () => {},
};

const neverStopped: Ctx['stops'] = {
  of: () => null,
  list: () => [],
  stop: (stop) => stop,
  resume: () => {},
  organizerOf: async () => null,
  isStored: () => true,
  refresh: async () => {},
  start: () => {},
  close: async () => {},
};

/** No room is asked, so no port is needed. */
export function kernelCtx(db: Db, more: Partial<Ctx> = {}): Ctx {
  return {
    db,
    auditDb: db,
    webhookDb: db,
    outgoingDb: db,
    stops: neverStopped,
    shared: alone,
    lanes: noLanes,
    clock: databaseClock,
    ids: systemIds,
    log: createLog({ LOG_LEVEL: 'silent' }),
    metrics: createMetrics(),
    config: readConfig({}),
    ports: {} as Ports,
    secrets: secretsFrom(Buffer.alloc(32, 7)),
    actor: 'test',
    requestId: null,
    once: null,
    wakeJobs: () => {},
    isDraining: () => false,
    pause: neverPause,
    ...more,
  };
}

export const scopeOn = (db: Db, more: Partial<TxScope> = {}): TxScope => ({
  db,
  actor: 'test',
  requestId: null,
  once: null,
  ...more,
});

/** A connection of the superuser's own, outside every pool. */
export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // A test may end its backend on purpose.
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Somebody waits at `reached` until somebody else calls `open`. */
export type Gate = { readonly reached: Promise<void>; readonly open: () => void };

export function gate(): Gate {
  let open = () => {};
  const reached = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { reached, open };
}
