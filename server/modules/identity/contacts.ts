/** What people have proved to be theirs, and the keys that they sign in with. */
import type { Ctx } from '../../kernel/context.ts';
import { all, type Busy, inTx, maybe, one, type Queryable, run, type Tx } from '../../kernel/db.ts';
import { newRootId, type OrganizerId, type UserId } from '../../kernel/ids.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { sameMailbox } from '../../kernel/schemas.ts';
import { insertKey } from './api-key.sql.ts';
import { newSecret, SHOWN_CHARS } from './api-keys.ts';
import { forgetKey, hashSecret } from './authenticate.ts';
import {
  type ContactChannel,
  endSignInKey,
  markFromSignIn,
  selectContact,
  selectContactsOfBuyer,
  selectLanguage,
  updateLanguage,
  upsertContact,
} from './contact.sql.ts';
import { insertPerson, releaseMailbox, selectUnclaimed } from './person.sql.ts';

const NAME_CHARS = 200;

export type Contact = { readonly channel: ContactChannel; readonly address: string };

/** As addresses are compared: case does not matter in one, and a number has one form. */
function sameContact({ channel, address }: Contact): string {
  return channel === 'email' ? sameMailbox(address) : address;
}

/**
 * Whose address or number this is. One that staff has written down counts, too, but only for
 * somebody whom nobody has been yet: else whoever wrote it could let its owner into the account of
 * somebody else, who would go on reading there.
 */
export async function personByContact(
  on: Queryable,
  organizerId: OrganizerId,
  contact: Contact,
): Promise<UserId | null> {
  const address = sameContact(contact);
  const proved = await maybe(on, selectContact(organizerId, contact.channel, address));
  if (proved) return proved.userId;
  if (contact.channel !== 'email') return null;
  return (await maybe(on, selectUnclaimed(organizerId, address)))?.userId ?? null;
}

/** Whether an address is theirs to be found by: they have read a message there. */
export async function hasProved(
  on: Queryable,
  person: { readonly organizerId: OrganizerId; readonly userId: UserId },
  contact: Contact,
): Promise<boolean> {
  const proved = selectContact(person.organizerId, contact.channel, sameContact(contact));
  return (await maybe(on, proved))?.userId === person.userId;
}

/** The accounts of a buyer, and every address and number that those have proved to be theirs. */
export async function contactsOfBuyer(
  on: Queryable,
  organizerId: OrganizerId,
  buyer: {
    readonly email: string;
    readonly phone?: string | null | undefined;
    readonly userId: UserId | null;
  },
): Promise<readonly ({ userId: UserId } | { email: string } | { phone: string })[]> {
  const { email, phone = null, userId } = buyer;
  const who = { userId, mailbox: sameMailbox(email), phone };
  const found = await all(on, selectContactsOfBuyer(organizerId, who));
  return found.flatMap((row) => {
    const { channel, address } = row;
    const proved =
      address === null ? [] : [channel === 'email' ? { email: address } : { phone: address }];
    return [{ userId: row.userId }, ...proved];
  });
}

/** The language that they have asked for; null where nobody has. */
export async function languageOfPerson(on: Queryable, userId: UserId | null) {
  return userId === null ? null : ((await maybe(on, selectLanguage(userId)))?.language ?? null);
}

export type Proof = Contact & {
  readonly organizerId: OrganizerId;
  /** Whose it is said to be; null: whoever it belongs to, or somebody new. */
  readonly userId: UserId | null;
  readonly name: string | null;
  readonly language: 'en' | 'de' | null;
};

/**
 * Writes down that somebody has read a message there. An address that nobody has makes a new
 * person, a number does not.
 */
export async function proveContact(
  ctx: Ctx,
  tx: Tx,
  proof: Proof,
): Promise<Result<UserId, RefusalOf<'contact_taken' | 'contact_unknown'>>> {
  const { organizerId, channel, language } = proof;
  const owner = proof.userId ?? (await personByContact(tx, organizerId, proof));
  const userId = owner ?? (channel === 'email' ? await newPerson(ctx, tx, proof) : null);
  if (!userId) return refused('contact_unknown');
  const now = ctx.clock.now();
  const held = await one(tx, upsertContact(organizerId, channel, sameContact(proof), userId, now));
  if (held.userId !== userId) return refused('contact_taken');
  if (channel === 'email') await run(tx, releaseMailbox(organizerId, sameContact(proof), userId));
  if (language) await run(tx, updateLanguage(userId, language));
  return ok(userId);
}

async function newPerson(ctx: Ctx, tx: Tx, proof: Proof): Promise<UserId> {
  const { organizerId, address, name } = proof;
  const mailbox = sameMailbox(address);
  await run(tx, releaseMailbox(organizerId, mailbox, null));
  const called = name ?? address.split('@')[0] ?? address;
  const made = await maybe(
    tx,
    insertPerson({
      ...{ userId: newRootId(ctx.ids, 'usr'), organizerId, email: address, mailbox },
      name: called.slice(0, NAME_CHARS),
    }),
  );
  // Two at once: the other one has made the same person.
  const userId = made?.userId ?? (await personByContact(tx, organizerId, proof));
  return present(userId, 'the person of a mailbox');
}

/** A person’s own key, for a browser or a program; the secret is told once. */
export async function openSignInKey(
  ctx: Ctx,
  tx: Tx,
  person: { readonly organizerId: OrganizerId; readonly userId: UserId; readonly expiresAt: Date },
): Promise<{ readonly secret: string; readonly keyId: string }> {
  const secret = newSecret(ctx);
  const keyId = newRootId(ctx.ids, 'key');
  await one(
    tx,
    insertKey({
      ...person,
      ...{ keyId, role: 'fan', scopes: null, name: 'Signed in' },
      shownPrefix: secret.slice(0, SHOWN_CHARS),
      secretHash: hashSecret(secret),
    }),
  );
  await run(tx, markFromSignIn(keyId));
  return { secret, keyId };
}

/** It opens nothing from now on; a key that did not come of signing in stays. */
export async function closeSignInKey(
  ctx: Ctx,
  keyId: string | null,
): Promise<Result<{ readonly signedOut: true }, Busy>> {
  if (keyId === null) return ok({ signedOut: true });
  const done = await inTx(ctx, async (tx) => {
    await run(tx, endSignInKey(keyId));
    return ok({ signedOut: true as const });
  });
  // Only this one: everybody signs out, and what others know of their keys must not suffer by it.
  forgetKey(ctx, keyId);
  return done;
}
