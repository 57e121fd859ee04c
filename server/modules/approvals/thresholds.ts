import { type Actor, actorLabel, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { type Busy, inTx, maybe, type Queryable, run } from '../../kernel/db.ts';
import type { OrganizerId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { organizerExists } from '../identity/index.ts';
import { insertThresholds, selectThresholds } from './approval.sql.ts';

/** Above these a second person is needed; null: never. */
export type Thresholds = {
  /** Minor units of whatever currency an order is in. */
  readonly refundAboveMinor: number | null;
  /** Places in one request. */
  readonly complimentaryAbove: number | null;
};

export async function thresholdsOf(on: Queryable, organizerId: OrganizerId): Promise<Thresholds> {
  const set = await maybe(on, selectThresholds(organizerId));
  return {
    refundAboveMinor: set?.refundAboveMinor ?? null,
    complimentaryAbove: set?.complimentaryAbove ?? null,
  };
}

export type ThresholdsView = Thresholds & { readonly organizerId: OrganizerId };

export async function readThresholds(
  ctx: Ctx,
  actor: Actor,
  organizerId: OrganizerId,
): Promise<Result<ThresholdsView, RefusalOf<'not_found'>>> {
  if (!isStaffOf(actor, organizerId, 'orders:read')) return refused('not_found');
  if (!(await organizerExists(ctx.db, organizerId))) return refused('not_found');
  return ok({ organizerId, ...(await thresholdsOf(ctx.db, organizerId)) });
}

/** For what is asked for from now on. */
export function setThresholds(
  ctx: Ctx,
  actor: Actor,
  organizerId: OrganizerId,
  thresholds: Thresholds,
): Promise<Result<ThresholdsView, RefusalOf<'not_found'> | Busy>> {
  return inTx(ctx, async (tx) => {
    if (!isStaffOf(actor, organizerId, 'keys:write')) return refused('not_found');
    if (!(await organizerExists(tx, organizerId))) return refused('not_found');
    await run(tx, insertThresholds(organizerId, thresholds, actorLabel(actor), ctx.clock.now()));
    return ok({ organizerId, ...thresholds });
  });
}
