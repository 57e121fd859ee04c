import { type Actor, actorLabel, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { type Busy, inTx, maybe, one, type Queryable, run } from '../../kernel/db.ts';
import type { OrganizerId } from '../../kernel/ids.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { organizerExists, organizerName } from '../identity/index.ts';
import { callOpenOffice, insertSeller, selectSeller } from './document.sql.ts';

/** Where nobody has said in whose days documents are dated. */
const OTHERWISE = 'UTC';

export type Billing = {
  readonly legalName: string;
  readonly address: string;
  readonly taxId: string | null;
  readonly timezone: string;
};

/** Who sells, as it stands on documents; without settings, the organizer by its name alone. */
export async function readSeller(on: Queryable, organizerId: OrganizerId) {
  const set = await maybe(on, selectSeller(organizerId));
  if (set) {
    const { legalName, address, taxId, timezone } = set;
    return { name: legalName, address, taxId, timezone };
  }
  const name = present(await organizerName(on, organizerId), 'the organizer of a document');
  return { name, address: null, taxId: null, timezone: OTHERWISE };
}

export async function readBilling(ctx: Ctx, actor: Actor, organizerId: OrganizerId) {
  if (!isStaffOf(actor, organizerId, 'orders:read')) return refused('not_found');
  if (!(await organizerExists(ctx.db, organizerId))) return refused('not_found');
  return ok(await billingView(ctx.db, organizerId));
}

/** From the next document on; those that are there say what they said. */
export async function setBilling(
  ctx: Ctx,
  actor: Actor,
  organizerId: OrganizerId,
  billing: Billing,
): Promise<Result<Awaited<ReturnType<typeof billingView>>, RefusalOf<'not_found'> | Busy>> {
  if (!isStaffOf(actor, organizerId, 'keys:write')) return refused('not_found');
  return inTx(ctx, async (tx) => {
    if (!(await organizerExists(tx, organizerId))) return refused('not_found');
    const { now } = await one(tx, callOpenOffice(organizerId, ctx.clock.now()));
    const version = ((await maybe(tx, selectSeller(organizerId)))?.version ?? 0) + 1;
    await run(tx, insertSeller(organizerId, { ...billing, version }, actorLabel(actor), now));
    return ok(await billingView(tx, organizerId));
  });
}

async function billingView(on: Queryable, organizerId: OrganizerId) {
  const { name, ...seller } = await readSeller(on, organizerId);
  return { organizerId, legalName: name, ...seller };
}
