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
import type { Ctx } from './context.ts';
import { all, maybe, one, run } from './db.ts';
import { handleFacts } from './handle-facts.ts';
import { createTeller } from './known-kinds.ts';
import { factColumns, factSelect, type Relayed } from './relay.ts';
import { bool, command, int, rows } from './sql.ts';

export type Consumer = {
  readonly name: string;
  /** The facts that it wants, as far as this version knows them. */
  readonly kinds: readonly string[];
  /** It wants those as well that this version does not know. */
  readonly takesAll?: boolean;
  /** Facts of one key are handled in order. */
  readonly keyOf: (fact: Relayed) => string;
  /**
   * May come again for the same fact. Throws where it cannot be done: NotNow where somebody is in
   * the way (inTxOrNotNow, orNotNow), which no fact is blamed for.
   */
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

const insertConsumer = ({ name, kinds, beginsWithSlowest = false }: Consumer) => command`
  insert into kernel.consumer (name, kinds, known_at, position)
  select ${name}, ${kinds}::text[], clock_timestamp(), coalesce(
    (select min(c.position) from kernel.consumer c where ${beginsWithSlowest}), r.last_n)
  from kernel.relay r
  on conflict (name) do nothing`;

const takeLease = ({ name, kinds }: Consumer) => rows({ position: int, token: int })`
  update kernel.consumer c
  set lease_token = c.lease_token + 1,
      leased_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
  where c.name = ${name} and c.leased_until < clock_timestamp() and c.kinds <@ ${kinds}::text[]
  returning c.position, c.lease_token as token`;

/** Not where somebody knows more kinds meanwhile: what was passed of those is theirs to handle. */
const moveOn = ({ name, kinds }: Consumer, token: number, position: number) => command`
  update kernel.consumer c
  set position = ${position}, known_at = clock_timestamp(),
      leased_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
  where c.name = ${name} and c.lease_token = ${token} and c.kinds <@ ${kinds}::text[]`;

const renewLease = (name: string, token: number) => command`
  update kernel.consumer
  set leased_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS})
  where name = ${name} and lease_token = ${token}`;

const giveLease = (name: string, token: number) => command`
  update kernel.consumer set leased_until = '-infinity'
  where name = ${name} and lease_token = ${token}`;

/** Where somebody knows more kinds, the end of the slice is not for this process to reach. */
const selectEnd = ({ name, kinds }: Consumer, position: number, most: number) => rows({
  end: int,
  isKnown: bool,
})`
  select coalesce(max(s.n), ${position}) as "end", exists (
    select from kernel.consumer c where c.name = ${name} and c.kinds <@ ${kinds}::text[]
  ) as "isKnown"
  from (select f.n from kernel.fact f where f.n > ${position} order by f.n limit ${most}) s`;

const selectSlice = (kinds: readonly string[] | null, position: number, end: number) => rows(
  factColumns,
)`
  select ${factSelect}
  from kernel.fact f
  where f.n > ${position} and f.n <= ${end}
    and (${kinds}::text[] is null or f.kind = any (${kinds}::text[]))
  order by f.n`;

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
export async function ensureConsumer(ctx: Ctx, consumer: Consumer): Promise<void> {
  await run(ctx.db, insertConsumer(consumer));
}

type Lease = { readonly position: number; readonly token: number };

/** Takes the lease where it is free, and nobody else knows more. */
type TakeLease = (ctx: Ctx) => Promise<Lease | null>;

function createLeasing(consumer: Consumer): TakeLease {
  const tell = createTeller(consumer);
  let isBegun = false;
  return async (ctx) => {
    if (!isBegun) await ensureConsumer(ctx, consumer);
    isBegun = true;
    return (await tell(ctx)) ? maybe(ctx.db, takeLease(consumer)) : null;
  };
}

function createRun(getCtx: () => Ctx, consumer: Consumer) {
  const { name } = consumer;
  const state = { stopping: false, woken: false };
  const pauses = createPauses();
  let running: Promise<void> | undefined;

  const lease = createLeasing(consumer);

  /** As long as the lease is ours; with `once`, until nothing is left. */
  const work = async ({ position: begin, token }: Lease, once: boolean) => {
    let position = begin;
    while (!state.stopping) {
      state.woken = false;
      const slice = consumeSlice(getCtx(), consumer, position);
      const end = await keepingLease(getCtx(), { name, token }, slice);
      const isMine = end !== null && (await run(getCtx().db, moveOn(consumer, token, end))) === 1;
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

/** Handles the facts after a position; returns the one after them, null where others know more. */
async function consumeSlice(of: Ctx, consumer: Consumer, position: number): Promise<number | null> {
  const ctx = { ...of, actor: `consumer:${consumer.name}` };
  // In one moment: who announced a fact of this slice had told before what kinds it knows.
  const { end, isKnown } = await one(ctx.db, selectEnd(consumer, position, SLICE_FACTS));
  if (!isKnown) return null;
  if (end === position) return end;
  const kinds = consumer.takesAll ? null : consumer.kinds;
  await handleFacts(ctx, consumer, await all(ctx.db, selectSlice(kinds, position, end)));
  return end;
}
