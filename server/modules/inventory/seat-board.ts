/**
 * An event's seats in memory: what they are called, what is free of them, and two bits for each to
 * show. It is kept current from this process's own batches at once, and from the database where
 * something else may have changed them. What it says is never the decision: a proposal of seats
 * that have just gone is refused by the database, and made again.
 */
import { createHash } from 'node:crypto';
import type { Ctx } from '../../kernel/context.ts';
import { maybe, one } from '../../kernel/db.ts';
import { createFreshCache, type FreshCache } from '../../kernel/fresh-cache.ts';
import type { EventId, PoolId, TicketTypeId } from '../../kernel/ids.ts';
import type { Lanes } from '../../kernel/lanes.ts';
import { present } from '../../kernel/result.ts';
import { FreeSeats, planSeats } from '../venues/index.ts';
import {
  type SeatedType,
  selectPlanVersion,
  selectSeatedTypes,
  selectSeatPlan,
  selectSeatStates,
} from './availability.sql.ts';
import type { SeatNames } from './hold-answer.ts';

/** What other processes change is seen so late at most; proposals only get worse by it. */
const STATES_STALE_MAX_MS = 500;
/** All seats of a large hall take some 20 ms to read. */
const STATES_REST_MS = 200;
const TYPES_STALE_MAX_MS = 5_000;
/** A hall of 40,000 seats takes some 20 MB. */
const BOARDS_MAX = 32;

/** Words for all seats of a large hall take some 10 ms to write down. */
const WORDS_REST_MS = 1_000;

/** What is shown of a seat: free, held (or claimed, or kept for the waitlist), sold, blocked. */
const BITS: Readonly<Record<string, number>> = { f: 0, h: 1, c: 1, r: 1, s: 2, b: 3 };
const BLOCKED = 3;
const GONE = -1;

export type SeatBoard = {
  readonly planVersion: number;
  /** By number; the numbers of those that are not gone; and those in the order of the map. */
  readonly keys: readonly string[];
  readonly numbers: ReadonlyMap<string, number>;
  readonly shown: readonly string[];
  /** Of each seat by its number, the position in the map; -1 where it is gone. */
  readonly mapOf: Int32Array;
  /** Sections by pool, in the order of the plan, and the position there of each seat's. */
  readonly blocks: readonly { readonly section: string; readonly poolId: PoolId }[];
  readonly blockOf: Uint32Array;
  readonly free: FreeSeats;
  /** A letter for each seat, as the database last said or a batch of ours has changed it. */
  readonly states: Uint8Array;
  /** What is shown in the order of the map: two bits a seat, the first of four in the lowest. */
  readonly bits: Buffer;
  /** Of the bits as they are; null where they have changed since. */
  etag: string | null;
  /** The bits in words, as they were when it was last asked for them. */
  readonly words: FreshCache<'words', SeatWords>;
  /** Of each seat in the order of the map, its words but the last; made when first needed. */
  heads: readonly string[] | null;
  /** Changed by our own batches while the database was being read. */
  changed: Set<number> | null;
  readonly refresh: FreshCache<'states', void>;
  /** Those that sell these seats, the cheapest first. */
  readonly types: () => Promise<ReadonlyMap<TicketTypeId, SeatedType>>;
};

type Boards = FreshCache<EventId, SeatBoard | null>;
const FREE = 'f'.charCodeAt(0);
const HELD = 'h'.charCodeAt(0);

/** The boards of one process's context; its lanes tell when something has changed. */
const boardsOf = new WeakMap<Lanes, { boards: Boards; open: Map<EventId, SeatBoard> }>();

function boardsIn(ctx: Ctx) {
  const known = boardsOf.get(ctx.lanes);
  if (known) return known;
  const open = new Map<EventId, SeatBoard>();
  const boards: Boards = createFreshCache({
    staleMaxMs: Number.POSITIVE_INFINITY,
    entriesMax: BOARDS_MAX,
  });
  const made = { boards, open };
  boardsOf.set(ctx.lanes, made);
  ctx.lanes.onCommit((eventId, kind) => {
    // A turn may have opened seats; a batch only changes their states.
    if (kind === null) boards.touch(eventId);
    if (kind !== 'hold') open.get(eventId)?.refresh.touch('states');
  });
  return made;
}

