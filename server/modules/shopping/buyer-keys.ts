import type { Ctx } from '../../kernel/context.ts';
import type { OrganizerId, UserId } from '../../kernel/ids.ts';
import { personByMailbox } from '../identity/index.ts';
import { personKeys } from '../inventory/index.ts';

/** The keys that a buyer is counted under: their own, and those of the account that is theirs. */
export async function keysOfBuyer(
  ctx: Ctx,
  organizerId: OrganizerId,
  buyer: {
    readonly email: string;
    readonly phone?: string | null | undefined;
    readonly userId: UserId | null;
  },
): Promise<readonly string[]> {
  const { email, phone, userId } = buyer;
  const account = await personByMailbox(ctx.db, organizerId, email);
  return [
    ...personKeys(ctx.secrets, { email, userId, phone: phone ?? undefined }),
    ...(account ? personKeys(ctx.secrets, account) : []),
  ];
}
