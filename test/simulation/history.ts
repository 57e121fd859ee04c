/**
 * What the clients know: which request was sent under which key, what was acknowledged, and what
 * was tried since. It is kept per event, and forgotten when the event has been audited whole.
 */
import type { EventPlan } from './plan.ts';

export type Line = {
  readonly typeId: string;
  readonly quantity: number;
  /** How its seats are chosen, where it has some. */
  readonly seated?: 'best' | 'named';
  readonly seatIds?: readonly string[];
};

/** One idempotency key. */
export type Ask = {
  readonly kind: 'hold' | 'booking';
  readonly key: string;
  readonly path: string;
  readonly body: object;
  readonly headers: Readonly<Record<string, string>>;
  /** Every key of the person who asks: an address, a number. */
  readonly people: readonly string[];
  /** None where a booking names a hold. */
  readonly lines: readonly Line[];
  readonly askedAtMs: number;
  /** Draws on what is reserved for the waitlist. */
  readonly offered?: boolean;
  /** Open: an answer is waited for. Unknown: it never came, or said that nobody knows. */
  state: 'open' | 'granted' | 'refused' | 'unknown';
  /** When the last attempt was answered or given up. */
  lastAtMs: number;
  /** What must be repeated word for word, once granted; and when it was first heard. */
  answer: string | null;
  grantedAtMs: number | null;
  hold: Hold | null;
  order: Order | null;
};

/** Until when it may be in force; infinity for what is held now, or may be. */
export type Selection = {
  readonly lines: readonly Line[];
  /** The seats that were acknowledged; null where nobody has heard of them. */
  seats: readonly string[] | null;
  untilMs: number;
};

export type Hold = {
  readonly ask: Ask;
  /** Null where only the booking made of it is known. */
  readonly holdId: string | null;
  readonly expiresAtMs: number;
  /** For whom it counts, and when a client heard so. */
  readonly people: Map<string, number>;
  /** What it may hold: more than one selection while a change is not answered. */
  selections: Selection[];
  /** Something was tried that may end it or turn it into something else. */
  touched: boolean;
  /** A change is under way. */
  changing: boolean;
  /** A booking of it, or a payment, may keep its places beyond their time. */
  mayOutlive: boolean;
  releasedAtMs: number | null;
  order: Order | null;
};

export type Order = {
  readonly ask: Ask;
  readonly orderId: string;
  readonly hold: Hold;
  readonly totalMinor: number;
  readonly places: number;
  readonly token: string | null;
  readonly clientSecret: string | null;
  /** The path of the provider's page, where its buyer pays there. */
  readonly page: string | null;
  /** Somebody tried to pay, by any way. */
  payTried: boolean;
  /** Somebody took its money by hand, in the provider's dashboard, without asking us. */
  takenByHand: boolean;
  /** Somebody tried to give it up or to take money back. */
  endTried: boolean;
  /** When a client first read that it was confirmed. */
  confirmedAtMs: number | null;
  /** When a client first read that it had ended without live tickets. */
  endedAtMs: number | null;
  ticketIds: readonly string[];
};

export type PoolHistory = {
  readonly poolId: string;
  capacity: number;
  readonly seated: boolean;
  /** For how many places people wait at most, and how many are off sale. */
  waiting: number;
  blocked: number;
  /** Somebody has said how many wait. */
  everWaited: boolean;
  /** Until when another capacity may have been in force; infinity while one is being set. */
  unsureUntilMs: number;
};

export type Offer = { readonly poolId: string; readonly quantity: number; untilMs: number };

export type EventHistory = {
  readonly plan: EventPlan;
  readonly eventId: string;
  readonly types: readonly { readonly typeId: string; readonly poolId: string }[];
  readonly pools: readonly PoolHistory[];
  readonly asks: Map<string, Ask>;
  /** Those of `asks` whose end is not known: an answer is waited for, or never came. */
  readonly unsure: Set<Ask>;
  holds: Hold[];
  /** Those of `holds` that may still occupy places. */
  occupying: Hold[];
  readonly orders: Order[];
  /** What was offered to those who wait: it alone draws on what is reserved. */
  readonly offers: Offer[];
  readonly blockedSeats: Set<number>;
  /** Somebody has asked for its cancellation. */
  cancelTried: boolean;
  /** How many operations on it are under way, and how many have begun. */
  inFlight: number;
  begun: number;
};

