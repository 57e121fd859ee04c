/**
 * Consumers read facts and do what follows from them: written once, run here on the log in the
 * database, or as groups of a Kafka cluster (adapters/kafka).
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

/** A new one begins with what comes from now on. */
const insertConsumer = (name: string) => command`
  insert into kernel.consumer (name, position)
  select ${name}, r.last_n from kernel.relay r
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
  readonly start: () => void;
  readonly wake: () => void;
  /** Handles what there is, all of it; for tests and commands. */
  readonly drain: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

export function createConsumers(getCtx: () => Ctx, consumers: readonly Consumer[]): Consumers {
  const runs = consumers.map((consumer) => createRun(getCtx, consumer));
  return {
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

function createRun(getCtx: () => Ctx, consumer: Consumer) {
  const state = { stopping: false, woken: false, isKnown: false };
  let running: Promise<void> | undefined;
  let endPause: (() => void) | undefined;

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const actor = () => ({ ...getCtx(), actor: `consumer:${consumer.name}` });

  const lease = async (ctx: Ctx) => {
    if (!state.isKnown) await run(ctx.db, insertConsumer(consumer.name));
    state.isKnown = true;
    return maybe(ctx.db, takeLease(consumer.name));
  };

  /** As long as the lease is ours; with `once`, until nothing is left. */
  const work = async (held: { position: number; token: number }, once: boolean) => {
    let { position } = held;
    while (!state.stopping) {
      state.woken = false;
      const end = await consumeSlice(actor(), consumer, position);
      const isMine = (await run(getCtx().db, moveOn(consumer.name, held.token, end))) === 1;
      if (!isMine) return;
      const isDone = end === position;
      position = end;
      if (isDone && once) break;
      if (isDone && !state.woken) await pause(RENEW_MS);
    }
    await run(getCtx().db, giveLease(consumer.name, held.token));
  };

  const loop = async () => {
    while (!state.stopping) {
      try {
        const held = await lease(getCtx());
        if (held) await work(held, false);
        else await pause(STANDBY_MS);
      } catch (error) {
        getCtx().log.warn({ err: error, consumer: consumer.name }, 'a consumer failed');
        if (!state.stopping) await pause(STANDBY_MS);
      }
    }
  };

  return {
    start: () => {
      running ??= loop();
    },
    wake: () => {
      state.woken = true;
      endPause?.();
    },
    drain: async () => {
      const held = await lease(getCtx());
      if (held) await work(held, true);
    },
    stop: async () => {
      state.stopping = true;
      endPause?.();
      await running;
    },
  };
}

/** Handles the facts after a position; returns the position after them. */
async function consumeSlice(ctx: Ctx, consumer: Consumer, position: number): Promise<number> {
  const { end } = await one(ctx.db, selectEnd(position, SLICE_FACTS));
  if (end === position) return end;
  const facts = await all(ctx.db, selectSlice(consumer.kinds, position, end));
  const byKey = groupBy(facts, consumer.keyOf);
  const parked = await all(ctx.db, selectParkedKeys(consumer.name, [...byKey.keys()]));
  const stuck = new Set(parked.map(({ key }) => key));
  await eachOf([...byKey], KEYS_AT_ONCE, async ([key, own]) => {
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
  return end;
}

const BEHIND = 'behind one that was parked';

/** Null where it is done; else why it cannot be. What the database is to blame for is thrown. */
async function tryToHandle(ctx: Ctx, consumer: Consumer, fact: Relayed): Promise<string | null> {
  for (let attempt = 1; ; attempt++) {
    try {
      await consumer.handle(ctx, fact);
      return null;
    } catch (error) {
      if (isAway(error) || isBusy(error) || isRetryable(error)) throw error;
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
