import type { Consumer } from '../../kernel/consumers.ts';
import type { Ctx } from '../../kernel/context.ts';
import { maybe, run } from '../../kernel/db.ts';
import type { Recurring } from '../../kernel/jobs.ts';
import { readEventWords } from '../catalog/index.ts';
import { usualClosing } from './closing-time.ts';
import { forgetPersons, selectList } from './waitlist.sql.ts';
import { changeKind } from './waitlist-kinds.ts';

/** An event that moves takes the closing of its list along, where staff has not said another. */
export const waitlistConsumer: Consumer = {
  name: 'waitlist',
  kinds: ['event_rescheduled'],
  keyOf: ({ eventId }) => eventId,
  handle: async (ctx, { eventId }) => {
    const list = await maybe(ctx.db, selectList(eventId));
    if (!list) return;
    const { event } = await readEventWords(ctx, eventId, []);
    const asked = await ctx.lanes.ask(ctx, changeKind, eventId, {
      ...list,
      do: 'set',
      organizerId: event.organizerId,
      closesAt: usualClosing(event),
    });
    if (!asked.ok) throw new Error('the waitlist could not follow its event yet');
  },
};

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
