import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { readAvailability } from '../inventory/index.ts';
import { selectTicketTypeTexts } from './event.sql.ts';
import { findEvent } from './read-events.ts';

/** What this actor may see of what is free; hidden ticket types are listed to staff only. */
export async function showAvailability(ctx: Ctx, actor: Actor, eventId: EventId) {
  const seen = await findEvent(ctx, actor, eventId);
  const found = seen && (await readAvailability(ctx, eventId));
  if (!found) return null;
  const texts = await all(ctx.db, selectTicketTypeTexts([eventId]));
  const listed = new Set(
    texts
      .filter((type) => seen.audience === 'staff' || type.visibility === 'public')
      .map((type) => type.ticketTypeId),
  );
  return { ...found, ticketTypes: found.ticketTypes.filter((type) => listed.has(type.id)) };
}
