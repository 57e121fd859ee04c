import type { Ctx } from '../../kernel/context.ts';
import { maybe } from '../../kernel/db.ts';
import { eventOf, type HoldId } from '../../kernel/ids.ts';
import { seatNames } from './choose-seats.ts';
import { selectHold } from './hold.sql.ts';
import { seatBoard } from './seat-board.ts';

/** The hold as it is now, or null. Its status is `lapsed` from its expiry on. */
export async function readHold(ctx: Ctx, holdId: HoldId) {
  const eventId = eventOf(holdId);
  const hold = await maybe(ctx.db, selectHold(eventId, holdId, ctx.clock.now()));
  if (!hold) return null;
  const hasSeats = hold.items.some((item) => item.seatNos !== null);
  const names = seatNames(hasSeats ? await seatBoard(ctx, eventId) : null);
  const items = hold.items.map(({ seatNos, ...item }) =>
    seatNos ? { ...item, seats: names(seatNos) } : item,
  );
  return { ...hold, items, eventId };
}
