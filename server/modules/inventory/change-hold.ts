import type { Ctx } from '../../kernel/context.ts';
import { eventOf, type HoldId } from '../../kernel/ids.ts';
import type { Result } from '../../kernel/result.ts';
import { askWithSeats, seatNames } from './choose-seats.ts';
import { type Hold, type HoldRefusal, toHold } from './hold-answer.ts';
import { changeKind, nameKind } from './hold-kinds.ts';
import type { HoldItem } from './hold-places.ts';
import { seatBoard } from './seat-board.ts';

/** Swaps the selection; the old one is lost only if the new one is granted. The expiry stays. */
export async function changeHold(
  ctx: Ctx,
  holdId: HoldId,
  items: readonly HoldItem[],
): Promise<Result<Hold, HoldRefusal>> {
  const eventId = eventOf(holdId);
  const choosesSeats = items.some((item) => item.seatIds ?? item.best);
  const board = choosesSeats ? await seatBoard(ctx, eventId) : null;
  const asked = await askWithSeats(board, items, ({ seatNos, named, search, ...chosen }) =>
    ctx.lanes.ask(ctx, changeKind, eventId, {
      holdId,
      quantities: items.map((item) => item.quantity),
      // A search reads the places of the other lines from it, also where none of them is a seat.
      seatNos: search ? named : seatNos.some((seatNo) => seatNo !== null) ? seatNos : null,
      ...(search ?? { ...chosen, best: null }),
    }),
  );
  if (!asked.ok) return asked;
  const hasSeats = asked.value.items?.some((item) => item.seatNos !== undefined) ?? false;
  // A search may have found seats that were opened a moment ago.
  const known = board ?? (hasSeats ? await seatBoard(ctx, eventId) : null);
  return toHold(eventId, asked.value, seatNames(known));
}

/** Counts the hold for these keys of its person too, where their cap allows it. */
export async function nameHolder(
  ctx: Ctx,
  holdId: HoldId,
  personKeys: readonly string[],
): Promise<Result<Hold, HoldRefusal>> {
  const eventId = eventOf(holdId);
  const asked = await ctx.lanes.ask(ctx, nameKind, eventId, { holdId, personKeys });
  if (!asked.ok) return asked;
  const hasSeats = asked.value.items?.some((item) => item.seatNos !== undefined) ?? false;
  const board = hasSeats ? await seatBoard(ctx, eventId) : null;
  return toHold(eventId, asked.value, seatNames(board));
}
