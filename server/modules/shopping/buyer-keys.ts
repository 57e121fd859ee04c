import type { Ctx } from '../../kernel/context.ts';
import type { OrganizerId, UserId } from '../../kernel/ids.ts';
import { contactsOfBuyer } from '../identity/index.ts';
import { personKeys } from '../inventory/index.ts';

/**
 * The keys that a buyer is counted under: their own, and those of the accounts that are theirs, by
 * signing in, or because they buy with an address or a number that such an account has proved.
 */
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
  const keys = new Set(personKeys(ctx.secrets, { email, userId, phone: phone ?? undefined }));
  for (const known of await contactsOfBuyer(ctx.db, organizerId, buyer)) {
    for (const key of personKeys(ctx.secrets, known)) keys.add(key);
  }
  return [...keys];
}
