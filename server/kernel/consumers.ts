/**
 * Consumers read facts and do what follows from them: written once, run here on the log in the
 * database, or as groups of a bus (bus-consumers.ts).
 *
 * Each has a position of its own. One process at a time works for it, under a lease; whoever dies
 * loses it within seconds, and the facts since the last position that it has written down are
 * handled again: at least once, so handlers are idempotent. Facts of one key are handled in their
 * order, those of several at once. One that cannot be handled is parked, and those of its key that
 * follow it with it; all other keys go on (`fanfare facts`).
 */
import { eachOf } from './concurrent.ts';
import type { Ctx } from './context.ts';
import { all, isAway, isBusy, isRetryable, maybe, one, run } from './db.ts';
import { BusAway } from './fact-bus.ts';
import { groupBy } from './group-by.ts';
import { factColumns, factSelect, type Relayed } from './relay.ts';
import { command, instant, int, rows, text } from './sql.ts';

export type Consumer = {
  readonly name: string;
  /** The facts that it wants. */
  readonly kinds: readonly string[];
  /** Facts of one key are handled in order. */
  readonly keyOf: (fact: Relayed) => string;
  /** May come again for the same fact. Throws where it cannot be done. */
  readonly handle: (ctx: Ctx, fact: Relayed) => Promise<void>;
  /** The same for many at once, in order. Where it fails, they are handled one by one. */
  readonly handleMany?: (ctx: Ctx, facts: readonly Relayed[]) => Promise<void>;
  /** A new one begins where the slowest of the others is; else with what comes from now on. */
  readonly beginsWithSlowest?: boolean;
};

const SLICE_FACTS = 2_000;
const LEASE_SECONDS = 15;
/** Nobody has told of anything new: the lease is kept. */
const RENEW_MS = 5_000;
/** While another process has the lease. */
const STANDBY_MS = 2_000;
const KEYS_AT_ONCE = 8;
/** One that fails is tried so often, with a pause that grows, while those behind it wait. */
const TRIES_MAX = 5;
const TRY_AGAIN_MS = 100;
const ERROR_CHARS = 1_000;

const insertConsumer = (name: string, beginsWithSlowest: boolean) => command`
  insert into kernel.consumer (name, position)
  select ${name}, coalesce(
    (select min(c.position) from kernel.consumer c where ${beginsWithSlowest}), r.last_n)
  from kernel.relay r
  on conflict (name) do nothing`;

const takeLease = (name: string) => rows({ position: int, token: int })`
  update kernel.consumer c
  set lease_token = c.lease_token + 1,
      leased_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
  where c.name = ${name} and c.leased_until < clock_timestamp()
  returning c.position, c.lease_token as token`;

const moveOn = (name: string, token: number, position: number) => command`
  update kernel.consumer
  set position = ${position},
      leased_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
  where name = ${name} and lease_token = ${token}`;

const renewLease = (name: string, token: number) => command`
  update kernel.consumer
  set leased_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
  where name = ${name} and lease_token = ${token}`;

const giveLease = (name: string, token: number) => command`
  update kernel.consumer set leased_until = '-infinity'
  where name = ${name} and lease_token = ${token}`;

const selectEnd = (position: number, most: number) => rows({ end: int })`
  select coalesce(max(s.n), ${position}) as "end"
  from (select f.n from kernel.fact f where f.n > ${position} order by f.n limit ${most}) s`;

const selectSlice = (kinds: readonly string[], position: number, end: number) => rows(factColumns)`
  select ${factSelect}
  from kernel.fact f
  where f.n > ${position} and f.n <= ${end} and f.kind = any (${kinds}::text[])
  order by f.n`;

const selectParkedKeys = (consumer: string, keys: readonly string[]) => rows({ key: text })`
  select distinct key from kernel.parked_fact
  where consumer = ${consumer} and key = any (${keys}::text[])`;

const insertParked = (consumer: string, key: string, f: Relayed, error: string) => command`
  insert into kernel.parked_fact (consumer, n, key, event_id, seq, kind, version, data, at, error)
  values (${consumer}, ${f.n}, ${key}, ${f.eventId}, ${f.seq}, ${f.kind}, ${f.version},
    ${JSON.stringify(f.data)}::jsonb, ${f.at}, ${error})
  on conflict do nothing`;

