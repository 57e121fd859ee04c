import type { Ctx } from '../../kernel/context.ts';
import { eventOf, type HoldId } from '../../kernel/ids.ts';
import type { Result } from '../../kernel/result.ts';
import { askWithSeats } from './choose-seats.ts';
import {
  type Hold,
  type HoldRefusal,
  refusedWhileStopped,
  seatsTold,
  toHold,
} from './hold-answer.ts';
import { changeKind, nameKind, searchChangeKind } from './hold-kinds.ts';
import { type HoldItem, type Opening, openingOf } from './hold-places.ts';
import { seatBoardWith, seatNames } from './seat-board.ts';

/** Swaps the selection; the old one is lost only if the new one is granted. The expiry stays. */
export async function changeHold(
  ctx: Ctx,
  holdId: HoldId,
  items: readonly HoldItem[],
  opening?: Opening,
): Promise<Result<Hold, HoldRefusal>> {
  const eventId = eventOf(holdId);
  const stopped = await refusedWhileStopped(ctx, eventId);
  if (stopped) return stopped;
  const choosesSeats = items.some((item) => item.seatIds ?? item.best);
  const keys = items.flatMap((item) => item.seatIds ?? []);
  const board = choosesSeats ? await seatBoardWith(ctx, eventId, keys) : null;
  const quantities = items.map((item) => item.quantity);
  const change = { holdId, quantities, ...openingOf(opening) };
  const asked = await askWithSeats(board, items, ({ seatNos, named, search, ...chosen }) =>
    search
      ? // A search reads the places of the other lines from it, also where none of them is a seat.
        ctx.lanes.ask(ctx, searchChangeKind, eventId, { ...change, ...search, seatNos: named })
      : ctx.lanes.ask(ctx, changeKind, eventId, {
          ...{ ...change, ...chosen, best: null },
          seatNos: seatNos.some((seatNo) => seatNo !== null) ? seatNos : null,
        }),
  );
  if (!asked.ok) return asked;
  return toHold(eventId, asked.value, await seatNames(ctx, eventId, seatsTold(asked.value)));
}

/**
 * Counts the hold for these keys of its person and for no others any more, where their cap allows
 * it and no order stands on it.
 */
export async function nameHolder(
  ctx: Ctx,
  holdId: HoldId,
  personKeys: readonly string[],
): Promise<Result<Hold, HoldRefusal>> {
  const eventId = eventOf(holdId);
  const asked = await ctx.lanes.ask(ctx, nameKind, eventId, { holdId, personKeys });
  if (!asked.ok) return asked;
  return toHold(eventId, asked.value, await seatNames(ctx, eventId, seatsTold(asked.value)));
}
