import type { Ctx } from '../../kernel/context.ts';
import { inTx, maybe, one } from '../../kernel/db.ts';
import { newRootId, type OrganizerId } from '../../kernel/ids.ts';
import { assert, ok } from '../../kernel/result.ts';
import { insertKey } from './api-key.sql.ts';
import { hashSecret } from './authenticate.ts';
import { insertOrganizer, selectFirstOrganizer } from './organizer.sql.ts';

const SHOWN_CHARS = 9;

/**
 * Makes sure that there is a default organizer and, where a secret is given, an admin key with it:
 * of that organizer and of the platform. Running it again changes nothing.
 */
export async function ensureFirstAdmin(
  ctx: Ctx,
  secret: string | null,
): Promise<{ readonly organizerId: OrganizerId }> {
  const result = await inTx(ctx, async (tx) => {
    const known = await maybe(tx, selectFirstOrganizer());
    const organizer =
      known ?? (await one(tx, insertOrganizer(newRootId(ctx.ids, 'org'), 'Default organizer')));
    if (secret !== null) {
      await maybe(
        tx,
        insertKey({
          keyId: newRootId(ctx.ids, 'key'),
          organizerId: organizer.organizerId,
          userId: null,
          role: 'platform_admin',
          scopes: null,
          name: 'Bootstrap key',
          shownPrefix: secret.slice(0, SHOWN_CHARS),
          secretHash: hashSecret(secret),
          expiresAt: null,
        }),
      );
    }
    return ok({ organizerId: organizer.organizerId });
  });
  assert(result.ok, 'the first organizer could not be made');
  return result.value;
}
