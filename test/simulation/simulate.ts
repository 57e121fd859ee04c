/**
 * One run: clients go through the plan, faults strike, events end and are replaced by new ones. An
 * audit of all live events in one snapshot runs after every step, beside the clients; an event that
 * is over is audited whole when everything of it has settled.
 */
import type { Run } from './asking.ts';
import { auditorPool } from './auditor-rows.ts';
import { createCounters, type State } from './counters.ts';
import { createFaults, type FaultKind } from './faults.ts';
import type { EventHistory } from './history.ts';
import {
  type ChildInstance,
  type LocalInstance,
  type OverrideContext,
  startChild,
  startLocal,
  throughDoors,
} from './instances.ts';
import {
  type EventPlan,
  makePlan,
  type OperationKind,
  type PlanOptions,
  planDigest,
} from './plan.ts';
import { retire } from './retire.ts';
import { auditStep, createWorld, type Found, perform, type World } from './world.ts';

export type SimulationOptions = {
  readonly seed: number;
  readonly operations: number;
  readonly databaseUrl: string;
  /** Servers in this process, and as processes of their own. */
  readonly locals: number;
  readonly children: number;
  /** Events on sale at once. */
  readonly slots?: number;
  /** Operations under way at once. */
  readonly concurrency?: number;
  /** Operations between two audits. */
  readonly step?: number;
  /** Whether jobs run, and lapsed holds are swept. */
  readonly workers?: boolean;
  readonly mix?: Partial<Record<OperationKind, number>>;
  readonly changeEvent?: (plan: EventPlan) => EventPlan;
  /** Ends early, at the last operation that began before. */
  readonly untilMs?: number;
  readonly faults?: Partial<Record<FaultKind, number>> | 'none';
  readonly change?: OverrideContext;
  readonly say?: (line: string) => void;
};

export type SimulationReport = {
  readonly seed: number;
  readonly operations: number;
  readonly wanted: number;
  readonly planDigest: string;
  readonly steps: number;
  readonly seconds: number;
  readonly operationsPerSecond: number;
  /** Of this process, with two of the servers, at its most. */
  readonly memoryMaxMb: number;
  readonly eventsAudited: number;
  readonly counters: Readonly<Record<State, number>>;
  readonly missing: (demand: 'full' | 'smoke' | 'none') => readonly State[];
  readonly answers: Readonly<Record<string, number>>;
  readonly violations: readonly Found[];
};

/** A long run meets every kind of fault often enough even if they are rare. */
const LONG_RUN_OPERATIONS = 200_000;
const OPERATIONS_PER_FAULT = { short: 200, long: 600 } as const;
const TOLD_EVERY_MS = 10_000;
/** They wait for holds to lapse, and are still looked at after every step. */
const RETIRING_MAX = 24;

export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const { locals, children, close } = await startInstances(options);
  const doors = locals.map(throughDoors);
  // Half of all requests go through doors: a long run has to be cheap.
  const instances = [...doors, ...doors, ...locals, ...children, ...doors];
  const [first] = locals;
  const pool = auditorPool(options.databaseUrl);
  const slots = options.slots ?? 6;
  const { seed, operations, mix, changeEvent } = options;
  const planOptions: PlanOptions = {
    seed,
    slots,
    instances: instances.length,
    ...(mix ? { mix } : {}),
    ...(changeEvent ? { changeEvent } : {}),
  };
  const state = { step: 0, found: [] as Found[] };
  const counters = createCounters();
  const over = new AbortController();
  const run: Run = {
    instances,
    doors,
    pool,
    counters,
    keys: {
      publishable: first?.parts.sandbox?.publishableKey ?? '',
      secret: first?.parts.sandbox?.secretKey ?? '',
    },
    report: (violation, rows = []) => {
      state.found.push({ ...violation, step: state.step, rows: [...rows] });
    },
    againAfterMs: (attempt) => (attempt < 6 ? 25 * 2 ** attempt : null),
    answers: new Map(),
    over: over.signal,
  };
  const startedAtMs = performance.now();
  try {
    const world = createWorld(run, pool, makePlan(planOptions));
    await drive(options, run, world, state, { locals, children });
    const seconds = (performance.now() - startedAtMs) / 1_000;
    return {
      seed,
      operations: world.started(),
      wanted: operations,
      planDigest: planDigest(planOptions, Math.min(operations, 10_000)),
      steps: state.step,
      seconds,
      operationsPerSecond: Math.round(world.started() / seconds),
      // In kilobytes.
      memoryMaxMb: Math.round(process.resourceUsage().maxRSS / 1_000),
      eventsAudited: world.retired(),
      counters: counters.values(),
      missing: counters.missing,
      answers: Object.fromEntries([...run.answers].sort(([, a], [, b]) => b - a)),
      violations: state.found,
    };
  } finally {
    over.abort();
    await pool.end();
    await close();
  }
}

