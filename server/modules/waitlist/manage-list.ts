/** What the organizer's staff sees of a waitlist, and sets. */
import { z } from 'zod';
import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, type Busy, maybe, one } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { timeOut } from '../../kernel/schemas.ts';
import { findEvent } from '../catalog/index.ts';
import { usualClosing } from './closing-time.ts';
import { selectByTicketType } from './due.view.sql.ts';
import { selectList, selectMedianWait, selectOfferStates, selectStates } from './waitlist.sql.ts';
import { changeKind } from './waitlist-kinds.ts';

export const OFFER_MINUTES_DEFAULT = 30;

const counted = z.object({ entries: z.int(), places: z.int() });

export const listSchema = z
  .object({
    eventId: z.string(),
    open: z.boolean(),
    closesAt: timeOut,
    offerMinutes: z.int(),
    entries: z.object({
      waiting: counted,
      offered: counted,
      converted: counted,
      left: counted,
      closed: counted,
    }),
    offers: z.object({
      open: z.int(),
      accepted: z.int(),
      declined: z.int(),
      expired: z.int(),
      withdrawn: z.int(),
    }),
    byTicketType: z.array(
      z.object({
        id: z.string(),
        entries: z.int().describe('Who waits for it, perhaps for others as well'),
        places: z.int(),
        reserved: z.int().describe('What is kept for them, with other types of the same places'),
      }),
    ),
    medianSecondsToOffer: z.int().nullable(),
    conversion: z.number().nullable().describe('Of the offers that have ended, those bought'),
  })
  .meta({ id: 'Waitlist' });

export type ListView = z.input<typeof listSchema>;

export async function showList(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
): Promise<Result<ListView, RefusalOf<'not_found'>>> {
  const seen = await findEvent(ctx, actor, eventId);
  if (!seen || !isStaffOf(actor, seen.event.organizerId, 'statistics:read')) {
    return refused('not_found');
  }
  const list = await maybe(ctx.db, selectList(eventId));
  const states = await all(ctx.db, selectStates(eventId));
  const offers = await all(ctx.db, selectOfferStates(eventId));
  const types = await all(ctx.db, selectByTicketType(eventId));
  const { seconds } = await one(ctx.db, selectMedianWait(eventId));
  const entriesIn = (status: (typeof states)[number]['status']) => {
    const { entries = 0, places = 0 } = states.find((row) => row.status === status) ?? {};
    return { entries, places };
  };
  const offersIn = (status: (typeof offers)[number]['status']) =>
    offers.find((row) => row.status === status)?.offers ?? 0;
  const converted = entriesIn('converted').entries;
  const made = offers.reduce((sum, row) => sum + row.offers, 0);
  const ended = made - entriesIn('offered').entries;
  return ok({
    eventId,
    open: list?.isOpen ?? true,
    closesAt: (list?.closesAt ?? usualClosing(seen.event)).toISOString(),
    offerMinutes: list?.offerMinutes ?? OFFER_MINUTES_DEFAULT,
    entries: {
      waiting: entriesIn('waiting'),
      offered: entriesIn('offered'),
      converted: entriesIn('converted'),
      left: entriesIn('left'),
      closed: entriesIn('closed'),
    },
    offers: {
      open: offersIn('open'),
      accepted: offersIn('accepted'),
      declined: offersIn('declined'),
      expired: offersIn('expired'),
      withdrawn: offersIn('withdrawn'),
    },
    byTicketType: types.map(({ ticketTypeId: id, entries, places, reserved }) => ({
      ...{ id, entries, places, reserved },
    })),
    medianSecondsToOffer: seconds,
    conversion: ended <= 0 ? null : Math.round((converted / ended) * 1_000) / 1_000,
  });
}

export type ListTerms = {
  readonly open: boolean;
  readonly offerMinutes: number;
  /** Null: some hours before the start. */
  readonly closesAt: Date | null;
};

/** Those who wait on a list that is closed are told so, and what was kept for them is on sale. */
export async function setList(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  terms: ListTerms,
): Promise<Result<ListView, RefusalOf<'not_found' | 'closes_too_late'> | Busy>> {
  const seen = await findEvent(ctx, actor, eventId);
  if (!seen || !isStaffOf(actor, seen.event.organizerId, 'events:write')) {
    return refused('not_found');
  }
  const { event } = seen;
  if (terms.closesAt !== null && terms.closesAt > event.startsAt) return refused('closes_too_late');
  const asked = await ctx.lanes.ask(ctx, changeKind, eventId, {
    do: 'set',
    organizerId: event.organizerId,
    closesAt: usualClosing(event),
    ownClosesAt: terms.closesAt,
    offerMinutes: terms.offerMinutes,
    isOpen: terms.open,
  });
  return asked.ok ? showList(ctx, actor, eventId) : asked;
}
