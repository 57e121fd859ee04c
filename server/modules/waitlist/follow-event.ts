import type { Consumer } from '../../kernel/consumers.ts';
import type { Ctx } from '../../kernel/context.ts';
import { maybe, run } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import type { Recurring } from '../../kernel/jobs.ts';
import { inTxOrNotNow, orNotNow } from '../../kernel/not-now.ts';
import { eventById } from '../catalog/index.ts';
import { notify } from '../notifications/index.ts';
import { usualClosing } from './closing-time.ts';
import { forgetPersons, selectEntry, selectList, selectOffer } from './waitlist.sql.ts';
import { changeKind, type EntryId, type OfferId } from './waitlist-kinds.ts';

export const waitlistConsumer: Consumer = {
  name: 'waitlist',
  kinds: ['event_rescheduled', 'event_changed', 'offer_made'],
  // An offer that cannot be told of holds up no other one.
  keyOf: ({ eventId, data }) => (typeof data['offerId'] === 'string' ? data['offerId'] : eventId),
  handle: (ctx, { kind, eventId, data }) =>
    kind === 'offer_made'
      ? // Of that fact, as it is listed.
        tellOfOffer(ctx, eventId, data as { offerId: OfferId; entryId: EntryId })
      : followEvent(ctx, eventId),
};

/**
 * An event that moves, or whose doors open earlier, takes the closing of its list along, where
 * staff has not said another.
 */
async function followEvent(ctx: Ctx, eventId: EventId): Promise<void> {
  const list = await maybe(ctx.db, selectList(eventId));
  const event = list && (await eventById(ctx.db, eventId));
  // It may have been deleted since; its list ends by itself.
  if (!event) return;
  await ctx.pause('waitlist.before_follow');
  const asked = await ctx.lanes.ask(ctx, changeKind, eventId, {
    ...{ do: 'follow', organizerId: event.organizerId, closesAt: usualClosing(event) },
  });
  orNotNow(asked);
}

/** Once, and not any more where it is over. */
async function tellOfOffer(
  ctx: Ctx,
  eventId: EventId,
  { offerId, entryId }: { readonly offerId: OfferId; readonly entryId: EntryId },
): Promise<void> {
  const offer = await maybe(ctx.db, selectOffer(eventId, offerId, ctx.clock.now()));
  const entry = await maybe(ctx.db, selectEntry(eventId, entryId));
  if (!entry || offer?.status !== 'open' || offer.isOver) return;
  const { organizerId, userId, email, language } = entry;
  const until = offer.expiresAt;
  await inTxOrNotNow(ctx, (tx) =>
    notify(ctx, tx, {
      ...{ kind: 'waitlist_offer', key: offerId, organizerId, eventId, userId, email },
      data: {
        path: `/api/v1/offers/${offerId}`,
        opens: entryId,
        until: until.toISOString(),
        language,
      },
      uselessAt: until,
    }),
  );
  ctx.wakeJobs();
}

const FORGOTTEN_AT_ONCE = 1_000;

async function forgetPeople(ctx: Ctx): Promise<void> {
  let forgotten: number;
  do forgotten = await run(ctx.db, forgetPersons(ctx.clock.now(), FORGOTTEN_AT_ONCE));
  while (forgotten === FORGOTTEN_AT_ONCE);
}

/** Names and addresses go some days after the end of an entry. */
export const waitlistRecurring: Recurring = {
  name: 'waitlist_people',
  everyMs: 60_000,
  run: forgetPeople,
};
