/**
 * Work for a machine, in the database. A job is named by (kind, key): the same work is not waiting
 * twice. Whoever takes it gets a lease; a worker that dies loses the job when the lease ends, and
 * its late completion is recognised by the lease token and changes nothing. At least once: handlers
 * are idempotent. After MAX_ATTEMPTS a job is parked, counted and left to a person.
 *
 * A library was looked at first: its dead workers' jobs stay locked for hours, and money waits for
 * seconds at most (docs/decisions/0006).
 */
import type { Ctx } from './context.ts';
import { all, type Queryable, run } from './db.ts';
import { command, int, json, rows, text } from './sql.ts';

const LEASE_SECONDS = 60;
const MAX_ATTEMPTS = 20;
const RETRY_BASE_SECONDS = 1;
const RETRY_MAX_SECONDS = 300;
const POLL_MS = 1_000;
const TAKE_AT_ONCE = 8;

export type Job = {
  readonly id: number;
  readonly kind: string;
  readonly key: string;
  readonly data: unknown;
  readonly attempts: number;
  readonly leaseToken: number;
};

export type JobHandler = (ctx: Ctx, job: Job) => Promise<void>;

/** Work that is due again and again; the handler decides what there is to do. */
export type Recurring = {
  readonly name: string;
  readonly everyMs: number;
  readonly run: (ctx: Ctx) => Promise<void>;
};

const insertJob = (kind: string, key: string, data: string, delaySeconds: number) => command`
  insert into kernel.job as j (kind, key, data, run_at)
  values (${kind}, ${key}, ${data}::jsonb, clock_timestamp() + make_interval(secs => ${delaySeconds}))
  on conflict (kind, key) do update
    set run_at = least(j.run_at, excluded.run_at),
        -- A running job is told to run once more: what it has already read may be stale.
        lease_token = j.lease_token + 1,
        leased_until = null,
        parked_at = null`;

const takeJobs = (kinds: string[], most: number) => rows({
  id: int,
  kind: text,
  key: text,
  data: json,
  attempts: int,
  leaseToken: int,
})`
  update kernel.job j
  set leased_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS}),
      lease_token = j.lease_token + 1,
      attempts = j.attempts + 1
  from (
    select d.id from kernel.job d
    where d.parked_at is null and d.run_at <= clock_timestamp()
      and (d.leased_until is null or d.leased_until < clock_timestamp())
      and d.kind = any(${kinds}::text[])
    order by d.run_at
    limit ${most}
    for no key update skip locked
  ) due
  where j.id = due.id
  returning j.id, j.kind, j.key, j.data, j.attempts, j.lease_token as "leaseToken"`;

const deleteJob = (id: number, leaseToken: number) => command`
  delete from kernel.job where id = ${id} and lease_token = ${leaseToken}`;

const postponeJob = (job: Job, error: string, seconds: number, park: boolean) => command`
  update kernel.job
  set leased_until = null,
      run_at = clock_timestamp() + make_interval(secs => ${seconds}),
      last_error = ${error},
      parked_at = case when ${park}::boolean then clock_timestamp() end
  where id = ${job.id} and lease_token = ${job.leaseToken}`;

const countParked = () => rows({ parked: int })`
  select count(*)::int as parked from kernel.job where parked_at is not null`;

const insertJobIfMissing = (kind: string, key: string, data: string) => command`
  insert into kernel.job (kind, key, data) values (${kind}, ${key}, ${data}::jsonb)
  on conflict (kind, key) do nothing`;

/** In a transaction, so that the work exists exactly if the change does. */
export async function enqueue(
  on: Queryable,
  job: {
    readonly kind: string;
    readonly key: string;
    readonly data?: unknown;
    readonly delaySeconds?: number;
    /** Leaves a waiting, running or parked one alone. */
    readonly onlyIfMissing?: boolean;
  },
): Promise<void> {
  if (job.onlyIfMissing) {
    await run(on, insertJobIfMissing(job.kind, job.key, JSON.stringify(job.data ?? {})));
    return;
  }
  await run(
    on,
    insertJob(job.kind, job.key, JSON.stringify(job.data ?? {}), job.delaySeconds ?? 0),
  );
}

/** A handler throws this to be run again after a while without being counted as failing. */
export class NotYet extends Error {
  override readonly name = 'NotYet';
  readonly seconds: number;
  constructor(seconds: number) {
    super(`not yet; again in ${seconds} s`);
    this.seconds = seconds;
  }
}

export type Worker = {
  /** Begins to look for work, and to do what recurs. */
  readonly start: () => void;
  readonly wake: () => void;
  /** Takes no more work and waits for what is running. */
  readonly stop: () => Promise<void>;
  /** Runs all that is due now, once; for tests and commands. */
  readonly drain: () => Promise<number>;
};

type Handlers = Readonly<Record<string, JobHandler>>;

