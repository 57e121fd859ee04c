import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { Busy, Queryable } from '../../kernel/db.ts';
import type { EventId, HoldId, OrderId } from '../../kernel/ids.ts';
import { inTurn } from '../../kernel/lanes.ts';
import {
  type Issue,
  ok,
  present,
  type RefusalOf,
  type Result,
  refused,
} from '../../kernel/result.ts';
import {
  type EventRow,
  type EventView,
  eventView,
  findEvent,
  lockOwn,
  type PlanWanted,
  placesElsewhere,
  setPlaces,
} from '../catalog/index.ts';
import { lockSeats, movePlan } from '../inventory/index.ts';
import { moveTickets, ordersOfHolds } from '../orders/index.ts';
import { placesOf, readPlan, takeConfiguration } from '../venues/index.ts';
import { type InPlan, movesOf, type PlanMove, planMove, proposalOf } from './plan-move.ts';

const ISSUES_MAX = 100;

type MoveWanted = PlanWanted & {
  /** The name of the proposal that is accepted; needed where somebody gets another seat. */
  readonly proposal?: string | undefined;
};

type MoveRefusal =
  | RefusalOf<'not_found' | 'event_over' | 'no_floor_plan' | 'validation_failed'>
  | RefusalOf<'not_enough_seats' | 'proposal_outdated' | 'seats_in_use'>
  | RefusalOf<'capacity_below_committed' | 'capacity_over_total'>
  | Busy;

/**
 * Moves an event to another version of its floor plan, or to another plan of its building, with
 * everybody who has a place: in one transaction, or not at all. Tickets stay valid; those whose
 * seats are gone are for the seats that were proposed.
 */
export async function moveEvent(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  wanted: MoveWanted,
): Promise<Result<EventView, MoveRefusal>> {
  const seen = await findEvent(ctx, actor, eventId);
  if (!seen || !isStaffOf(actor, seen.event.organizerId, 'events:write')) {
    return refused('not_found');
  }
  // Before the turn: a stadium is read and measured while its event goes on selling.
  const first = await placesElsewhere(ctx, ctx.db, seen.event, wanted);
  if (!first.ok) return first;
  if (!(await takeConfiguration(ctx, wanted.configurationId))) return refused('not_found');
  return inTurn(ctx, eventId, async (tx) => {
    const event = await lockOwn(tx, actor, eventId);
    if (!event) return refused('not_found');
    if (event.status === 'cancelled' || event.status === 'archived') return refused('event_over');
    const before = await placesNow(ctx, event);
    if (!before) return refused('no_floor_plan');
    const there = await placesElsewhere(ctx, tx, event, wanted);
    if (!there.ok) return there;
    const move = planMove(before, there.value, await lockSeats(tx, ctx.clock.now()));
    const moves = movesOf(move.parties);
    const orders = await ordersOf(tx, eventId, move);
    const short = shortages(move, orders);
    if (short.length > 0) return refused('not_enough_seats', { issues: short });
    const proposal = proposalOf(there.value, move.parties);
    if (wanted.proposal !== proposal && (moves.length > 0 || wanted.proposal !== undefined)) {
      return refused('proposal_outdated', { extra: { proposal } });
    }
    const verdict = await movePlan(tx, there.value.onSale, moves);
    if (verdict !== 'done') return refused(verdict);
    await moveTickets(
      tx,
      moves.flatMap(({ holdId, from, to }) => {
        const orderId = orders.get(holdId);
        return orderId ? [{ orderId, from, to }] : [];
      }),
    );
    await setPlaces(
      tx,
      there.value,
      move.difference.seats.gone.map(({ key }) => key),
    );
    const after = present(await findEvent(ctx, actor, eventId, tx), 'the event');
    return ok(await eventView(tx, after.event, 'staff'));
  });
}

/** The floor plan that the event is in; null where it has none. */
export async function placesNow(ctx: Ctx, event: EventRow): Promise<InPlan | null> {
  const { configurationId, sectionChoices } = event;
  if (configurationId === null) return null;
  const surveyed = await readPlan(ctx, configurationId);
  return { surveyed, places: placesOf(surveyed, sectionChoices) };
}

/** By hold, the orders of all whose seats are not as they were. */
export function ordersOf(
  on: Queryable,
  eventId: EventId,
  { affected, parties }: PlanMove,
): Promise<ReadonlyMap<HoldId, OrderId>> {
  const holds = new Set(parties.map(({ holdId }) => holdId));
  for (const { taken } of affected) if (taken.holdId) holds.add(taken.holdId);
  return ordersOfHolds(on, eventId, [...holds]);
}

function shortages({ parties }: PlanMove, orders: ReadonlyMap<HoldId, OrderId>): Issue[] {
  return parties
    .flatMap(({ holdId, from, shortage }) => {
      if (!shortage) return [];
      const who = orders.get(holdId) ?? holdId;
      const message = `${who} has ${from.join(', ')}; there are ${shortage.left} such seats left`;
      return [{ path: 'configurationId', code: shortage.code, message }];
    })
    .slice(0, ISSUES_MAX);
}
