import type { Ctx } from '../../kernel/context.ts';
import { all, inTx, maybe, one, run, type Tx } from '../../kernel/db.ts';
import { newRootId, type OrganizerId } from '../../kernel/ids.ts';
import { assert, ok } from '../../kernel/result.ts';
import { insertKey, markFromSetting, revokeEarlierFromSetting } from './api-key.sql.ts';
import { forgetKeys, hashSecret } from './authenticate.ts';
import { insertOrganizer, selectFirstOrganizer } from './organizer.sql.ts';

const SHOWN_CHARS = 9;
const NAME = 'Bootstrap key';

/**
 * Makes sure that there is a default organizer and, where a secret is given, an admin key with it:
 * of that organizer and of the platform. Running it again changes nothing. A secret that the
 * setting had before opens nothing any more: who changes it means to be rid of the old one.
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
          name: NAME,
          shownPrefix: secret.slice(0, SHOWN_CHARS),
          secretHash: hashSecret(secret),
          expiresAt: null,
        }),
      );
      // The key that is made beside an embedded database is not the setting's: it comes back.
      if (secret === ctx.config.BOOTSTRAP_API_KEY) await endEarlier(ctx, tx, hashSecret(secret));
    }
    return ok({ organizerId: organizer.organizerId });
  });
  forgetKeys(ctx);
  assert(result.ok, 'the first organizer could not be made');
  return result.value;
}

/**
 * Only where the key at hand is in force: a process that is started once more with the old setting
 * must not end the new key.
 */
async function endEarlier(ctx: Ctx, tx: Tx, hash: Buffer): Promise<void> {
  await run(tx, markFromSetting(hash, NAME));
  const ended = await all(tx, revokeEarlierFromSetting(hash, ctx.clock.now()));
  for (const { keyId } of ended) {
    ctx.log.warn({ keyId }, 'BOOTSTRAP_API_KEY has changed: the key it was before is revoked');
  }
}
