/** Staff gives credit and sees what became of it; whoever has a code reads its balance. */
import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, type Busy, inTx, maybe, one } from '../../kernel/db.ts';
import type { CreditId, OrganizerId } from '../../kernel/ids.ts';
import { readNow } from '../../kernel/now.ts';
import { type CursorRefusal, readCursor, toPage } from '../../kernel/page.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { organizerExists } from '../identity/index.ts';
import { type CreditRow, selectCredit, selectCredits, selectEntries } from './credit.sql.ts';
import { findCredit, issueCredit } from './issue-credit.ts';

type NotFound = RefusalOf<'not_found'>;

export type Gift = {
  readonly amount: { readonly amount: number; readonly currency: string };
  readonly expiresAt?: Date | null | undefined;
};

export const creditView = (row: CreditRow) => ({
  id: row.creditId,
  organizerId: row.organizerId,
  kind: row.kind,
  balance: { amount: row.balanceMinor, currency: row.currency },
  source: row.sourceOrderId === null ? null : { orderId: row.sourceOrderId },
  expiresAt: row.expiresAt?.toISOString() ?? null,
  createdAt: row.madeAt.toISOString(),
});

/** `key`: the same one gives the same credit. */
export async function giveCredit(
  ctx: Ctx,
  actor: Actor,
  organizerId: OrganizerId,
  gift: Gift,
  key: string,
): Promise<
  Result<
    ReturnType<typeof creditView> & { secret?: string },
    NotFound | RefusalOf<'validation_failed'> | Busy
  >
> {
  if (!isStaffOf(actor, organizerId, 'refunds:write')) return refused('not_found');
  if (!(await organizerExists(ctx.db, organizerId))) return refused('not_found');
  const { expiresAt = null, amount } = gift;
  if (expiresAt !== null && expiresAt <= (await readNow(ctx.db, ctx.clock))) {
    const issue = { path: 'expiresAt', code: 'over', message: 'must be to come' };
    return refused('validation_failed', { issues: [issue] });
  }
  let secret = '';
  const made = await inTx(ctx, async (tx) => {
    const { creditId, code } = await issueCredit(ctx, tx, {
      organizerId,
      currency: amount.currency,
      amountMinor: amount.amount,
      expiresAt,
      source: { kind: 'gift', eventId: null, orderId: null },
      key,
    });
    secret = code;
    return ok(creditView(await one(tx, selectCredit(creditId))));
  });
  // Outside the transaction, whose value is what a replay of this request is answered with.
  return made.ok ? ok({ ...made.value, secret }) : made;
}

export async function readCredit(
  ctx: Ctx,
  actor: Actor,
  organizerId: OrganizerId,
  creditId: CreditId,
) {
  const credit = await maybe(ctx.db, selectCredit(creditId));
  const isThere = credit?.organizerId === organizerId;
  if (!credit || !isThere || !isStaffOf(actor, organizerId, 'orders:read')) {
    return refused('not_found');
  }
  const entries = await all(ctx.db, selectEntries(creditId));
  return ok({
    ...creditView(credit),
    entries: entries.map(({ kind, amountMinor, orderId, madeAt }) => ({
      kind,
      amount: { amount: amountMinor, currency: credit.currency },
      orderId,
      createdAt: madeAt.toISOString(),
    })),
  });
}

type CreditsPage = {
  readonly data: ReturnType<typeof creditView>[];
  readonly nextCursor: string | null;
};

export async function listCredits(
  ctx: Ctx,
  actor: Actor,
  organizerId: OrganizerId,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Result<CreditsPage, NotFound | CursorRefusal>> {
  const isThere = await organizerExists(ctx.db, organizerId);
  if (!isThere || !isStaffOf(actor, organizerId, 'orders:read')) return refused('not_found');
  const list = `credits of ${organizerId}`;
  const cursor = readCursor(ctx.secrets, list, page.cursor);
  if (!cursor.ok) return cursor;
  const after = cursor.value ? present(cursor.value[0], 'cursor value') : null;
  const found = await all(ctx.db, selectCredits(organizerId, after, page.limit + 1));
  return ok(
    toPage(ctx.secrets, list, found, page.limit, {
      view: creditView,
      key: (row) => [row.creditId],
    }),
  );
}

/** What whoever has a code can spend. Unknown codes and those that have ended are told alike. */
export async function readBalance(ctx: Ctx, code: string) {
  const credit = await findCredit(ctx, null, code);
  if (!credit || credit.expired) return refused('credit_invalid');
  const { organizerId, balance, expiresAt } = creditView(credit);
  return ok({ organizerId, balance, expiresAt });
}
