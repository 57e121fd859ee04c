/**
 * Work for a machine, in the database. A job is named by (kind, key): the same work is not waiting
 * twice. Whoever takes it gets a lease; a worker that dies loses the job when the lease ends, and
 * its late completion is recognised by the lease token and changes nothing. At least once: handlers
 * are idempotent. A job that has failed MAX_ATTEMPTS times, or whose worker has died at it
 * MAX_DEATHS times in a row, is parked, counted and left to a person.
 *
 * Enqueued again while it runs, a job runs once more after this run, not beside it: what it has
 * read may be stale. `run_at` tells: it lies after the moment the job was taken.
 *
 * A library was looked at first: its dead workers' jobs stay locked for hours, and money waits for
 * seconds at most (docs/decisions/0006).
 */
import type { Ctx } from './context.ts';
import { all, maybe, one, type Queryable, run } from './db.ts';
import { present } from './result.ts';
import { command, int, json, rows, text } from './sql.ts';

export const LEASE_SECONDS = 60;
const MAX_ATTEMPTS = 20;
/** A lease each, so an hour: a server that is killed for its own reasons parks nothing soon. */
const MAX_DEATHS = 60;
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
  values (${kind}, ${key}, ${data}::jsonb,
    clock_timestamp() + make_interval(secs => ${delaySeconds}))
  on conflict (kind, key) do update
    set run_at = case
          when j.parked_at is not null then excluded.run_at
          -- Not before it was taken, even if this statement began before that and had to wait.
          when j.leased_until > clock_timestamp()
            and j.run_at <= j.leased_until - make_interval(secs => ${LEASE_SECONDS})
            then greatest(excluded.run_at, clock_timestamp())
          else least(j.run_at, excluded.run_at)
        end,
        -- Somebody wants it again: one attempt more, and if that fails it is parked again.
        attempts = least(j.attempts, ${MAX_ATTEMPTS - 1}),
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
      -- Where a lease is over, its worker died before the attempt was one.
      attempts = j.attempts + case when j.leased_until is null then 1 else 0 end,
      deaths = case when j.leased_until is null then 0 else j.deaths + 1 end
  from (
    select d.id
    from unnest(${kinds}::text[]) as k(kind)
    -- However much is due of a kind, so many are looked at.
    cross join lateral (
      select o.id, o.run_at from kernel.job o
      where o.kind = k.kind and o.parked_at is null and o.run_at <= clock_timestamp()
        and case when o.leased_until is null then o.attempts < ${MAX_ATTEMPTS}
          else o.leased_until < clock_timestamp() and o.deaths < ${MAX_DEATHS} end
      order by o.run_at
      limit ${most}
      for no key update skip locked
    ) d
    order by d.run_at
    limit ${most}
  ) due
  where j.id = due.id
  returning j.id, j.kind, j.key, j.data, j.attempts, j.lease_token as "leaseToken"`;

/** Gone if nobody enqueued it again meanwhile; else due again. */
const finishJob = (job: Job) => command`
  with mine as (
    -- Without a lease, somebody took it away by hand: what is done is done all the same.
    select id, leased_until is not null
      and run_at > leased_until - make_interval(secs => ${LEASE_SECONDS}) as again
    from kernel.job
    where id = ${job.id} and lease_token = ${job.leaseToken}
    for update
  ), done as (
    delete from kernel.job j using mine where j.id = mine.id and not mine.again
  )
  update kernel.job j set leased_until = null, attempts = 0
  from mine where j.id = mine.id and mine.again`;

type Postponed = {
  readonly error: string;
  readonly seconds: number;
  readonly park: boolean;
  /** Whether this run counts as an attempt. */
  readonly counts: boolean;
};

const postponeJob = (job: Job, p: Postponed) => command`
  update kernel.job j
  set leased_until = null,
      run_at = case
        when j.run_at > j.leased_until - make_interval(secs => ${LEASE_SECONDS})
          then least(j.run_at, later.at)
        else later.at
      end,
      -- Taken from a worker that had died it was no attempt to begin with.
      attempts = greatest(0, j.attempts - case when ${p.counts}::boolean then 0 else 1 end),
      last_error = ${p.error},
      parked_at = case when ${p.park}::boolean then clock_timestamp() end
  from (select clock_timestamp() + make_interval(secs => ${p.seconds}) as at) later
  where j.id = ${job.id} and j.lease_token = ${job.leaseToken}`;

const extendLease = (job: Job) => rows({ id: int })`
  update kernel.job j
  set leased_until = t.at + make_interval(secs => ${LEASE_SECONDS}),
      -- What was enqueued again since it was taken lies after the beginning of this lease, too.
      run_at = case when j.run_at > j.leased_until - make_interval(secs => ${LEASE_SECONDS})
        then greatest(j.run_at, t.at + interval '1 millisecond') else j.run_at end
  from (select clock_timestamp() as at) t
  where j.id = ${job.id} and j.lease_token = ${job.leaseToken} and j.leased_until > t.at
  returning j.id`;

/** Jobs that only ever end their worker: no handler parks those. */
const parkDeadJobs = () => command`
  update kernel.job
  set parked_at = clock_timestamp(), leased_until = null,
      last_error = coalesce(last_error, 'the worker ended each time')
  where parked_at is null and deaths >= ${MAX_DEATHS} and leased_until < clock_timestamp()`;

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

/**
 * A whole lease from now on, for a handler that is about to do what must not be done by two at
 * once. False where the lease is over: somebody else is at it, or will be.
 */
export async function renewLease(on: Queryable, job: Job): Promise<boolean> {
  return (await maybe(on, extendLease(job))) !== null;
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

/** What runs now: counted for room, waited for at the end. */
type Crew = {
  readonly size: () => number;
  readonly track: (work: Promise<void>, after: () => void) => void;
  readonly next: () => Promise<void>;
  readonly allDone: () => Promise<void>;
};

function createCrew(): Crew {
  const running = new Set<Promise<void>>();
  return {
    size: () => running.size,
    track: (work, after) => {
      const tracked = work.finally(() => {
        running.delete(tracked);
        after();
      });
      running.add(tracked);
    },
    next: () => Promise.race(running),
    allDone: async () => {
      await Promise.allSettled(running);
    },
  };
}

/**
 * `work` at once, for what came due while nobody was there, and again and again until the timer is
 * cleared; never beside itself.
 */
function repeat(everyMs: number, crew: Crew, work: () => Promise<void>): NodeJS.Timeout {
  let busy = false;
  const turn = () => {
    if (busy) return;
    busy = true;
    crew.track(work(), () => {
      busy = false;
    });
  };
  turn();
  return setInterval(turn, everyMs);
}

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
  // Recurring work has hands of its own: it must not wait for jobs, nor they for it.
  const jobs = createCrew();
  const recurrent = createCrew();
  const timers: NodeJS.Timeout[] = [];
  const state = { started: false, stopping: false, woken: false };
  let looping: Promise<void> | undefined;

  const take = () => takeAndRun(getCtx(), handlers, concurrency - jobs.size(), jobs, wake);

  const loop = async () => {
    while (state.woken && !state.stopping) {
      state.woken = false;
      try {
        if ((await take()) > 0) state.woken = true;
      } catch (error) {
        getCtx().log.warn({ err: error }, 'jobs could not be read');
      }
      if (jobs.size() >= concurrency) return;
    }
  };

  function wake(): void {
    state.woken = true;
    if (!state.started || state.stopping || looping) return;
    looping = loop().finally(() => {
      looping = undefined;
      if (state.woken && jobs.size() < concurrency) wake();
    });
  }

  return {
    wake,
    start: () => {
      state.started = true;
      timers.push(repeat(POLL_MS, recurrent, async () => wake()));
      for (const task of recurring) {
        timers.push(repeat(task.everyMs, recurrent, () => runRecurring(getCtx(), task)));
      }
      wake();
    },
    drain: async () => {
      let total = 0;
      for (;;) {
        const taken = await take();
        total += taken;
        if (taken === 0 && jobs.size() === 0) return total;
        if (jobs.size() > 0) await jobs.next();
      }
    },
    stop: async () => {
      state.stopping = true;
      for (const timer of timers) clearInterval(timer);
      await looping;
      await Promise.all([jobs.allDone(), recurrent.allDone()]);
    },
  };
}

async function takeAndRun(
  ctx: Ctx,
  handlers: Handlers,
  room: number,
  crew: Crew,
  wake: () => void,
): Promise<number> {
  const kinds = Object.keys(handlers);
  const most = Math.min(TAKE_AT_ONCE, room);
  if (most <= 0 || kinds.length === 0) return 0;
  const taken = await all(ctx.db, takeJobs(kinds, most));
  for (const job of taken) crew.track(runJob(ctx, handlers, job), wake);
  return taken.length;
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
    const handler = present(handlers[job.kind], `the handler of ${job.kind}`);
    await handler({ ...ctx, actor: `job:${job.kind}` }, job);
    await run(ctx.db, finishJob(job));
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
    const { message, seconds } = error;
    await run(ctx.db, postponeJob(job, { error: message, seconds, park: false, counts: false }));
    ctx.metrics.jobs.inc({ kind: job.kind, outcome: 'not_yet' });
    return;
  }
  const park = job.attempts >= MAX_ATTEMPTS;
  const seconds = Math.min(RETRY_MAX_SECONDS, RETRY_BASE_SECONDS * 2 ** (job.attempts - 1));
  const message = (error instanceof Error ? error.message : String(error)).slice(0, 500);
  await run(ctx.db, postponeJob(job, { error: message, seconds, park, counts: true }));
  ctx.metrics.jobs.inc({ kind: job.kind, outcome: park ? 'parked' : 'failed' });
  ctx.log.error({ err: error, job: job.kind, key: job.key, park }, 'a job failed');
}

/** Parks what only ever ended its worker, and counts what waits for a person. */
export async function measureJobs(ctx: Ctx): Promise<void> {
  await run(ctx.db, parkDeadJobs());
  const { parked } = await one(ctx.db, countParked());
  ctx.metrics.jobsParked.set(parked);
}
