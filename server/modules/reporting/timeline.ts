import { z } from 'zod';
import { isStaffOf, type Key } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { maybe } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { pageOf, readCursor, toPage } from '../../kernel/page.ts';
import { ok, type Refusal, type Result, refused } from '../../kernel/result.ts';
import { moneyOut, timeOut } from '../../kernel/schemas.ts';
import { headOf, readTimeline } from '../../kernel/timeline.ts';
import { selectTimelineOwner } from './timeline.view.sql.ts';

const hash = z.string().describe('SHA-256, hexadecimal');

export const timelineSchema = pageOf(
  z
    .object({
      position: z.int().describe('Counted from 1 within the event'),
      at: timeOut.describe('In UTC, to the microsecond'),
      machine: z.string().describe('What kind of object: `order`, `ticket`, `payment`, …'),
      objectId: z.string(),
      from: z.string().nullable().describe('Its state before; null where it is new'),
      to: z.string().describe('Its state after; the same where something else changed'),
      actor: z.string().describe('A key, a person, a job; never a name'),
      requestId: z.string().nullable(),
      amount: moneyOut.nullable().describe('What the object is worth'),
      note: z.string().nullable().describe('What changed, where it was not the state'),
      hash: hash.describe('Of this line and the hash before it'),
    })
    .meta({ id: 'TimelineEntry' }),
)
  .extend({
    eventId: z.string(),
    head: z
      .object({ position: z.int(), hash })
      .describe('The last line that is sealed now. Note it down elsewhere'),
  })
  .meta({ id: 'Timeline' });

type TimelinePage = z.input<typeof timelineSchema>;

/** A page of an event's timeline, for its staff; in the order in which it was sealed. */
export async function showTimeline(
  ctx: Ctx,
  actor: Key,
  eventId: EventId,
  query: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Result<TimelinePage, Refusal & { code: 'not_found' | 'validation_failed' }>> {
  const owner = await maybe(ctx.db, selectTimelineOwner(eventId));
  if (!owner || !isStaffOf(actor, owner.organizerId, 'audit:read')) return refused('not_found');
  const list = `timeline ${eventId}`;
  const cursor = readCursor(ctx.secrets, list, query.cursor);
  if (!cursor.ok) return cursor;
  const from = Number(cursor.value?.[0] ?? 0) + 1;
  const found = await readTimeline(ctx.db, eventId, from, query.limit + 1);
  const page = toPage(ctx.secrets, list, found, query.limit, {
    view: ({ amountMinor, ...link }) => ({
      ...link,
      amount: amountMinor === null ? null : { amount: amountMinor, currency: owner.currency },
    }),
    key: ({ position }) => [String(position)],
  });
  return ok({ eventId, head: await headOf(ctx.db, eventId), ...page });
}
