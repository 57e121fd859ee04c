/** What a version of a floor plan, or its end, means for the events that are there already. */
import { z } from 'zod';
import { isStaffOf, type Key } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { pageOf } from '../../kernel/page.ts';
import { issueSchema } from '../../kernel/problem.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { timeOut } from '../../kernel/schemas.ts';
import { type EventRow, eventsInPlans, placesElsewhere } from '../catalog/index.ts';
import { takenSeats } from '../inventory/index.ts';
import {
  type ConfigurationId,
  type ConfigurationRow,
  findConfiguration,
  versionsLike,
} from '../venues/index.ts';
import { ordersOf, placesNow } from './move-event.ts';
import { type PlanMove, planMove, proposalOf } from './plan-move.ts';

const counts = z.object({ same: z.int(), gone: z.int(), added: z.int() });

const affectedSeat = z.object({
  seatId: z.string(),
  change: z.enum(['gone', 'moved', 'recategorised']),
  status: z.enum(['held', 'claimed', 'sold', 'reserved', 'blocked']),
  orderId: z.string().nullable().describe('Null where nobody has bought it (yet)'),
  category: z.string(),
  newCategory: z.string().nullable().describe('Null where the seat is gone'),
});

const party = z.object({
  orderId: z.string().nullable(),
  from: z.array(z.string()),
  to: z.array(z.string()).describe('One for each; none where there is a `reason`'),
  reason: z
    .object({ code: z.literal('not_enough_seats'), wanted: z.int(), left: z.int() })
    .nullable(),
});

const conflict = z
  .object({
    eventId: z.string(),
    name: z.string(),
    startsAt: timeOut,
    reason: z.enum(['replaced', 'not_valid_then']),
    configurationId: z.string().describe('Of the version that the event is in'),
    version: z.int(),
    moveTo: z.string().nullable().describe('The version that is valid then'),
    issues: z.array(issueSchema).describe('Why it cannot move there as it is'),
    seats: counts.extend({ moved: z.int(), recategorised: z.int() }).nullable(),
    standing: counts.extend({ smaller: z.int(), larger: z.int() }).nullable(),
    affected: z.array(affectedSeat).describe('Held, sold and kept seats that are not as they were'),
    reseated: z.array(party).describe('Who would get other seats'),
    holdsEnding: z.int().describe('Of people who have not bought yet, and would choose again'),
    proposal: z.string().nullable().describe('To be sent with `POST /events/{id}/configuration`'),
  })
  .meta({ id: 'PlanConflict' });

export const conflictsSchema = pageOf(conflict).meta({ id: 'PlanConflicts' });

type Conflict = z.input<typeof conflict>;
type Page = { readonly limit: number; readonly cursor?: string | undefined };

/**
 * The events to come that cannot stay as they are: those in an older version of the same floor plan
 * that take place when this one is valid (a draft is taken as published), and those in this version
 * that take place when it is not. Changes nothing, and locks nothing.
 */
export async function readConflicts(
  ctx: Ctx,
  staff: Key,
  configurationId: ConfigurationId,
  page: Page,
): Promise<Result<z.input<typeof conflictsSchema>, RefusalOf<'not_found' | 'validation_failed'>>> {
  const row = await findConfiguration(ctx, staff, configurationId);
  if (!row || !isStaffOf(staff, row.organizerId, 'events:read')) return refused('not_found');
  const versions = await versionsLike(ctx.db, row);
  const ids = versions.map((version) => version.configurationId);
  const found = await eventsInPlans(ctx, ids, page);
  if (!found.ok) return found;
  const data: Conflict[] = [];
  for (const event of found.value.data) {
    const told = await conflictOf(ctx, event, row, versions);
    if (told) data.push(told);
  }
  return ok({ data, nextCursor: found.value.nextCursor });
}

/** Null where the event is not concerned. */
async function conflictOf(
  ctx: Ctx,
  event: EventRow,
  row: ConfigurationRow,
  versions: readonly ConfigurationRow[],
): Promise<Conflict | null> {
  const own = versions.find((one) => one.configurationId === event.configurationId);
  if (!own) return null;
  const isOwn = own.configurationId === row.configurationId;
  if (isOwn ? isValid(row, event.startsAt) : !isValid(row, event.startsAt)) return null;
  const target = isOwn
    ? versions.find((one) => one.status === 'published' && isValid(one, event.startsAt))
    : row;
  const about = {
    ...{ eventId: event.eventId, name: event.name, startsAt: event.startsAt.toISOString() },
    reason: isOwn ? ('not_valid_then' as const) : ('replaced' as const),
    ...{ configurationId: own.configurationId, version: own.version },
    moveTo: target?.configurationId ?? null,
  };
  if (!target) return { ...about, ...nothing, issues: [] };
  return { ...about, ...(await moveOf(ctx, event, target.configurationId)) };
}

const isValid = ({ validFrom, validTo }: ConfigurationRow, at: Date): boolean =>
  at >= validFrom && (validTo === null || at < validTo);

type Told = Pick<
  Conflict,
  'issues' | 'seats' | 'standing' | 'affected' | 'reseated' | 'holdsEnding' | 'proposal'
>;

const nothing = {
  ...{ seats: null, standing: null, affected: [], reseated: [] },
  ...{ holdsEnding: 0, proposal: null },
};

async function moveOf(ctx: Ctx, event: EventRow, configurationId: ConfigurationId): Promise<Told> {
  const { eventId } = event;
  const before = await placesNow(ctx, event);
  const wanted = { configurationId, preview: true };
  const there = await placesElsewhere(ctx, ctx.db, event, wanted);
  if (!before) return { ...nothing, issues: [] };
  if (!there.ok) return { ...nothing, issues: [...(there.refusal.issues ?? [])] };
  const move = planMove(before, there.value, await takenSeats(ctx.db, eventId));
  const orders = await ordersOf(ctx.db, eventId, move);
  const isShort = move.parties.some(({ shortage }) => shortage !== null);
  return {
    issues: [],
    ...differenceOf(move),
    affected: move.affected.map(({ key, change, taken, category, newCategory }) => ({
      ...{ seatId: key, change, status: taken.status, category, newCategory },
      orderId: (taken.holdId && orders.get(taken.holdId)) ?? null,
    })),
    reseated: move.parties.map(({ holdId, from, to, shortage }) => ({
      orderId: orders.get(holdId) ?? null,
      ...{ from: [...from], to: [...to] },
      reason: shortage && { code: shortage.code, wanted: shortage.wanted, left: shortage.left },
    })),
    holdsEnding: move.ending.length,
    proposal: isShort ? null : proposalOf(there.value, move.parties),
  };
}

function differenceOf({ difference: { seats, standing } }: PlanMove) {
  return {
    seats: {
      ...{ same: seats.same, gone: seats.gone.length, added: seats.added.length },
      ...{ moved: seats.moved.length, recategorised: seats.recategorised.length },
    },
    standing: {
      ...{ same: standing.same, gone: standing.gone.length, added: standing.added.length },
      ...{ smaller: standing.smaller.length, larger: standing.larger.length },
    },
  };
}
