import { type Actor, buyingPerson } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { type Busy, inTx, maybe } from '../../kernel/db.ts';
import type { OrganizerId, UserId } from '../../kernel/ids.ts';
import { readNow } from '../../kernel/now.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { sameSecret } from '../../kernel/secrets.ts';
import { type Contact, openSignInKey, proveContact } from '../identity/index.ts';
import { forgetBounces, recipientKey } from '../notifications/index.ts';
import { organizerFor } from './ask-sign-in.ts';
import { codeOf, signInOf } from './codes.ts';
import { type SignInRow, selectLatest, selectSignIn, takeTry, useSignIn } from './sign-in.sql.ts';

const TRIES_MAX = 5;
export const SESSION_DAYS = 30;
const DAY_MS = 86_400_000;

export type Proof =
  | { readonly kind: 'token'; readonly token: string }
  | {
      readonly kind: 'code';
      readonly code: string;
      readonly contact: Contact;
      readonly organizerId: OrganizerId | null;
    };

export type SignedIn = {
  readonly userId: UserId;
  readonly organizerId: OrganizerId;
  readonly expiresAt: string;
  /** Only in the first answer: what is kept for a repetition has no secret. */
  readonly token?: string;
};

/** One refusal for all that is wrong with a code: more would help only who guesses. */
type VerifyRefusal = RefusalOf<'code_wrong' | 'contact_taken'> | Busy;

/**
 * Signs in whoever proves that they have read the message. A try is counted and committed before
 * the code is compared, so that trying many at once wins nothing; and one attempt is used once.
 */
export async function verifySignIn(
  ctx: Ctx,
  actor: Actor,
  proof: Proof,
  name: string | null,
): Promise<Result<SignedIn, VerifyRefusal>> {
  const own = actor.kind === 'key' ? buyingPerson(actor) : null;
  const found = await attemptOf(ctx, proof, own);
  // Somebody else’s wish to add an address: who reads the message must not be signed in as them.
  if (!found || (found.userId !== null && found.userId !== own)) return refused('code_wrong');
  if (proof.kind === 'code') {
    if (!(await maybe(ctx.db, takeTry(found.signInId, ctx.clock.now(), TRIES_MAX)))) {
      return refused('code_wrong');
    }
    await ctx.pause('code_counted');
    if (!sameSecret(proof.code, codeOf(ctx.secrets, found.signInId))) return refused('code_wrong');
  }
  return signIn(ctx, found, name);
}

async function attemptOf(ctx: Ctx, proof: Proof, own: UserId | null): Promise<SignInRow | null> {
  if (proof.kind === 'token') {
    const signInId = signInOf(ctx.secrets, proof.token);
    return signInId === null ? null : maybe(ctx.db, selectSignIn(signInId));
  }
  const organizerId = await organizerFor(ctx, proof.organizerId);
  if (!organizerId) return null;
  const { channel, address } = proof.contact;
  return maybe(ctx.db, selectLatest(organizerId, recipientKey(ctx.secrets, channel, address), own));
}

async function signIn(
  ctx: Ctx,
  found: SignInRow,
  name: string | null,
): Promise<Result<SignedIn, VerifyRefusal>> {
  const { signInId, organizerId, channel, address, userId, language } = found;
  const now = await readNow(ctx.db, ctx.clock);
  const expiresAt = new Date(now.getTime() + SESSION_DAYS * DAY_MS);
  let secret = '';
  const done = await inTx(ctx, async (tx) => {
    if (!(await maybe(tx, useSignIn(signInId, ctx.clock.now())))) return refused('code_wrong');
    const proof = { organizerId, channel, address, userId, name, language };
    const person = await proveContact(ctx, tx, proof);
    if (!person.ok) {
      // A number that nobody has is told no more than a wrong code.
      return refused(person.refusal.code === 'contact_taken' ? 'contact_taken' : 'code_wrong');
    }
    await forgetBounces(ctx, tx, channel, address);
    const owner = { organizerId, userId: person.value, expiresAt };
    ({ secret } = await openSignInKey(ctx, tx, owner));
    return ok({ organizerId, userId: person.value, expiresAt: expiresAt.toISOString() });
  });
  // Outside the transaction, whose value is what a replay of this request is answered with.
  return done.ok ? ok({ ...done.value, token: secret }) : done;
}
