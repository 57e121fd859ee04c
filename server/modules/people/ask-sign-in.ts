import { type Actor, buyingPerson } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { type Busy, inTx, one, run, type Tx } from '../../kernel/db.ts';
import type { OrganizerId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { type Contact, defaultOrganizer, organizerExists } from '../identity/index.ts';
import { notify, recipientKey } from '../notifications/index.ts';
import { countAsked, insertSignIn, lockCounted } from './sign-in.sql.ts';

export const CODE_MINUTES = 10;
const ID_BYTES = 16;
/** With five tries at each: one in 40,000 an hour for whoever guesses at one address. */
const ADDRESS_HOUR_MAX = 5;
const ADDRESS_DAY_MAX = 15;
/** Of one network address: a family, an office. */
const CALLER_HOUR_MAX = 100;
/** To any numbers: each text is paid for, and those who get them have not asked for them. */
const PERSON_TEXTS_DAY_MAX = 10;

export type SignInWanted = {
  readonly contact: Contact;
  readonly organizerId: OrganizerId | null;
  readonly language: 'en' | 'de' | null;
  /** The network address that it comes from. */
  readonly caller: string;
};

export type Asked = { readonly sent: true; readonly expiresInSeconds: number };

/** Leaves what it counts locked until the attempt is written down, or not. */
async function isTooOften(
  tx: Tx,
  by: Parameters<typeof countAsked>[0],
  { channel }: Contact,
  now: Date | null,
): Promise<boolean> {
  await run(tx, lockCounted(by));
  const counts = await one(tx, countAsked(by, now));
  return (
    counts.addressHour >= ADDRESS_HOUR_MAX ||
    counts.addressDay >= ADDRESS_DAY_MAX ||
    counts.callerHour >= CALLER_HOUR_MAX ||
    (channel === 'sms' && counts.personTextsDay >= PERSON_TEXTS_DAY_MAX)
  );
}

/** Whose customer somebody becomes who does not say so. */
export async function organizerFor(
  ctx: Ctx,
  wanted: OrganizerId | null,
): Promise<OrganizerId | null> {
  if (wanted === null) return defaultOrganizer(ctx.db);
  return (await organizerExists(ctx.db, wanted)) ? wanted : null;
}

/**
 * Sends a code to an address or a number. The answer is the same whether anybody is known there:
 * the job that writes the message finds that out, after it was given. Asked by somebody who is
 * signed in, it is a contact more for them.
 */
export async function askSignIn(
  ctx: Ctx,
  actor: Actor,
  wanted: SignInWanted,
): Promise<Result<Asked, RefusalOf<'unknown_organizer' | 'sign_in_too_often'> | Busy>> {
  const organizerId = await organizerFor(ctx, wanted.organizerId);
  if (!organizerId) return refused('unknown_organizer');
  const { contact, language, caller } = wanted;
  const userId =
    actor.kind === 'key' && actor.organizerId === organizerId ? buyingPerson(actor) : null;
  const addressKey = recipientKey(ctx.secrets, contact.channel, contact.address);
  const callerKey = ctx.secrets.derive('sign-in:caller', caller);
  const chance = Buffer.from(ctx.ids.bytes(ID_BYTES)).toString('base64url');
  const signInId = `sin_${chance}`;
  const now = ctx.clock.now();
  const asked = await inTx(ctx, async (tx) => {
    if (await isTooOften(tx, { addressKey, callerKey, userId }, contact, now)) {
      return refused('sign_in_too_often');
    }
    const row = { signInId, organizerId, ...contact, addressKey, userId, language };
    const { expiresAt } = await one(tx, insertSignIn({ ...row, callerKey }, now, CODE_MINUTES));
    await notify(ctx, tx, {
      ...{ kind: 'sign_in', key: signInId, organizerId, eventId: null, userId },
      ...(contact.channel === 'email' ? { email: contact.address } : { phone: contact.address }),
      data: { signInId },
      uselessAt: expiresAt,
    });
    return ok({ sent: true as const, expiresInSeconds: CODE_MINUTES * 60 });
  });
  if (asked.ok) ctx.wakeJobs();
  return asked;
}
