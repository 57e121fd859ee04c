import type { UserId } from '../../kernel/ids.ts';
import { sameMailbox } from '../../kernel/schemas.ts';
import type { Secrets } from '../../kernel/secrets.ts';

export type KnownPerson = {
  readonly userId?: UserId | null | undefined;
  readonly email?: string | undefined;
  readonly phone?: string | undefined;
};

/**
 * The keys under which a person is counted, each by itself: account, e-mail, phone. Stored as
 * HMACs, so that the hot tables hold no personal data.
 */
export function personKeys(secrets: Secrets, person: KnownPerson): readonly string[] {
  const keys: string[] = [];
  const add = (kind: string, value: string) =>
    keys.push(`${kind}_${secrets.derive(`person:${kind}`, value).slice(0, 22)}`);
  if (person.userId) add('account', person.userId);
  if (person.email !== undefined) add('email', sameMailbox(person.email));
  if (person.phone !== undefined) add('phone', person.phone);
  return keys;
}
