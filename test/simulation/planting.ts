/** What planted bugs are made of: changes of functions, and runs that are likely to meet them. */
import type { OverrideContext } from './instances.ts';
import type { EventPlan } from './plan.ts';
import type { SimulationOptions } from './simulate.ts';

type Change = {
  readonly file: RegExp;
  /** Must be there; every occurrence is replaced. */
  readonly find: string | RegExp;
  readonly put: string;
};

export type Plant = {
  readonly name: string;
  readonly changes?: readonly Change[];
  /** Run on the database, where a constraint would else be the one to find the bug. */
  readonly statements?: readonly string[];
  readonly override?: OverrideContext;
  /** Any of them. ANSWER is a 500. */
  readonly caughtBy: readonly string[];
  readonly run?: Partial<SimulationOptions>;
  /** Planted in the tests, too. */
  readonly smoke?: true;
  /** Takes long. */
  readonly slow?: true;
  /** Planted under the kill loop instead of the simulation. */
  readonly killed?: 'postgres';
};

export const HOLD_PARTS = /inventory\/hold-parts\.fn\.sql$/;
export const HOLD = /inventory\/hold\.fn\.sql$/;
export const SWAP = /inventory\/change-hold\.fn\.sql$/;
export const FREE = /inventory\/free\.fn\.sql$/;
export const SELL = /inventory\/sell\.fn\.sql$/;
export const SUPPLY = /inventory\/supply\.fn\.sql$/;
export const ORDER = /orders\/order\.fn\.sql$/;
export const REFUND = /orders\/refund\.fn\.sql$/;
export const SETTLE = /shopping\/settle\.fn\.sql$/;

export const NEVER_OVERSOLD = 'alter table inventory.pool drop constraint pool_never_oversold';
export const ONE_PER_KEY = 'drop index inventory.hold_by_key';

/** Few people, each wanting much. */
export const GREEDY: Partial<SimulationOptions> = {
  mix: { hold: 500, double_click: 0, release: 60, book: 20, book_held: 0, change: 20 },
  changeEvent: (plan) => ({
    ...plan,
    personLimit: 4,
    people: 5,
    pools: plan.pools.map(() => 60),
    grid: null,
  }),
};

/** Nearly everybody books and pays. */
export const PAYING: Partial<SimulationOptions> = {
  mix: { hold: 60, book: 300, book_held: 0, pay: 200, refund: 60, cancel_order: 30, reuse: 0 },
  changeEvent: payingEvent,
};

export function payingEvent(plan: EventPlan): EventPlan {
  return {
    ...plan,
    types: plan.types.map((type) => ({ ...type, priceMinor: 1_000 })),
    personLimit: null,
    holdMs: 2_500,
    operations: 150,
  };
}

/** Scarce places and short times to pay: every other payment comes too late. */
export const LATE: Partial<SimulationOptions> = {
  mix: { ...PAYING.mix, refund: 0, move_sale: 0, move_capacity: 0, block: 0, wait: 0, offer: 0 },
  changeEvent: (plan) => ({
    ...payingEvent(plan),
    pools: plan.pools.map(() => 8),
    grid: null,
    holdMs: 400,
  }),
};

/** Nothing but seats, few of them. */
export const SEATED: Partial<SimulationOptions> = {
  changeEvent: (plan) => ({
    ...plan,
    pools: [24],
    grid: { rows: 3, places: 8 },
    types: [
      { pool: 0, priceMinor: 0 },
      { pool: 0, priceMinor: 0 },
    ],
    personLimit: null,
  }),
};

/** Scarce places for which others wait, and looked at often. */
export const AWAITED: Partial<SimulationOptions> = {
  mix: { hold: 500, release: 200, wait: 12, offer: 10, block: 0, move_capacity: 0, move_sale: 0 },
  step: 25,
  changeEvent: (plan) => ({
    ...plan,
    pools: [20],
    grid: null,
    types: [{ pool: 0, priceMinor: 0 }],
    personLimit: null,
    holdMs: 900,
  }),
};

/** Short events, so that each is soon audited whole. */
export const SHORT: Partial<SimulationOptions> = {
  changeEvent: (plan) => ({ ...plan, operations: 120, ends: 'open', probed: false }),
};