export type Consumers = {
  /** Those that run here, whatever they run on. */
  readonly list: readonly Consumer[];
  readonly start: () => void;
  readonly wake: () => void;
  /** Handles what there is, all of it; for tests and commands. */
  readonly drain: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

export function createConsumers(getCtx: () => Ctx, consumers: readonly Consumer[]): Consumers {
  const runs = consumers.map((consumer) => createRun(getCtx, consumer));
  return {
    list: consumers,
    start: () => {
      for (const each of runs) each.start();
    },
    wake: () => {
      for (const each of runs) each.wake();
    },
    drain: async () => {
      for (const each of runs) await each.drain();
    },
    stop: async () => {
      await Promise.all(runs.map((each) => each.stop()));
    },
  };
}

/** Writes down where a consumer begins, unless it has begun. */
export async function ensureConsumer(
  ctx: Ctx,
  { name, beginsWithSlowest = false }: Consumer,
): Promise<void> {
  await run(ctx.db, insertConsumer(name, beginsWithSlowest));
}

type Lease = { readonly position: number; readonly token: number };

function createRun(getCtx: () => Ctx, consumer: Consumer) {
  const { name } = consumer;
  const state = { stopping: false, woken: false, isKnown: false };
  const pauses = createPauses();
  let running: Promise<void> | undefined;

  const lease = async (ctx: Ctx) => {
    if (!state.isKnown) await ensureConsumer(ctx, consumer);
    state.isKnown = true;
    return maybe(ctx.db, takeLease(name));
  };

  /** As long as the lease is ours; with `once`, until nothing is left. */
  const work = async ({ position: begin, token }: Lease, once: boolean) => {
    let position = begin;
    while (!state.stopping) {
      state.woken = false;
      const slice = consumeSlice(getCtx(), consumer, position);
      const end = await keepingLease(getCtx(), { name, token }, slice);
      const isMine = (await run(getCtx().db, moveOn(name, token, end))) === 1;
      if (!isMine) return;
      const isDone = end === position;
      position = end;
      if (isDone && once) break;
      if (isDone && !state.woken) await pauses.take(RENEW_MS);
    }
  };

  const workAndGive = async (held: Lease, once: boolean) => {
    try {
      await work(held, once);
    } finally {
      // After a failure too: it may be this process alone that cannot.
      await run(getCtx().db, giveLease(name, held.token));
    }
  };

  const loop = async () => {
    while (!state.stopping) {
      try {
        const held = await lease(getCtx());
        if (held) await workAndGive(held, false);
        else await pauses.take(STANDBY_MS);
      } catch (error) {
        getCtx().log.warn({ err: error, consumer: name }, 'a consumer failed');
        // New facts are no reason to try again sooner.
        await pauses.take(STANDBY_MS, { evenIfWoken: true });
      }
    }
  };

  return {
    start: () => {
      running ??= loop();
    },
    wake: () => {
      state.woken = true;
      pauses.wake();
    },
    drain: async () => {
      const held = await lease(getCtx());
      if (held) await workAndGive(held, true);
    },
    stop: async () => {
      state.stopping = true;
      pauses.end();
      await running;
    },
  };
}

/** A slice may take longer than a lease lasts. */
async function keepingLease<T>(
  ctx: Ctx,
  { name, token }: { readonly name: string; readonly token: number },
  task: Promise<T>,
): Promise<T> {
  const renew = () => run(ctx.db, renewLease(name, token)).catch(() => 0);
  const timer = setInterval(renew, RENEW_MS);
  try {
    return await task;
  } finally {
    clearInterval(timer);
  }
}

function createPauses() {
  const state = { ended: false, mayWake: false };
  let finish: (() => void) | undefined;
  return {
    take: (ms: number, { evenIfWoken = false } = {}) =>
      new Promise<void>((resolve) => {
        state.mayWake = !evenIfWoken;
        // Ended while somebody was at work: there is no pause any more.
        const timer = setTimeout(resolve, state.ended ? 0 : ms);
        finish = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
    wake: () => {
      if (state.mayWake) finish?.();
    },
    end: () => {
      state.ended = true;
      finish?.();
    },
  };
}

/** Handles the facts after a position; returns the position after them. */
async function consumeSlice(of: Ctx, consumer: Consumer, position: number): Promise<number> {
  const ctx = { ...of, actor: `consumer:${consumer.name}` };
  const { end } = await one(ctx.db, selectEnd(position, SLICE_FACTS));
  if (end === position) return end;
  await handleFacts(ctx, consumer, await all(ctx.db, selectSlice(consumer.kinds, position, end)));
  return end;
}

/**
 * Handles facts that are in order for each key, parking what cannot be. Throws where it is not the
 * facts' fault: the database or the bus is away, and the same facts have to come again.
 */
export async function handleFacts(
  ctx: Ctx,
  consumer: Consumer,
  facts: readonly Relayed[],
): Promise<void> {
  const byKey = groupBy(facts, consumer.keyOf);
  const parked = await all(ctx.db, selectParkedKeys(consumer.name, [...byKey.keys()]));
  const stuck = new Set(parked.map(({ key }) => key));
  const free = facts.filter((fact) => !stuck.has(consumer.keyOf(fact)));
  const areDone = await areHandledAtOnce(ctx, consumer, free);
  await eachOf([...byKey], KEYS_AT_ONCE, async ([key, own]) => {
    if (areDone && !stuck.has(key)) return;
    for (const fact of own) {
      const error = stuck.has(key) ? BEHIND : await tryToHandle(ctx, consumer, fact);
      if (error === null) continue;
      await run(ctx.db, insertParked(consumer.name, key, fact, error.slice(0, ERROR_CHARS)));
      if (stuck.has(key)) continue;
      stuck.add(key);
      const { n, kind } = fact;
      ctx.log.error({ consumer: consumer.name, key, n, kind, error }, 'a fact was parked');
    }
  });
}

async function areHandledAtOnce(
  ctx: Ctx,
  { handleMany }: Consumer,
  facts: readonly Relayed[],
): Promise<boolean> {
  if (!handleMany || facts.length === 0) return false;
  try {
    await handleMany(ctx, facts);
    return true;
  } catch (error) {
    if (isNotTheirFault(error)) throw error;
    // One of them is to blame, and must not hold up the others.
    return false;
  }
}

function isNotTheirFault(error: unknown): boolean {
  return error instanceof BusAway || isAway(error) || isBusy(error) || isRetryable(error);
}

const BEHIND = 'behind one that was parked';

/** Null where it is done; else why it cannot be. What the fact is not to blame for is thrown. */
async function tryToHandle(ctx: Ctx, consumer: Consumer, fact: Relayed): Promise<string | null> {
  for (let attempt = 1; ; attempt++) {
    try {
      await consumer.handle(ctx, fact);
      return null;
    } catch (error) {
      if (isNotTheirFault(error)) throw error;
      const message = error instanceof Error ? error.message : String(error);
      if (attempt === TRIES_MAX) return message;
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS * 2 ** (attempt - 1)));
    }
  }
}

const parkedColumns = { ...factColumns, consumer: text, key: text, error: text, parkedAt: instant };

const selectParked = (consumer: string | null, key: string | null, most: number) => rows(
  parkedColumns,
)`
  select ${factSelect}, f.consumer, f.key, f.error, f.parked_at as "parkedAt"
  from kernel.parked_fact f
  where (${consumer}::text is null or f.consumer = ${consumer})
    and (${key}::text is null or f.key = ${key})
  order by f.consumer, f.key, f.n limit ${most}`;

const deleteParked = (consumer: string, n: number) => command`
  delete from kernel.parked_fact where consumer = ${consumer} and n = ${n}`;

export type ParkedFact = ReturnType<ReturnType<typeof selectParked>['decode']>;

const PARKED_AT_ONCE = 1_000;

/** What waits for a person, the first thousand by consumer, key and number. */
export function parkedFacts(
  ctx: Ctx,
  of: { readonly consumer?: string | undefined; readonly key?: string | undefined } = {},
): Promise<readonly ParkedFact[]> {
  return all(ctx.db, selectParked(of.consumer ?? null, of.key ?? null, PARKED_AT_ONCE));
}

/**
 * Handles parked facts again, in the order of each key, up to the first that still cannot be.
 * Answers how many were done, and what is in the way of the others, by key.
 */
export async function retryParked(
  ctx: Ctx,
  consumers: readonly Consumer[],
  of: { readonly consumer?: string | undefined; readonly key?: string | undefined } = {},
): Promise<{ readonly done: number; readonly failed: ReadonlyMap<string, string> }> {
  let done = 0;
  const failed = new Map<string, string>();
  for (const fact of await parkedFacts(ctx, of)) {
    const consumer = consumers.find(({ name }) => name === fact.consumer);
    const name = `${fact.consumer} ${fact.key}`;
    if (!consumer || failed.has(name)) continue;
    const error = await tryToHandle(ctx, consumer, fact);
    if (error !== null) {
      failed.set(name, error);
      continue;
    }
    done += await run(ctx.db, deleteParked(fact.consumer, fact.n));
  }
  return { done, failed };
}
