/**
 * The key pair of an event, with which its tickets are signed. The private half is derived from the
 * instance's secret and the event's id, like everything that must be secret but need not be stored:
 * an HMAC under a key of its own purpose, which is what HKDF would do with the same two inputs. So
 * there is nothing to back up, to migrate or to lose beside the secret, and each process has it.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { type EventId, eventOf, type TicketId } from '../../kernel/ids.ts';
import { present } from '../../kernel/result.ts';
import type { Secrets } from '../../kernel/secrets.ts';
import { keyIdOf, type Signer, writeTicketCode } from './ticket-code.ts';

/** RFC 8410: what stands before the 32 bytes of an Ed25519 private key in PKCS #8. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
const KEYS_KEPT_MAX = 1_000;
/** Some 4 MB. Buyers look at their orders again and again, and a signature takes some 50 µs. */
const CODES_KEPT_MAX = 10_000;

export type PublicKey = {
  readonly keyId: string;
  /** Its 32 bytes in base64url, 43 characters. */
  readonly publicKey: string;
};

type EventKey = PublicKey & Signer;
type Kept = { readonly keys: Map<string, EventKey>; readonly codes: Map<string, string> };

const kept = new WeakMap<Secrets, Kept>();

/** The keys with which codes of this event may be signed; one, until keys are changed. */
export function publicKeysOf(secrets: Secrets, eventId: EventId): readonly PublicKey[] {
  const { keyId, publicKey } = keyOf(secrets, eventId);
  return [{ keyId, publicKey }];
}

/** What opens the door. The same for a ticket until it is reissued, whoever asks, and whenever. */
export function ticketCode(secrets: Secrets, ticketId: TicketId, epoch: number): string {
  return remembered(keptFor(secrets).codes, CODES_KEPT_MAX, `${ticketId} ${epoch}`, () =>
    writeTicketCode(keyOf(secrets, eventOf(ticketId)), ticketId, epoch),
  );
}

function keyOf(secrets: Secrets, eventId: EventId): EventKey {
  return remembered(keptFor(secrets).keys, KEYS_KEPT_MAX, eventId, () => {
    const seed = Buffer.from(secrets.derive('ticket_key', eventId), 'base64url');
    const key = Buffer.concat([PKCS8_HEAD, seed]);
    const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
    const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
    const publicKey = present(x, 'the public half of a key');
    return { keyId: keyIdOf(publicKey), publicKey, privateKey };
  });
}

function keptFor(secrets: Secrets): Kept {
  const known = kept.get(secrets);
  if (known) return known;
  const fresh: Kept = { keys: new Map(), codes: new Map() };
  kept.set(secrets, fresh);
  return fresh;
}

/** What was made before, or is made now; beyond `most` the oldest goes. It can be made again. */
function remembered<V>(values: Map<string, V>, most: number, name: string, make: () => V): V {
  const known = values.get(name);
  if (known !== undefined) return known;
  for (const oldest of values.keys()) {
    if (values.size < most) break;
    values.delete(oldest);
  }
  const made = make();
  values.set(name, made);
  return made;
}