/** The event's seats, as current as proposals need it; null where it has none. */
export async function seatBoard(ctx: Ctx, eventId: EventId): Promise<SeatBoard | null> {
  const { boards, open } = boardsIn(ctx);
  const board = await boards.read(eventId, async () => {
    const loaded = await loadBoard(ctx, eventId);
    // That there are none is looked up each time: another process may open some.
    if (!loaded) boards.touch(eventId);
    if (loaded) await loaded.refresh.read('states', () => readStates(ctx, eventId, loaded));
    return loaded;
  });
  // The last that was asked for is the last to go.
  open.delete(eventId);
  if (board) open.set(eventId, board);
  for (const oldest of open.keys()) {
    if (open.size <= BOARDS_MAX) break;
    open.delete(oldest);
  }
  // Nobody waits for it: what is out of date costs a second proposal, never a seat.
  board?.refresh
    .read('states', () => readStates(ctx, eventId, board))
    .catch((error: unknown) => ctx.log.warn({ err: error }, 'the seats of an event were not read'));
  return board;
}

/** The same for whoever names these seats, which another process may just have opened. */
export async function seatBoardWith(
  ctx: Ctx,
  eventId: EventId,
  keys: readonly string[],
): Promise<SeatBoard | null> {
  const board = await seatBoard(ctx, eventId);
  if (!board || keys.every((key) => board.numbers.has(key))) return board;
  const isSame = (await readPlanVersion(ctx, eventId)) === board.planVersion;
  return isSame ? board : reload(ctx, eventId);
}

/** Counts the floor plans that the event has been in; null where it has no sale. */
export async function readPlanVersion(ctx: Ctx, eventId: EventId): Promise<number | null> {
  return (await maybe(ctx.db, selectPlanVersion(eventId)))?.planVersion ?? null;
}

/** What seats are called, for whoever has been told these numbers. */
export async function seatNames(
  ctx: Ctx,
  eventId: EventId,
  seatNos: readonly (number | null)[],
): Promise<SeatNames> {
  const last = seatNos.reduce<number>((most, seatNo) => Math.max(most, seatNo ?? -1), -1);
  const known = last < 0 ? null : await seatBoard(ctx, eventId);
  // The database knows of seats that another process has just opened.
  const board = known && last >= known.keys.length ? await reload(ctx, eventId) : known;
  return (named) => named.map((seatNo) => present(board?.keys[seatNo], `seat ${seatNo}`));
}

function reload(ctx: Ctx, eventId: EventId): Promise<SeatBoard | null> {
  boardsIn(ctx).boards.touch(eventId);
  return seatBoard(ctx, eventId);
}

async function loadBoard(ctx: Ctx, eventId: EventId): Promise<SeatBoard | null> {
  const row = await maybe(ctx.db, selectSeatPlan(eventId));
  if (!row || row.seats.length === 0) return null;
  const keys = row.seats.map((seat) => seat.key);
  const mapOf = Int32Array.from(row.seats, ({ mapNo }) => mapNo ?? GONE);
  const shown: string[] = [];
  for (const [seatNo, mapNo] of mapOf.entries()) {
    if (mapNo !== GONE) shown[mapNo] = present(keys[seatNo], 'key');
  }
  const types = createFreshCache<'types', ReadonlyMap<TicketTypeId, SeatedType>>({
    staleMaxMs: TYPES_STALE_MAX_MS,
    entriesMax: 1,
  });
  const readTypes = async () => {
    const found = await one(ctx.db, selectSeatedTypes(eventId, ctx.clock.now()));
    return new Map(found.types.map((type) => [type.ticketTypeId, type]));
  };
  return {
    planVersion: row.planVersion,
    ...{ keys, shown, mapOf },
    numbers: new Map(
      keys.flatMap((key, seatNo) => (mapOf[seatNo] === GONE ? [] : [[key, seatNo] as const])),
    ),
    ...blocksOf(row.seats),
    free: new FreeSeats(planSeats(row.seats)),
    states: new Uint8Array(keys.length).fill(FREE),
    changed: null,
    bits: Buffer.alloc(Math.ceil(shown.length / 4)),
    etag: null,
    words: createFreshCache({
      staleMaxMs: Number.POSITIVE_INFINITY,
      restMs: WORDS_REST_MS,
      entriesMax: 1,
    }),
    heads: null,
    refresh: createFreshCache({
      staleMaxMs: STATES_STALE_MAX_MS,
      restMs: STATES_REST_MS,
      entriesMax: 1,
    }),
    types: () => types.read('types', readTypes),
  };
}

async function readStates(ctx: Ctx, eventId: EventId, board: SeatBoard): Promise<void> {
  board.changed = new Set();
  try {
    const row = await maybe(ctx.db, selectSeatStates(eventId));
    // Another process has opened more of them.
    if (row && row.planVersion !== board.planVersion) boardsIn(ctx).boards.touch(eventId);
    const states = Buffer.from(row?.states ?? '', 'latin1');
    for (let seatNo = 0; seatNo < board.keys.length; seatNo += 1) {
      const state = states[seatNo] ?? HELD;
      if (state === board.states[seatNo] || board.changed.has(seatNo)) continue;
      write(board, seatNo, state);
    }
  } finally {
    board.changed = null;
  }
}