async function startInstances({
  databaseUrl,
  change,
  workers = true,
  ...options
}: SimulationOptions) {
  const locals: LocalInstance[] = [];
  const children: ChildInstance[] = [];
  const close = async () => {
    await Promise.all([...locals, ...children].map((instance) => instance.close()));
  };
  try {
    for (let n = 0; n < options.children; n++) {
      children.push(await startChild({ name: `process ${n}`, databaseUrl, worker: workers }));
    }
    // Last, so that the provider's webhooks come to a server that is not killed.
    for (let n = 0; n < options.locals; n++) {
      const worker = workers && n === 0;
      const more = change ? { change } : {};
      locals.push(await startLocal({ name: `local ${n}`, databaseUrl, worker, ...more }));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { locals, children, close };
}

/** Now and then: how far it is, how fast, and how much memory it takes. */
function teller(world: World, say: SimulationOptions['say']): () => void {
  const startedAtMs = performance.now();
  let toldAtMs = startedAtMs;
  return () => {
    const nowMs = performance.now();
    if (nowMs - toldAtMs < TOLD_EVERY_MS) return;
    toldAtMs = nowMs;
    const perSecond = Math.round((world.started() * 1_000) / (nowMs - startedAtMs));
    say?.(
      `  ${world.started()} operations, ${perSecond}/s, ` +
        `${world.retired()} events audited whole, ${residentMb()} MB`,
    );
  };
}

const residentMb = () => Math.round(process.memoryUsage.rss() / 1e6);

type Driven = { step: number; found: Found[] };

async function drive(
  options: SimulationOptions,
  run: Run,
  world: World,
  state: Driven,
  servers: {
    readonly locals: readonly LocalInstance[];
    readonly children: readonly ChildInstance[];
  },
): Promise<void> {
  const { operations, step = 100, concurrency = 72, databaseUrl, seed } = options;
  const faults = createFaults({
    run,
    seed,
    databaseUrl,
    pool: world.pool,
    ...servers,
    ...(typeof options.faults === 'object' ? { mix: options.faults } : {}),
  });
  const over = (event: EventHistory) =>
    retire(run, world.pool, event, { settles: options.workers ?? true });
  let auditing = Promise.resolve();
  let behind = 0;
  const length = operations < LONG_RUN_OPERATIONS ? 'short' : 'long';
  const stepsPerFault = Math.max(1, Math.round(OPERATIONS_PER_FAULT[length] / step));
  const tell = teller(world, options.say);
  const stopped = () =>
    state.found.length > 0 ||
    world.hasFailed() ||
    world.started() >= operations ||
    (options.untilMs !== undefined && Date.now() >= options.untilMs);

  const afterStep = () => {
    state.step += 1;
    const { step: audited } = state;
    behind += 1;
    auditing = auditing.then(async () => {
      state.found.push(...(await auditStep(world, audited)));
      behind -= 1;
    });
    if (options.faults !== 'none' && state.step % stepsPerFault === 0) {
      faults.strike(
        state.step / stepsPerFault - 1,
        world.live().map(({ eventId }) => eventId),
      );
    }
    tell();
  };

  const client = async () => {
    while (!stopped()) {
      const operation = world.next();
      await perform(run, world, operation, over);
      if (operation.index % step === step - 1) afterStep();
      // What retires must not pile up behind those who buy.
      if (world.retiring().length > RETIRING_MAX) await Promise.race(world.retiring());
      // Each step has an audit of its own: where that is slow, everybody waits for it.
      if (behind > 1 || operation.index % step === step - 1) await auditing;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  await faults.stop();
  await auditing;
  if (state.found.length > 0) return;
  for (const event of world.live()) {
    if (!world.isRetiring(event.plan.ordinal)) world.retire(event.plan.ordinal, over);
  }
  await world.allRetired();
}
