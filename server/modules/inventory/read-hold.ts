import type { Ctx } from '../../kernel/context.ts';
import { maybe, one } from '../../kernel/db.ts';
import { type EventId, eventOf, type HoldId } from '../../kernel/ids.ts';
import { refused } from '../../kernel/result.ts';
import { selectHold, selectHoldByKey, selectNameRefusal } from './hold.sql.ts';
import { seatNames } from './seat-board.ts';

/** The hold as it is now, or null. Its status is `lapsed` from its expiry on. */
export async function readHold(ctx: Ctx, holdId: HoldId) {
  const eventId = eventOf(holdId);
  const hold = await maybe(ctx.db, selectHold(eventId, holdId, ctx.clock.now()));
  if (!hold) return null;
  const seatNos = hold.items.flatMap((item) => item.seatNos ?? []);
  const names = await seatNames(ctx, eventId, seatNos);
  const items = hold.items.map(({ seatNos, ...item }) =>
    seatNos ? { ...item, seats: names(seatNos) } : item,
  );
  return { ...hold, items, eventId };
}

/**
 * Why no order can be made of this hold for somebody with these keys, with how many one person may
 * have; null where nothing is known that speaks against it.
 */
export async function refusedFor(ctx: Ctx, holdId: HoldId, personKeys: readonly string[]) {
  const asked = selectNameRefusal(eventOf(holdId), holdId, [...personKeys], ctx.clock.now());
  const { refusal, limit } = await one(ctx.db, asked);
  return refusal === null ? null : refused(refusal, { extra: { limit } });
}

/** Whether this request has been granted before: it is then answered as it was. */
export async function wasHeld(
  ctx: Ctx,
  eventId: EventId,
  { caller, key }: { readonly caller: string; readonly key: string },
): Promise<boolean> {
  return (await maybe(ctx.db, selectHoldByKey(eventId, caller, key))) !== null;
}
