import { z } from 'zod';
import { isStaffOf, type Key } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, maybe } from '../../kernel/db.ts';
import type { Id } from '../../kernel/ids.ts';
import { readNow } from '../../kernel/now.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { timeOut } from '../../kernel/schemas.ts';
import { clashesOf, gapsOf } from './rules-schedule.ts';
import { selectScheduled, selectVenueOrganizer } from './schedule.view.sql.ts';

/** More than three a day for a year. */
const EVENTS_MAX = 1_200;
const DAYS_MAX = 400;
const DAYS_DEFAULT = 90;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Of an event that nobody has said an end of. */
const LENGTH_MS = 3 * 3_600_000;

const event = z.object({
  id: z.string(),
  name: z.string(),
  status: z.string(),
  startsAt: timeOut,
  endsAt: timeOut.nullable(),
  configurationId: z.string(),
  configuration: z.string().describe('Name and version of its floor plan'),
  capacity: z.int(),
});

export const scheduleSchema = z
  .object({
    venueId: z.string(),
    from: timeOut,
    to: timeOut,
    events: z.array(event),
    clashes: z
      .array(z.object({ eventIds: z.array(z.string()), from: timeOut, to: timeOut }))
      .describe('Two at once, set-up and tear-down included'),
    gaps: z.array(z.object({ from: timeOut, to: timeOut })).describe('When nothing is in it'),
  })
  .meta({ id: 'Schedule' });

export type Wanted = {
  readonly from: Date | undefined;
  readonly to: Date | undefined;
  readonly setUpMinutes: number;
  readonly tearDownMinutes: number;
};

/** What is in a venue when, what stands in whose way, and when it is free. */
export async function readSchedule(
  ctx: Ctx,
  staff: Key,
  venueId: Id<'ven'>,
  wanted: Wanted,
): Promise<Result<z.input<typeof scheduleSchema>, RefusalOf<'not_found' | 'validation_failed'>>> {
  const from = wanted.from ?? (await readNow(ctx.db, ctx.clock));
  const to = wanted.to ?? new Date(from.getTime() + DAYS_DEFAULT * DAY_MS);
  const lengthMs = to.getTime() - from.getTime();
  if (lengthMs <= 0 || lengthMs > DAYS_MAX * DAY_MS) {
    const message = `must be after from, and at most ${DAYS_MAX} days`;
    const issue = { path: 'to', code: 'wrong_span', message };
    return refused('validation_failed', { issues: [issue] });
  }
  const venue = await maybe(ctx.db, selectVenueOrganizer(venueId));
  if (!venue || !isStaffOf(staff, venue.organizerId, 'venues:read')) return refused('not_found');
  // What is being set up at its end, or torn down at its beginning, touches the span too.
  const [before, after] = [wanted.setUpMinutes * MINUTE_MS, wanted.tearDownMinutes * MINUTE_MS];
  const within = {
    from: new Date(from.getTime() - after - LENGTH_MS),
    to: new Date(to.getTime() + before),
  };
  const found = await all(ctx.db, selectScheduled(venueId, within, EVENTS_MAX));
  const uses = found
    .map(({ eventId, startsAt, endsAt }) => ({
      eventId,
      from: new Date(startsAt.getTime() - before),
      to: new Date((endsAt?.getTime() ?? startsAt.getTime() + LENGTH_MS) + after),
    }))
    .filter((use) => use.from < to && use.to > from);
  const touching = new Set(uses.map(({ eventId }) => eventId));
  const told = (span: { readonly from: Date; readonly to: Date }) => ({
    from: span.from.toISOString(),
    to: span.to.toISOString(),
  });
  return ok({
    ...{ venueId, ...told({ from, to }) },
    events: found
      .filter(({ eventId }) => touching.has(eventId))
      .map((row) => ({
        ...{ id: row.eventId, name: row.name, status: row.status },
        startsAt: row.startsAt.toISOString(),
        endsAt: row.endsAt?.toISOString() ?? null,
        configurationId: row.configurationId,
        configuration: `${row.configurationName}, version ${row.configurationVersion}`,
        capacity: row.capacity,
      })),
    clashes: clashesOf(uses).map((clash) => ({ eventIds: [...clash.eventIds], ...told(clash) })),
    gaps: gapsOf(uses, from, to).map(told),
  });
}