/**
 * Takes jobs as long as there are any and room for them; woken by a commit of this process, by a
 * job that ends, and once a second for what others enqueued.
 */
export function createWorker(
  getCtx: () => Ctx,
  handlers: Handlers,
  recurring: readonly Recurring[],
  concurrency: number,
): Worker {
  const running = new Set<Promise<void>>();
  const timers = new Set<NodeJS.Timeout>();
  const state = { started: false, stopping: false, woken: false };
  let looping: Promise<void> | undefined;

  const track = (work: Promise<void>, after: () => void) => {
    const tracked = work.finally(() => {
      running.delete(tracked);
      after();
    });
    running.add(tracked);
  };
  const take = () => takeAndRun(getCtx(), handlers, concurrency - running.size, track, wake);

  const loop = async () => {
    while (state.woken && !state.stopping) {
      state.woken = false;
      try {
        if ((await take()) > 0) state.woken = true;
      } catch (error) {
        getCtx().log.warn({ err: error }, 'jobs could not be read');
      }
      if (running.size >= concurrency) return;
    }
  };

  function wake(): void {
    state.woken = true;
    if (!state.started || state.stopping || looping) return;
    looping = loop().finally(() => {
      looping = undefined;
      if (state.woken && running.size < concurrency) wake();
    });
  }

  const every = (ms: number, work: () => Promise<void>) => {
    let busy = false;
    const tick = () => {
      if (busy || state.stopping) return;
      busy = true;
      track(work(), () => {
        busy = false;
      });
    };
    timers.add(setInterval(tick, ms));
  };

  return {
    wake,
    start: () => {
      state.started = true;
      every(POLL_MS, async () => wake());
      for (const task of recurring) every(task.everyMs, () => runRecurring(getCtx(), task));
      wake();
    },
    drain: async () => {
      let total = 0;
      for (;;) {
        const taken = await take();
        total += taken;
        if (taken === 0 && running.size === 0) return total;
        if (running.size > 0) await Promise.race(running);
      }
    },
    stop: async () => {
      state.stopping = true;
      for (const timer of timers) clearInterval(timer);
      await looping;
      await Promise.allSettled(running);
    },
  };
}

async function takeAndRun(
  ctx: Ctx,
  handlers: Handlers,
  room: number,
  track: (work: Promise<void>, after: () => void) => void,
  wake: () => void,
): Promise<number> {
  const kinds = Object.keys(handlers);
  const most = Math.min(TAKE_AT_ONCE, room);
  if (most <= 0 || kinds.length === 0) return 0;
  const jobs = await all(ctx.db, takeJobs(kinds, most));
  for (const job of jobs) track(runJob(ctx, handlers, job), wake);
  return jobs.length;
}

async function runRecurring(ctx: Ctx, task: Recurring): Promise<void> {
  try {
    await task.run(ctx);
    ctx.metrics.jobs.inc({ kind: task.name, outcome: 'done' });
  } catch (error) {
    ctx.metrics.jobs.inc({ kind: task.name, outcome: 'failed' });
    ctx.log.error({ err: error, task: task.name }, 'a recurring task failed');
  }
}

async function runJob(ctx: Ctx, handlers: Handlers, job: Job): Promise<void> {
  try {
    await handlers[job.kind]?.({ ...ctx, actor: `job:${job.kind}` }, job);
    await run(ctx.db, deleteJob(job.id, job.leaseToken));
    ctx.metrics.jobs.inc({ kind: job.kind, outcome: 'done' });
  } catch (error) {
    await postpone(ctx, job, error).catch((second: unknown) => {
      // The lease ends by itself, so the job is not lost; only its delay is.
      ctx.log.error({ err: second, job: job.kind }, 'a failed job could not be postponed');
    });
  }
}

async function postpone(ctx: Ctx, job: Job, error: unknown): Promise<void> {
  if (error instanceof NotYet) {
    await run(ctx.db, postponeJob(job, error.message, error.seconds, false));
    ctx.metrics.jobs.inc({ kind: job.kind, outcome: 'not_yet' });
    return;
  }
  const park = job.attempts >= MAX_ATTEMPTS;
  const seconds = Math.min(RETRY_MAX_SECONDS, RETRY_BASE_SECONDS * 2 ** (job.attempts - 1));
  const message = error instanceof Error ? error.message : String(error);
  await run(ctx.db, postponeJob(job, message.slice(0, 500), seconds, park));
  ctx.metrics.jobs.inc({ kind: job.kind, outcome: park ? 'parked' : 'failed' });
  ctx.log.error({ err: error, job: job.kind, key: job.key, park }, 'a job failed');
}

export async function measureJobs(ctx: Ctx): Promise<void> {
  const [row] = await all(ctx.db, countParked());
  ctx.metrics.jobsParked.set(row?.parked ?? 0);
}
