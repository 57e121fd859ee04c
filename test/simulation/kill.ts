/**
 * The kill loop: a storm of holds and purchases, and in its midst `kill -9` of the server, or of
 * every process of PostgreSQL; again and again. What was acknowledged must be there afterwards, and
 * nothing twice; and sales go on within seconds.
 */
import { pause, type Run } from './asking.ts';
import { auditorPool } from './auditor-rows.ts';
import { createCounters } from './counters.ts';
import type { Cluster } from './database.ts';
import type { EventHistory } from './history.ts';
import { ADMIN_KEY, type ChildInstance, startChild } from './instances.ts';
import { type EventPlan, makePlan } from './plan.ts';
import { chance } from './random.ts';
import { retire } from './retire.ts';
import { auditStep, createWorld, type Found, perform, type World } from './world.ts';

export type Killed = 'server' | 'postgres';

export type KillOptions = {
  readonly killed: Killed;
  readonly seed: number;
  readonly rounds: number;
  readonly cluster: Cluster;
  readonly databaseUrl: string;
  /** No round begins after this. */
  readonly untilMs?: number;
  /** Done once the server runs: how a bug is planted. */
  readonly afterStart?: () => Promise<void>;
  readonly say?: (line: string) => void;
};

export type KillReport = {
  readonly killed: Killed;
  readonly seed: number;
  readonly rounds: number;
  readonly seconds: number;
  /** From the kill to the first hold that was asked for and granted after it. */
  readonly recoveryMs: { readonly min: number; readonly median: number; readonly max: number };
  readonly recoveryMaxMs: number;
  /** Rounds that took longer than that. */
  readonly late: number;
  readonly operations: number;
  readonly acknowledged: number;
  readonly answersLost: number;
  readonly eventsAudited: number;
  readonly violations: readonly Found[];
};

/** What is promised. */
const RECOVERY_MAX_MS: Readonly<Record<Killed, number>> = { server: 3_000, postgres: 5_000 };
/** Nobody comes back after this. */
const GIVEN_UP_MS = 60_000;
/** A sweeper that lives for less than a second shows little; nobody may be refused for it. */
const LAPSED_MAX_MS = Number.POSITIVE_INFINITY;
const KILL_STREAM = 4;
const CONCURRENCY = 24;
const PROBE_EVERY_MS = 15;

/** Scarce places for a short time, and plenty for a long one: kills meet both. */
function stormEvent(plan: EventPlan): EventPlan {
  const scarce = plan.ordinal % 2 === 0;
  return {
    ...plan,
    pools: scarce ? [20, 30] : [2_000, 2_000],
    types: [
      { pool: 0, priceMinor: 0 },
      { pool: 1, priceMinor: scarce ? 0 : 2_500 },
    ],
    grid: null,
    people: 400,
    holdMs: scarce ? 800 : 6_000,
    operations: 2_500,
    ends: 'open',
    probed: scarce,
  };
}

const STORM = {
  hold: 500,
  double_click: 60,
  replay: 150,
  reuse: 10,
  change: 60,
  release: 60,
  book: 110,
  book_held: 50,
  pay: 0,
  look: 0,
  cancel_order: 0,
  refund: 0,
  availability: 0,
  move_sale: 0,
  move_capacity: 0,
  block: 0,
  wait: 0,
  offer: 0,
};

export async function killLoop(options: KillOptions): Promise<KillReport> {
  const { seed, killed, databaseUrl } = options;
  const child = await startChild({ name: 'server', databaseUrl, worker: true });
  const pool = auditorPool(databaseUrl);
  await options.afterStart?.();
  const counters = createCounters();
  const found: Found[] = [];
  const state = { round: 0, stopped: false, calmSinceMs: Number.POSITIVE_INFINITY };
  const ended = new AbortController();
  const run: Run = {
    instances: [child],
    doors: [],
    pool,
    counters,
    // Nobody pays by hand here: the simulated method does it in the server.
    keys: { publishable: '', secret: '' },
    report: (violation, rows = []) => void found.push({ ...violation, step: state.round, rows }),
    // Everybody is back as soon as the server is.
    againAfterMs: (attempt) => (attempt < 100 ? 40 : null),
    answers: new Map(),
    over: ended.signal,
  };
  const startedAtMs = performance.now();
  try {
    const plan = makePlan({ seed, slots: 2, instances: 1, mix: STORM, changeEvent: stormEvent });
    const world = createWorld(run, pool, plan);
    const calmSinceMs = () => state.calmSinceMs;
    const over = (event: EventHistory) => retire(run, pool, event, { settles: true, calmSinceMs });
    const storm = Array.from({ length: CONCURRENCY }, async () => {
      while (!state.stopped) {
        await perform(run, world, world.next(), over);
        if (world.retiring().length > 6) await Promise.race(world.retiring());
      }
    });
    const failed = Promise.all(storm).then(() => new Promise<never>(() => {}));
    const took = await Promise.race([failed, rage(options, state, child, world, found)]);
    state.stopped = true;
    state.calmSinceMs = Date.now();
    await Promise.all(storm);
    for (const { plan: each } of world.live()) {
      if (!world.isRetiring(each.ordinal)) world.retire(each.ordinal, over);
    }
    await world.allRetired();
    const sorted = took.toSorted((a, b) => a - b);
    const at = (part: number) => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0);
    return {
      killed,
      seed,
      rounds: took.length,
      seconds: (performance.now() - startedAtMs) / 1_000,
      recoveryMs: { min: at(0), median: at(0.5), max: at(1) },
      recoveryMaxMs: RECOVERY_MAX_MS[killed],
      late: took.filter((ms) => ms > RECOVERY_MAX_MS[killed]).length,
      operations: world.started(),
      acknowledged: run.answers.get('201') ?? 0,
      answersLost: counters.values().answer_lost,
      eventsAudited: world.retired(),
      violations: found,
    };
  } finally {
    state.stopped = true;
    ended.abort();
    await child.close();
    await pool.end();
  }
}

