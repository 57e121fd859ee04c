/** An event whose places are seats: a generated grid, until plans can be imported. */

import { type EventId, newScopedId } from '../../server/kernel/ids.ts';
import { inTurn } from '../../server/kernel/lanes.ts';
import { ok } from '../../server/kernel/result.ts';
import { openSeats } from '../../server/modules/inventory/index.ts';
import { gridPlan } from '../../server/modules/venues/index.ts';
import type { TestApp } from './app.ts';
import { eur, onSale } from './given.ts';

type Grid = {
  readonly rows: number;
  readonly places: number;
  /** How many rows there are in front already. */
  readonly behind?: number;
  /** By the seat's id; the others are plain. */
  readonly specials?: Readonly<Record<string, 'accessible' | 'companion'>>;
};

/** Rows from 1, places from 1: the seat `A-1-1` is the first of the first row of section A. */
export async function openGrid(
  app: Pick<TestApp, 'ctx'>,
  eventId: string,
  grid: Grid,
): Promise<string> {
  // An id that a test has just been given.
  const id = eventId as EventId;
  const poolId = newScopedId(app.ctx.ids, 'pool', id);
  const { rows, places, behind = 0, specials = {} } = grid;
  const plan = gridPlan([{ section: 'A', poolId, rows, placesPerRow: places }]);
  await inTurn(app.ctx, id, async (turn) => {
    await openSeats(turn, {
      poolId,
      name: 'Seats',
      seats: plan.seats.map((seat) => {
        const key = `${seat.section}-${seat.row + behind + 1}-${seat.place + 1}`;
        return { ...seat, row: seat.row + behind, key, special: specials[key] ?? null };
      }),
    });
    return ok(null);
  });
  return poolId;
}

/** An event on sale, all of whose places are seats of one ticket type. */
export async function seatedSale(
  app: Pick<TestApp, 'ctx' | 'admin'>,
  grid: Grid & { readonly more?: Record<string, unknown> },
) {
  const { eventId } = await onSale(app.admin, { more: { ticketTypes: [], ...grid.more } });
  const poolId = await openGrid(app, eventId, grid);
  const made = await app.admin.post(`/events/${eventId}/ticket-types`, {
    name: 'Seat',
    price: eur(2_500),
    poolId,
    maxPerOrder: 20,
  });
  return { eventId, poolId, typeId: made.body.id as string };
}
