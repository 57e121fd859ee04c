import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import type { Db } from './db.ts';
import type { Once } from './idempotency.ts';
import type { IdSource } from './ids.ts';
import type { Lanes } from './lanes.ts';
import type { Metrics } from './metrics.ts';
import type { Secrets } from './secrets.ts';
import type { Shared } from './shared.ts';
import type { Stops } from './stops.ts';

/** The outside world, plugged in by main; each room that has a port declares it here. */
// biome-ignore lint/suspicious/noEmptyInterface: rooms add to it by declaration merging
export interface Ports {}

/** Everything that a use case may need and may not reach for by itself. */
export type Ctx = {
  readonly db: Db;
  /** Reads only, as the auditor's role, no statement longer than AUDIT_STATEMENT_MAX_MS. */
  readonly auditDb: Db;
  /** For webhooks that come in: few connections of their own, and few who may wait for one. */
  readonly webhookDb: Db;
  /** For what is sent out: so many connections and no more, whatever there is to send. */
  readonly outgoingDb: Db;
  /** The way to change places, one lane for each event. */
  readonly lanes: Lanes;
  /** Where nothing may be sold for the moment. */
  readonly stops: Stops;
  /** What the processes of this installation tell each other; may be nothing. */
  readonly shared: Shared;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly config: Config;
  readonly ports: Ports;
  readonly secrets: Secrets;
  /** Who acts, for the audit log: an id, or the name of a job. */
  readonly actor: string;
  readonly requestId: string | null;
  /** The idempotency key of the request at hand, completed by its first committed transaction. */
  readonly once: Once | null;
  /** Whether the caller has hung up; absent for work that nobody waits for. */
  readonly isGone?: () => boolean;
  /** Tells the worker of this process that a job is ready; other processes find it by polling. */
  readonly wakeJobs: () => void;
  /** True from SIGTERM on: take nothing new. */
  readonly isDraining: () => boolean;
  /** A no-op outside tests; a race test holds a use case at a named point. */
  readonly pause: (point: string) => Promise<void>;
};

/** Chance is fetched for many ids at once: a call for each costs more than the bytes. */
const CHANCE_BYTES = 8_192;
let chance = Buffer.alloc(0);
let used = 0;

export const systemIds: IdSource = {
  nowMs: () => Date.now(),
  bytes: (n) => {
    if (used + n > chance.length) {
      chance = randomBytes(Math.max(n, CHANCE_BYTES));
      used = 0;
    }
    // Never given out twice: what was used lies behind.
    used += n;
    return chance.subarray(used - n, used);
  },
};

export const neverPause = async (): Promise<void> => {};
