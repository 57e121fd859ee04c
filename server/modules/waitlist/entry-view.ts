/** Entries and offers as those who wait see them. */
import { z } from 'zod';
import type { Ctx } from '../../kernel/context.ts';
import { maybe } from '../../kernel/db.ts';
import { eventOf } from '../../kernel/ids.ts';
import { timeOut } from '../../kernel/schemas.ts';
import { readHold } from '../inventory/index.ts';
import { type EntryRow, type OfferRow, selectOffer } from './waitlist.sql.ts';

export const entrySchema = z
  .object({
    id: z.string(),
    eventId: z.string(),
    status: z.enum(['waiting', 'offered', 'converted', 'left', 'closed']),
    quantity: z.int(),
    acceptsFewer: z.boolean(),
    ticketTypeIds: z.array(z.string()).nullable().describe('Null: any'),
    sections: z.array(z.string()).nullable().describe('Null: anywhere'),
    position: z
      .int()
      .nullable()
      .describe('1 more than those before who could take the same places; null: it waits no more'),
    closesAt: timeOut.describe('Nobody is offered anything later'),
    placesOffered: z.int().describe('How many places of the event were offered so far, to all'),
    odds: z
      .number()
      .nullable()
      .describe('The share of all who joined that was offered something; null: nobody was yet'),
    reason: z.string().nullable().describe('Why it ended, where it was left or closed'),
    offer: z.object({ id: z.string(), expiresAt: timeOut }).nullable(),
    accessToken: z.string().optional().describe('Opens the entry and its offers; only once'),
  })
  .meta({ id: 'WaitlistEntry' });

export type EntryView = z.input<typeof entrySchema>;

export async function entryView(ctx: Ctx, row: EntryRow): Promise<EntryView> {
  const eventId = eventOf(row.entryId);
  const offer =
    row.status === 'offered' && row.offerId !== null
      ? await maybe(ctx.db, selectOffer(eventId, row.offerId, ctx.clock.now()))
      : null;
  return {
    id: row.entryId,
    eventId,
    status: row.status,
    quantity: row.quantity,
    acceptsFewer: row.acceptsFewer,
    ticketTypeIds: row.ticketTypeIds === null ? null : [...row.ticketTypeIds],
    sections: row.sections === null ? null : [...row.sections],
    position: row.status === 'waiting' ? row.ahead + 1 : null,
    closesAt: row.closesAt.toISOString(),
    placesOffered: row.offeredPlaces,
    odds: row.served === 0 ? null : Math.round((row.served / row.joined) * 1_000) / 1_000,
    reason: row.endedAs,
    offer: offer && { id: offer.offerId, expiresAt: offer.expiresAt.toISOString() },
  };
}

export const offerSchema = z
  .object({
    id: z.string(),
    entryId: z.string(),
    eventId: z.string(),
    status: z.enum(['open', 'accepted', 'declined', 'expired', 'withdrawn']),
    expiresAt: timeOut,
    ticketTypeId: z.string(),
    quantity: z.int(),
    wanted: z.int().describe('More than the quantity: not all of them were there'),
    seats: z.array(z.string()).optional().describe('While they are held'),
    apart: z.boolean().describe('The seats are not next to each other: nothing better was left'),
    sessionId: z.string().optional().describe('Once it is accepted'),
  })
  .meta({ id: 'WaitlistOffer' });

export type OfferView = z.input<typeof offerSchema>;

export async function offerView(ctx: Ctx, row: OfferRow): Promise<OfferView> {
  const status = row.status === 'open' && row.isOver ? 'expired' : row.status;
  const hold = status === 'open' ? await readHold(ctx, row.holdId) : null;
  const seats = hold?.items.flatMap((item) => ('seats' in item ? [...item.seats] : [])) ?? [];
  return {
    id: row.offerId,
    entryId: row.entryId,
    eventId: eventOf(row.offerId),
    status,
    expiresAt: row.expiresAt.toISOString(),
    ticketTypeId: row.ticketTypeId,
    quantity: row.quantity,
    wanted: row.wanted,
    ...(seats.length > 0 ? { seats } : {}),
    apart: row.apart,
    ...(status === 'accepted' ? { sessionId: row.sessionId } : {}),
  };
}