export function addAsk(event: EventHistory, ask: Ask): void {
  event.asks.set(ask.key, ask);
  noteUnsure(event, ask);
}

/** After its state may have changed. */
export function noteUnsure({ unsure }: EventHistory, ask: Ask): void {
  if (ask.state === 'open' || ask.state === 'unknown') unsure.add(ask);
  else unsure.delete(ask);
}

/** Two clocks of one machine, and what a commit takes. */
const CLOCK_MARGIN_MS = 30;
/** A request whose answer was lost may still be under way in a server that was frozen. */
const STRAY_MAX_MS = 20_000;

/** Whether a hold may have places at this moment or later; once false it stays false. */
export function mayOccupy(hold: Hold, fromMs: number): boolean {
  if (hold.releasedAtMs !== null && hold.releasedAtMs <= fromMs) return false;
  const endedAtMs = hold.order?.endedAtMs ?? null;
  if (endedAtMs !== null && endedAtMs <= fromMs) return false;
  return hold.mayOutlive || hold.expiresAtMs + CLOCK_MARGIN_MS > fromMs;
}

/**
 * Whether "sold out" can have been true between two moments: whether some pool that was asked for
 * may have been short, if every client's places are counted for as long as they may have had them.
 */
export function mayBeSoldOut(
  history: EventHistory,
  ask: Pick<Ask, 'lines' | 'key'>,
  fromMs: number,
  toMs: number,
): boolean {
  // Answers do not come in the order of their questions: an earlier one may still need it.
  history.occupying = history.occupying.filter((hold) => mayOccupy(hold, fromMs - STRAY_MAX_MS));
  const poolOf = new Map(history.types.map(({ typeId, poolId }) => [typeId, poolId]));
  const most = new Map<string, number>();
  const add = (selections: readonly (readonly Line[])[]) => {
    for (const [poolId, quantity] of largest(selections, poolOf)) {
      most.set(poolId, (most.get(poolId) ?? 0) + quantity);
    }
  };
  for (const hold of history.occupying) {
    if (!mayOccupy(hold, fromMs)) continue;
    const { selections } = hold;
    add(selections.filter(({ untilMs }) => untilMs >= fromMs).map(({ lines }) => lines));
  }
  for (const other of history.unsure) {
    if (other.key === ask.key || other.hold || other.askedAtMs > toMs) continue;
    if (other.state === 'open' || mayBeStray(other, fromMs)) add([other.lines]);
  }
  return [...largest([ask.lines], poolOf)].some(([poolId, needed]) => {
    const pool = history.pools.find((each) => each.poolId === poolId);
    if (!pool || pool.unsureUntilMs >= fromMs) return true;
    const onSale = pool.capacity - pool.blocked - pool.waiting;
    return onSale - (most.get(poolId) ?? 0) < needed;
  });
}

/** What nobody was told of may be there all the same: a hold for its time, a booking for good. */
function mayBeStray({ kind, state, lastAtMs }: Ask, fromMs: number): boolean {
  return state === 'unknown' && (kind === 'booking' || lastAtMs + STRAY_MAX_MS > fromMs);
}

/** For each pool, the most that one of the selections takes of it. */
function largest(
  selections: readonly (readonly Line[])[],
  poolOf: ReadonlyMap<string, string>,
): ReadonlyMap<string, number> {
  const most = new Map<string, number>();
  for (const lines of selections) {
    const taken = new Map<string, number>();
    for (const { typeId, quantity } of lines) {
      const poolId = poolOf.get(typeId) ?? '';
      taken.set(poolId, (taken.get(poolId) ?? 0) + quantity);
    }
    for (const [poolId, quantity] of taken) {
      most.set(poolId, Math.max(most.get(poolId) ?? 0, quantity));
    }
  }
  return most;
}