/** Kills in every round at a moment of the seed's choosing. Resolves to the recovery times. */
async function rage(
  { seed, rounds, killed, cluster, say, untilMs = Number.POSITIVE_INFINITY }: KillOptions,
  state: { round: number },
  child: ChildInstance,
  world: World,
  found: Found[],
): Promise<readonly number[]> {
  const took: number[] = [];
  const probeEvent = await makeProbeEvent(child);
  for (; state.round < rounds && found.length === 0 && Date.now() < untilMs; state.round++) {
    const c = chance(seed, KILL_STREAM, state.round);
    await pause(100 + c.int(400));
    const killedAtMs = performance.now();
    const back = revive(killed, child, cluster);
    const grantedAtMs = await firstGrant(child, probeEvent, state.round, back);
    took.push(grantedAtMs - killedAtMs);
    found.push(...(await auditStep(world, state.round, LAPSED_MAX_MS)));
    if (state.round % 50 === 49) say?.(`  ${state.round + 1} rounds`);
  }
  return took;
}

async function revive(killed: Killed, child: ChildInstance, cluster: Cluster): Promise<void> {
  if (killed === 'server') {
    child.kill();
    await child.restart();
  } else {
    cluster.kill();
    await cluster.restart();
  }
}

type ProbeEvent = { readonly eventId: string; readonly typeId: string };

/** Plenty of places of its own, so that a refusal can only mean that nobody is there. */
async function makeProbeEvent({ wire }: ChildInstance): Promise<ProbeEvent> {
  const { status, body } = await wire.send({
    method: 'POST',
    path: '/api/v1/events',
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    body: {
      name: 'Probe',
      startsAt: '2099-06-01T20:00:00Z',
      timezone: 'UTC',
      currency: 'EUR',
      ticketTypes: [{ name: 'Any', price: { amount: 0, currency: 'EUR' }, capacity: 1_000_000 }],
    },
  });
  if (status !== 201) throw new Error(`no event to probe with: ${status}`);
  // The contract's shape of a new event.
  const event = body as { id: string; ticketTypes: readonly { id: string }[] };
  return { eventId: event.id, typeId: event.ticketTypes[0]?.id ?? '' };
}

/** When a hold was granted that was asked for after the kill. */
async function firstGrant(
  child: ChildInstance,
  { eventId, typeId }: ProbeEvent,
  round: number,
  back: Promise<void>,
): Promise<number> {
  let failure: unknown;
  back.catch((error: unknown) => {
    failure = error;
  });
  const until = performance.now() + GIVEN_UP_MS;
  const asked = {
    method: 'POST',
    path: `/api/v1/events/${eventId}/holds`,
    body: { items: [{ ticketTypeId: typeId, quantity: 1 }] },
  } as const;
  for (let attempt = 0; performance.now() < until; attempt++) {
    if (failure !== undefined) throw failure;
    const headers = { 'idempotency-key': `probe${round}.${attempt}` };
    const granted = await child.wire.send({ ...asked, headers }).then(
      ({ status }) => status === 201,
      // Lost: nobody is there yet.
      () => false,
    );
    if (granted) {
      const grantedAtMs = performance.now();
      await back;
      return grantedAtMs;
    }
    await pause(PROBE_EVERY_MS);
  }
  throw new Error(`no hold was granted for ${GIVEN_UP_MS} ms`);
}
