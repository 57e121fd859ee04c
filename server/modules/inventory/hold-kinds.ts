/** What a lane does with holds: the kinds of change, their order and their bounds. */
import type { HoldId, TicketTypeId } from '../../kernel/ids.ts';
import type { LaneKind } from '../../kernel/lanes.ts';
import {
  callChangeBatch,
  callHoldBatch,
  callNameBatch,
  callReleaseBatch,
  callSearchBatch,
  callSweepBatch,
} from './hold.sql.ts';
import type { HoldVerdict } from './hold-answer.ts';
import type { PriceRange } from './hold-places.ts';
import { callBlockBatch, callWaitBatch } from './supply.sql.ts';

/** Whoever is paying, or gives places back, goes before whoever wants some. */
export const PAYING_RANK = 1;
const HOLDING_RANK = 2;
const TIDYING_RANK = 3;

/** More would wait longer than their callers do. */
const HOLDS_QUEUED_MAX = 20_000;
const QUEUED_MAX = 5_000;
/** Larger batches give no more holds a second, only later answers. */
const HOLDS_BATCH_MAX = 512;
const BATCH_MAX = 256;
/** That everything is sold is found at once: a crowd that learns of it waits no second. */
const SEARCHES_QUEUED_MAX = 2_000;
const SEARCHES_BATCH_MAX = 8;
const HOLD_WAIT_MAX_MS = 1_000;

/** One request of `inventory.hold_batch`. */
export type HoldCall = {
  readonly holdId: HoldId;
  readonly caller: string;
  readonly key: string;
  /** Hexadecimal. */
  readonly bodyHash: string;
  readonly guarded: boolean;
  /** The organizer whose staff asks, or `any`: they see a sale before everybody else does. */
  readonly sees: string | null;
  readonly personKeys: readonly string[];
  readonly ticketTypeIds: readonly TicketTypeId[];
  readonly quantities: readonly number[];
  /** One for each place, null for a place that is only counted; null where there is no seat. */
  readonly seatNos: readonly (number | null)[] | null;
  /** Of each line, what a place may cost where the buyer has named no ticket type. */
  readonly dearestMinor?: readonly (number | null)[];
  /** Drawn from what is reserved for the waitlist. */
  readonly offered: boolean;
  /** Until when, where it is not the event's hold time. */
  readonly expiresAt: Date | null;
  /** Ticket types that need a code, and are open to this buyer. */
  readonly opened?: readonly TicketTypeId[];
  /** Kept with the hold. */
  readonly promoCode?: string | null;
  /** Whoever it is for has a right to places: neither windows nor limits apply. */
  readonly byRight?: boolean;
};

// The functions answer in these shapes (hold.fn.sql, change-hold.fn.sql).
const verdicts = <Request>(kind: LaneKind<Request, unknown>) =>
  kind as LaneKind<Request, HoldVerdict>;

export const holdKind = verdicts<HoldCall>({
  name: 'hold',
  rank: HOLDING_RANK,
  queueMax: HOLDS_QUEUED_MAX,
  batchMax: HOLDS_BATCH_MAX,
  waitMaxMs: HOLD_WAIT_MAX_MS,
  call: callHoldBatch,
  nameOf: (request) => `${request.caller}\n${request.key}`,
  // As above.
  isUndecided: (answer) => (answer as HoldVerdict).verdict === 'again',
});

/** What the database is to search for, line by line. */
export type Search = {
  readonly best: readonly boolean[];
  readonly sections: readonly (string | null)[];
  readonly accessible: readonly (number | null)[];
  readonly prices: readonly (PriceRange | null)[];
  /** Null where one is to be found within the prices. */
  readonly ticketTypeIds: readonly (string | null)[];
};

/** A hold whose seats the database chooses, one after the other: some milliseconds each. */
export const searchKind = verdicts<Omit<HoldCall, 'ticketTypeIds'> & Search>({
  name: 'search',
  rank: HOLDING_RANK,
  queueMax: SEARCHES_QUEUED_MAX,
  batchMax: SEARCHES_BATCH_MAX,
  waitMaxMs: HOLD_WAIT_MAX_MS,
  call: callSearchBatch,
  nameOf: (request) => `${request.caller}\n${request.key}`,
  // As above.
  isUndecided: (answer) => (answer as HoldVerdict).verdict === 'again',
});

type Change = {
  readonly holdId: HoldId;
  readonly quantities: readonly number[];
  readonly seatNos: readonly (number | null)[] | null;
  readonly dearestMinor?: HoldCall['dearestMinor'];
  readonly opened?: HoldCall['opened'];
  readonly promoCode?: HoldCall['promoCode'];
};

export const changeKind = verdicts<
  Change & { readonly ticketTypeIds: readonly string[]; readonly best: null }
>({
  name: 'change',
  rank: HOLDING_RANK,
  queueMax: QUEUED_MAX,
  batchMax: BATCH_MAX,
  waitMaxMs: HOLD_WAIT_MAX_MS,
  call: callChangeBatch,
  // As above.
  isUndecided: (answer) => (answer as HoldVerdict).verdict === 'again',
});

/** Where memory knows of no seats that would do: as many at once as new holds of that sort. */
export const searchChangeKind = verdicts<Change & Search>({
  name: 'search_change',
  rank: HOLDING_RANK,
  queueMax: SEARCHES_QUEUED_MAX,
  batchMax: SEARCHES_BATCH_MAX,
  waitMaxMs: HOLD_WAIT_MAX_MS,
  call: callChangeBatch,
  nameOf: ({ holdId }) => holdId,
  // As above.
  isUndecided: (answer) => (answer as HoldVerdict).verdict === 'again',
});

const paying = {
  rank: PAYING_RANK,
  queueMax: QUEUED_MAX,
  batchMax: BATCH_MAX,
  waitMaxMs: null,
} as const;

export const nameKind = verdicts<{
  readonly holdId: HoldId;
  readonly personKeys: readonly string[];
}>({
  ...paying,
  name: 'name',
  call: callNameBatch,
});

export const releaseKind: LaneKind<{ readonly holdId: HoldId }, string> = {
  ...paying,
  name: 'release',
  call: callReleaseBatch,
};

/** Answers how many holds lapsed. */
export const sweepKind: LaneKind<{ readonly most: number }, number> = {
  name: 'sweep',
  rank: TIDYING_RANK,
  queueMax: 1,
  batchMax: 1,
  waitMaxMs: null,
  call: callSweepBatch,
};

/** What is off sale from now on: so many of a counted pool, or these seats. */
export const blockKind: LaneKind<
  | { readonly poolId: string; readonly quantity: number }
  | { readonly poolId: string; readonly seatNos: readonly number[]; readonly free: boolean },
  string
> = { ...paying, name: 'block', call: callBlockBatch };

export const waitKind: LaneKind<
  { readonly poolId: string; readonly waiting: number },
  number | null
> = { ...paying, name: 'wait', call: callWaitBatch };
