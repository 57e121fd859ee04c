/**
 * The relay: gives facts their numbers, in the order in which they became visible, and hands them
 * to whoever reads. One process does it at a time, batch by batch; which one does not matter, and
 * one that dies leaves nothing behind but its batch, which another one takes.
 *
 * It is woken by the commits of its own process, and looks four times a second for those of others.
 */
import type { Ctx } from './context.ts';
import { all, maybe, one, run } from './db.ts';
import type { EventId } from './ids.ts';
import { command, fragment, instant, int, json, rows, text, textAs } from './sql.ts';

const RELAYED_AT_ONCE = 5_000;
const POLL_MS = 250;
/** Between two batches: what commits meanwhile goes together. */
const REST_MS = 20;
/** After a failure: the database is away, or restarts. */
const FAILED_MS = 1_000;

/** A fact as it is read: nothing of it ever changes. */
export type Relayed = {
  /** Among all facts; later ones have higher numbers, and become visible later. */
  readonly n: number;
  readonly eventId: EventId;
  /** Among those of its event: 1, 2, 3, …; with the event it names the fact for good. */
  readonly seq: number;
  readonly kind: string;
  readonly version: number;
  readonly data: Readonly<Record<string, unknown>>;
  readonly at: Date;
};

const callRelayFacts = (most: number) => rows({ relayed: int })`
  select kernel.relay_facts@v(${most}) as relayed`;

/** Announced by whoever wrote it, in this shape. */
const data = (raw: unknown) => json(raw) as Relayed['data'];

export const factColumns = {
  n: int,
  eventId: textAs<EventId>(),
  seq: int,
  kind: text,
  version: int,
  data,
  at: instant,
};

export const factSelect = fragment`f.n, f.event_id as "eventId", f.seq, f.kind, f.version, f.data,
    f.at`;

const selectLast = () => rows({ last: int })`select last_n as last from kernel.relay`;

/** Numbers what is waiting, until nothing is left or somebody else is at it. */
export async function relayFacts(ctx: Ctx, atOnce = RELAYED_AT_ONCE): Promise<number> {
  let total = 0;
  for (;;) {
    const { relayed } = await one(ctx.db, callRelayFacts(atOnce));
    total += Math.max(0, relayed);
    if (relayed < atOnce) return total;
  }
}

/** The number of the latest fact. */
export async function lastFact(ctx: Ctx): Promise<number> {
  return (await one(ctx.db, selectLast())).last;
}

export type Relay = {
  readonly start: () => void;
  /** Something was committed. */
  readonly wake: () => void;
  /** Tells that there are new facts, of this process's relaying or another's. */
  readonly onFacts: (listener: () => void) => void;
  readonly stop: () => Promise<void>;
};

export function createRelay(getCtx: () => Ctx): Relay {
  const listeners: (() => void)[] = [];
  const state = { started: false, stopping: false, woken: false, last: -1 };
  let looping: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let endRest: (() => void) | undefined;

  const turn = async () => {
    const ctx = getCtx();
    try {
      await relayFacts(ctx);
      const last = await lastFact(ctx);
      if (last === state.last) return;
      state.last = last;
      for (const listener of listeners) listener();
    } catch (error) {
      ctx.log.warn({ err: error }, 'facts could not be relayed');
      await rest(FAILED_MS);
    }
  };

  const rest = (ms: number) =>
    new Promise<void>((resolve) => {
      const timeout = setTimeout(resolve, ms);
      endRest = () => {
        clearTimeout(timeout);
        resolve();
      };
    });

  const loop = async () => {
    while (state.woken && !state.stopping) {
      state.woken = false;
      await turn();
      if (!state.stopping) await rest(REST_MS);
    }
  };

  function wake(): void {
    state.woken = true;
    if (!state.started || state.stopping || looping) return;
    looping = loop().finally(() => {
      looping = undefined;
      if (state.woken) wake();
    });
  }

  return {
    wake,
    onFacts: (listener) => listeners.push(listener),
    start: () => {
      state.started = true;
      timer = setInterval(wake, POLL_MS);
      wake();
    },
    stop: async () => {
      state.stopping = true;
      clearInterval(timer);
      endRest?.();
      await looping;
    },
  };
}

const KEPT_DAYS = 7;
const FORGOTTEN_AT_ONCE = 5_000;

/** Old facts that everybody has read; `leastPosition` is null where nobody reads. */
const deleteOldFacts = (now: Date | null, most: number) => command`
  delete from kernel.fact f
  where f.n = any (array(
    select o.n from kernel.fact o
    where o.n <= coalesce((select min(c.position) from kernel.consumer c), 9223372036854775807)
    order by o.n limit ${most}
  )) and f.relayed_at < kernel.instant(${now}) - make_interval(days => ${KEPT_DAYS})`;

/** Deletes facts of more than a week ago that all consumers have read. */
export async function forgetOldFacts(ctx: Ctx): Promise<void> {
  while ((await run(ctx.db, deleteOldFacts(ctx.clock.now(), FORGOTTEN_AT_ONCE))) > 0);
}

const selectOldest = () => rows({ waiting: int, seconds: int })`
  select count(*)::int as waiting,
    coalesce(extract(epoch from clock_timestamp() - min(w.at)), 0)::int as seconds
  from (select o.at from kernel.outbox o order by o.id limit 10000) w`;

const selectLag = () => rows({ name: text, facts: int, seconds: int })`
  select c.name, (r.last_n - c.position)::int as facts, coalesce(extract(epoch from
      clock_timestamp() - (
        select f.relayed_at from kernel.fact f where f.n > c.position order by f.n limit 1)), 0)::int
    as seconds
  from kernel.consumer c cross join kernel.relay r`;

const selectParkedCount = () => rows({ consumer: text, parked: int })`
  select consumer, count(*)::int as parked from kernel.parked_fact group by consumer`;

/** How long facts wait for their numbers, and how far consumers are behind. */
export async function measureFacts(ctx: Ctx): Promise<void> {
  const { metrics } = ctx;
  const oldest = await maybe(ctx.db, selectOldest());
  metrics.relayWaiting.set(oldest?.waiting ?? 0);
  metrics.relayLag.set(oldest?.seconds ?? 0);
  for (const { name, facts, seconds } of await all(ctx.db, selectLag())) {
    metrics.consumerLagFacts.set({ consumer: name }, facts);
    metrics.consumerLag.set({ consumer: name }, seconds);
  }
  metrics.factsParked.reset();
  for (const { consumer, parked } of await all(ctx.db, selectParkedCount())) {
    metrics.factsParked.set({ consumer }, parked);
  }
}
