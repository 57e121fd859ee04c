/**
 * What will be tried, from the seed alone: which events there are, and which operation is the
 * n-th, on which event, by whom, with which arguments, through which server. What an operation
 * meets is not planned: it names its target by a number, and whoever runs it takes that one of what
 * is there.
 */
import { type Chance, chance, digest } from './random.ts';

const EVENT_STREAM = 1;
const OPERATION_STREAM = 2;

export type TypePlan = {
  /** The pool it draws on, by its place in `pools`. */
  readonly pool: number;
  /** 0: free. */
  readonly priceMinor: number;
};

export type EventPlan = {
  readonly ordinal: number;
  /** Capacities. */
  readonly pools: readonly number[];
  readonly types: readonly TypePlan[];
  /** The last pool's places are seats, in so many rows. */
  readonly grid: { readonly rows: number; readonly places: number } | null;
  readonly personLimit: number | null;
  readonly holdMs: number;
  /** How many people ask for it: few, so that caps bite. */
  readonly people: number;
  readonly refundable: boolean;
  /** How many operations it sees before another event takes its place. */
  readonly operations: number;
  readonly ends: 'closed' | 'cancelled' | 'open';
  /** Whether, at its end, all that is left is asked for once more. */
  readonly probed: boolean;
};

export function planEvent(seed: number, ordinal: number): EventPlan {
  const c = chance(seed, EVENT_STREAM, ordinal);
  const grid = c.hit(0.35) ? { rows: 2 + c.int(3), places: 4 + c.int(8) } : null;
  const counted = Array.from({ length: 1 + c.int(grid ? 2 : 3) }, () => 6 + c.int(40));
  const pools = grid ? [...counted, grid.rows * grid.places] : counted;
  const own = pools.map((_, pool) => ({ pool, priceMinor: price(c) }));
  const shared = Array.from({ length: c.int(3) }, () => ({
    pool: c.int(pools.length),
    priceMinor: price(c),
  }));
  return {
    ordinal,
    pools,
    types: [...own, ...shared],
    grid,
    personLimit: c.hit(0.4) ? 3 + c.int(5) : null,
    holdMs: c.pick([150, 400, 900, 2_500, 6_000]),
    people: 10 + c.int(50),
    refundable: c.hit(0.7),
    operations: 300 + c.int(500),
    ends: c.pick(['closed', 'cancelled', 'open', 'open'] as const),
    probed: c.hit(0.5),
  };
}

/** Most are free: a purchase with money costs a hundred times what a hold costs. */
function price(c: Chance): number {
  return c.hit(0.7) ? 0 : 100 * (1 + c.int(80));
}

/** What may happen, and how often among 1,000 operations. */
export const OPERATIONS = {
  hold: 430,
  double_click: 50,
  replay: 90,
  reuse: 20,
  change: 90,
  release: 110,
  book: 90,
  book_held: 50,
  pay: 14,
  look: 30,
  cancel_order: 10,
  refund: 14,
  availability: 20,
  move_sale: 3,
  move_capacity: 8,
  block: 5,
  wait: 6,
  offer: 14,
} as const;

export type OperationKind = keyof typeof OPERATIONS;

// The keys of the table above, which has no others.
const KINDS = Object.keys(OPERATIONS) as OperationKind[];

export type Operation = {
  readonly index: number;
  readonly kind: OperationKind;
  /** The event, by its ordinal. */
  readonly event: number;
  readonly instance: number;
  readonly person: number;
  /** Ticket types by their place in the event's list, each once. */
  readonly lines: readonly { readonly type: number; readonly quantity: number }[];
  /** Which of what is there; from 0 to below 1. */
  readonly target: number;
  /** Which way of doing it; from 0 to below 1. */
  readonly way: number;
  /** Which seats, or the best; from 0 to below 1. */
  readonly seat: number;
  readonly named: boolean;
  readonly withPhone: boolean;
  readonly withDevice: boolean;
};

export type PlanOptions = {
  readonly seed: number;
  /** How many events are on sale at once; the first is the hot one. */
  readonly slots: number;
  readonly instances: number;
  /** Other weights than the usual, for some kinds. */
  readonly mix?: Partial<Record<OperationKind, number>>;
  readonly changeEvent?: (plan: EventPlan) => EventPlan;
};

export type Plan = {
  readonly next: () => Operation;
  readonly event: (ordinal: number) => EventPlan;
};

export function makePlan(options: PlanOptions): Plan {
  const { seed, slots, instances } = options;
  const weights = KINDS.map((kind) => options.mix?.[kind] ?? OPERATIONS[kind]);
  const event = (ordinal: number) => {
    const plan = planEvent(seed, ordinal);
    return options.changeEvent?.(plan) ?? plan;
  };
  const shown = Array.from({ length: slots }, (_, slot) => ({ plan: event(slot), left: 0 }));
  for (const slot of shown) slot.left = slot.plan.operations;
  let ordinals = slots;
  let index = 0;
  const next = (): Operation => {
    const c = chance(seed, OPERATION_STREAM, index);
    const slot = c.hit(0.35) ? 0 : c.int(slots);
    const place = shown[slot];
    if (!place) throw new Error(`no slot ${slot}`);
    if (place.left === 0) {
      place.plan = event(ordinals++);
      place.left = place.plan.operations;
    }
    place.left -= 1;
    return draw(c, index++, place.plan, KINDS[c.weighted(weights)] ?? 'hold', instances);
  };
  return { next, event };
}

function draw(
  c: Chance,
  index: number,
  plan: EventPlan,
  kind: OperationKind,
  instances: number,
): Operation {
  const first = c.int(plan.types.length);
  const wanted = c.hit(0.7) ? 1 : Math.min(plan.types.length, 2 + c.int(2));
  const lines = Array.from({ length: wanted }, (_, i) => ({
    type: (first + i) % plan.types.length,
    quantity: c.hit(0.6) ? 1 + c.int(2) : 1 + c.int(5),
  }));
  return {
    index,
    kind,
    event: plan.ordinal,
    instance: c.int(instances),
    person: c.int(plan.people),
    lines,
    target: c.next(),
    way: c.next(),
    seat: c.next(),
    named: c.hit(0.9),
    withPhone: c.hit(0.5),
    withDevice: c.hit(0.5),
  };
}

/** Two runs with one digest have tried the same. */
export function planDigest(options: PlanOptions, operations: number): string {
  const plan = makePlan(options);
  return digest(numbersOf(plan, operations));
}

function* numbersOf(plan: Plan, operations: number): Generator<number> {
  for (let i = 0; i < operations; i++) {
    const { kind, event, instance, person, lines, target, way } = plan.next();
    yield KINDS.indexOf(kind);
    yield event;
    yield instance;
    yield person;
    for (const line of lines) yield line.type * 100 + line.quantity;
    yield Math.floor(target * 1e9);
    yield Math.floor(way * 1e9);
  }
}
