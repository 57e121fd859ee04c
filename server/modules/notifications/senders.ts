import { isStaffOf, type Key } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { type Busy, inTx, maybe, type Queryable, run } from '../../kernel/db.ts';
import type { OrganizerId } from '../../kernel/ids.ts';
import type { Language } from '../../kernel/language.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { organizerExists } from '../identity/index.ts';
import { selectSender, upsertSender } from './message.sql.ts';

const SCOPE = 'keys:write';

type Sender = {
  readonly organizerId: OrganizerId;
  readonly language: Language;
  readonly replyTo: string | null;
};

export async function readSender(
  ctx: Ctx,
  staff: Key,
  organizerId: OrganizerId,
): Promise<Result<Sender, RefusalOf<'not_found'>>> {
  if (!isStaffOf(staff, organizerId, SCOPE)) return refused('not_found');
  if (!(await organizerExists(ctx.db, organizerId))) return refused('not_found');
  const known = await maybe(ctx.db, selectSender(organizerId));
  return ok({ organizerId, language: known?.language ?? 'en', replyTo: known?.replyTo ?? null });
}

/** Where the organizer reads what is theirs to know; null where nobody has said. */
export async function addressOfOrganizer(
  on: Queryable,
  organizerId: OrganizerId,
): Promise<string | null> {
  return (await maybe(on, selectSender(organizerId)))?.replyTo ?? null;
}

export async function setSender(
  ctx: Ctx,
  staff: Key,
  organizerId: OrganizerId,
  wanted: { readonly language: Language; readonly replyTo: string | null },
): Promise<Result<Sender, RefusalOf<'not_found'> | Busy>> {
  if (!isStaffOf(staff, organizerId, SCOPE)) return refused('not_found');
  return inTx(ctx, async (tx) => {
    if (!(await organizerExists(tx, organizerId))) return refused('not_found');
    await run(tx, upsertSender(organizerId, wanted));
    return ok({ organizerId, ...wanted });
  });
}