/** Seats that a batch of ours has given, or was refused: nobody else is proposed them. */
export function noteHeld(board: SeatBoard, seatNos: readonly (number | null)[]): void {
  for (const seatNo of seatNos) {
    if (seatNo === null) continue;
    board.changed?.add(seatNo);
    write(board, seatNo, HELD);
  }
}

function write(board: SeatBoard, seatNo: number, state: number): void {
  board.states[seatNo] = state;
  board.free.setFree(seatNo, state === FREE);
  const mapNo = board.mapOf[seatNo] ?? GONE;
  if (mapNo === GONE) return;
  const shift = (mapNo & 3) * 2;
  const others = (board.bits[mapNo >> 2] ?? 0) & ~(3 << shift);
  board.bits[mapNo >> 2] = others | ((BITS[String.fromCharCode(state)] ?? BLOCKED) << shift);
  board.etag = null;
  board.words.touch('words');
}

export type SeatsShown = Pick<SeatBoard, 'planVersion' | 'bits'> & {
  /** In the order of the map. */
  readonly keys: readonly string[];
  /** Of the content: the same in every process. */
  readonly etag: string;
};

/** What is shown of an event's seats now; null where it has none. */
export async function showSeats(ctx: Ctx, eventId: EventId): Promise<SeatsShown | null> {
  const known = await seatBoard(ctx, eventId);
  if (!known) return null;
  await known.refresh.read('states', () => readStates(ctx, eventId, known));
  // The same board, unless the database has just told of a new plan.
  const board = (await seatBoard(ctx, eventId)) ?? known;
  const { planVersion, shown, bits } = board;
  return { etag: etagOf(board), planVersion, keys: shown, bits: Buffer.from(bits) };
}

function etagOf(board: SeatBoard): string {
  const { planVersion, bits } = board;
  board.etag ??= `"${createHash('sha1').update(`${planVersion}\n`).update(bits).digest('base64url')}"`;
  return board.etag;
}

/** JSON, with the tag of the bits that it was made from. */
export type SeatWords = { readonly etag: string; readonly text: Buffer };

/**
 * The same in words. Whoever asks while they are changing gets them up to a second old: nobody can
 * have this process write them for each request.
 */
export async function showSeatsInWords(ctx: Ctx, eventId: EventId): Promise<SeatWords | null> {
  const board = await seatBoard(ctx, eventId);
  return board ? board.words.read('words', async () => inWords(eventId, board)) : null;
}

/** By their two bits. */
const WORDS = ['free', 'held', 'sold', 'blocked'].map((word) => `${word}"}`);

function inWords(eventId: EventId, board: SeatBoard): SeatWords {
  const { planVersion, shown, bits } = board;
  board.heads ??= shown.map((key) => `{"id":${JSON.stringify(key)},"status":"`);
  const seats = board.heads.map(
    (head, mapNo) => head + WORDS[((bits[mapNo >> 2] ?? 0) >> ((mapNo & 3) * 2)) & 3],
  );
  const about = JSON.stringify({ eventId, planVersion }).slice(0, -1);
  return { etag: etagOf(board), text: Buffer.from(`${about},"seats":[${seats.join(',')}]}`) };
}

export type SectionShown = {
  readonly section: string;
  readonly poolId: PoolId;
  readonly seats: number;
  readonly free: number;
};

/** How much is free of each section now, by pool, in the order of the plan; null as above. */
export async function showSections(
  ctx: Ctx,
  eventId: EventId,
): Promise<readonly SectionShown[] | null> {
  const board = await seatBoard(ctx, eventId);
  if (!board) return null;
  await board.refresh.read('states', () => readStates(ctx, eventId, board));
  const found = board.blocks.map((block) => ({ ...block, seats: 0, free: 0 }));
  for (const [seatNo, at] of board.blockOf.entries()) {
    if (board.mapOf[seatNo] === GONE) continue;
    const own = present(found[at], 'the section of a seat');
    own.seats += 1;
    if (board.states[seatNo] === FREE) own.free += 1;
  }
  return found.filter(({ seats }) => seats > 0);
}

function blocksOf(
  seats: readonly { readonly section: string; readonly poolId: PoolId }[],
): Pick<SeatBoard, 'blocks' | 'blockOf'> {
  const positions = new Map<string, number>();
  const blocks: { readonly section: string; readonly poolId: PoolId }[] = [];
  const blockOf = Uint32Array.from(seats, ({ section, poolId }) => {
    const name = `${section}\n${poolId}`;
    const known = positions.get(name);
    if (known !== undefined) return known;
    positions.set(name, blocks.length);
    return blocks.push({ section, poolId }) - 1;
  });
  return { blocks, blockOf };
}
