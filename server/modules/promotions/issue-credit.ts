import type { Ctx } from '../../kernel/context.ts';
import { maybe, one, run, type Tx } from '../../kernel/db.ts';
import { type CreditId, type EventId, newRootId, type OrganizerId } from '../../kernel/ids.ts';
import { readNow } from '../../kernel/now.ts';
import { assert } from '../../kernel/result.ts';
import {
  type CreditKind,
  type CreditRow,
  insertCredit,
  insertEntry,
  postCredit,
  selectCreditByCode,
  selectCreditByKey,
} from './credit.sql.ts';
import { creditCodeOf, hashOfCode } from './credit-code.ts';

export type CreditWanted = {
  readonly organizerId: OrganizerId;
  readonly currency: string;
  readonly amountMinor: number;
  readonly expiresAt?: Date | null | undefined;
  readonly source: {
    readonly kind: CreditKind;
    /** What it is for, where that is an order. */
    readonly eventId: EventId | null;
    readonly orderId: string | null;
  };
  /** The caller's name for it: under the same one it is issued once. */
  readonly key: string;
};

/**
 * Issues credit, in the caller's transaction; asked again under the same key, the same credit with
 * the same code. It spans events: the transaction is none of an event's.
 */
export async function issueCredit(
  ctx: Ctx,
  on: Tx,
  wanted: CreditWanted,
): Promise<{ readonly creditId: CreditId; readonly code: string }> {
  assert(wanted.amountMinor > 0, 'a credit of nothing');
  const creditId = newRootId(ctx.ids, 'crd');
  const { organizerId, currency, amountMinor, key, source } = wanted;
  const made = await maybe(
    on,
    insertCredit({
      creditId,
      organizerId,
      codeHash: hashOfCode(creditCodeOf(ctx.secrets, creditId)),
      currency,
      amountMinor,
      kind: source.kind,
      sourceEventId: source.eventId,
      sourceOrderId: source.orderId,
      key,
      expiresAt: wanted.expiresAt ?? null,
    }),
  );
  if (!made) {
    const known = await one(on, selectCreditByKey(organizerId, key));
    return { creditId: known.creditId, code: creditCodeOf(ctx.secrets, known.creditId) };
  }
  await run(
    on,
    insertEntry({
      creditId,
      kind: 'issued',
      source: key,
      amountMinor,
      eventId: source.eventId,
      orderId: source.orderId,
      actor: ctx.actor,
    }),
  );
  // What an event issues is in its books with what it is for.
  if (source.eventId === null) {
    const sides = { debit: 'losses', credit: 'credit_liability' } as const;
    const posted = { organizerId, currency, amountMinor, creditId, source: creditId };
    await one(on, postCredit({ ...posted, ...sides, kind: 'credit_issued' }));
  }
  return { creditId, code: creditCodeOf(ctx.secrets, creditId) };
}

/** The credit that this code opens, with its balance; null for none of this organizer. */
export async function findCredit(
  ctx: Ctx,
  organizerId: OrganizerId | null,
  code: string,
): Promise<(CreditRow & { readonly expired: boolean }) | null> {
  const credit = await maybe(ctx.db, selectCreditByCode(hashOfCode(code)));
  if (!credit || (organizerId !== null && credit.organizerId !== organizerId)) return null;
  const { expiresAt } = credit;
  const expired = expiresAt !== null && expiresAt <= (await readNow(ctx.db, ctx.clock));
  return { ...credit, expired };
}

/** The code of a credit, for whoever has the right to hand it out. */
export function codeOfCredit(ctx: Ctx, creditId: CreditId): string {
  return creditCodeOf(ctx.secrets, creditId);
}
