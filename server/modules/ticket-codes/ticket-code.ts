/**
 * The code of a ticket: text that says whose right to enter it is and proves it, to whoever has the
 * event's public key, without asking anybody. 152 capital letters and digits, which a QR code packs
 * into 41 by 41 modules (alphanumeric mode, level M), without separators:
 *
 *     F1  KKKKKKK  TTT…T  EEE  SSS…S
 *     0   2        9      46   49        the position of the first
 *     2   7        37     3    103       how many
 *
 * version, key id, the ticket's id without `tkt_`, epoch, Ed25519 signature of the 49 characters
 * before it. All parts are in Crockford's base 32. The ticket's id carries its event's.
 */
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { type EventId, eventOf, isId, type TicketId } from '../../kernel/ids.ts';
import { assert, ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const VERSION = 'F1';
const KEY_ID_CHARS = 7;
const TICKET_CHARS = 37;
const EPOCH_CHARS = 3;
const SIGNATURE_CHARS = 103;
const SIGNED_CHARS = VERSION.length + KEY_ID_CHARS + TICKET_CHARS + EPOCH_CHARS;
export const CODE_CHARS = SIGNED_CHARS + SIGNATURE_CHARS;
/** The column has the same bound. */
export const EPOCH_MAX = 32_767;
const PUBLIC_KEY_BYTES = 32;
/** A scanner may hand on anything; nobody reads more of it. */
const TEXT_MAX_CHARS = 1_000;

export type TicketClaim = {
  readonly ticketId: TicketId;
  readonly eventId: EventId;
  /** Which of the ticket's codes this is, from 1; a door lets only the latest in. */
  readonly epoch: number;
  readonly keyId: string;
};

/** A private key of an event, and the id of the public one. */
export type Signer = { readonly keyId: string; readonly privateKey: KeyObject };

export function writeTicketCode(signer: Signer, ticketId: TicketId, epoch: number): string {
  assert(Number.isInteger(epoch) && epoch >= 1 && epoch <= EPOCH_MAX, `no epoch: ${epoch}`);
  const ticket = ticketId.slice('tkt_'.length).toUpperCase();
  const signed = VERSION + signer.keyId + ticket + epochText(epoch);
  const code = signed + toBase32(sign(null, Buffer.from(signed), signer.privateKey));
  assert(code.length === CODE_CHARS, `a code of ${code.length} characters`);
  return code;
}

export type CodeRefusal = RefusalOf<'not_a_code' | 'another_key' | 'forged'>;

/**
 * What a code says, if it was signed with the private half of this key. Capitals and spaces do not
 * matter: a code may have been broken into lines. It says nothing about whether the ticket was
 * refunded or reissued since: that is for whoever knows the ticket's state and epoch.
 */
export function verifyTicketCode(
  text: string,
  publicKey: string,
): Result<TicketClaim, CodeRefusal> {
  const key = publicKeyFrom(publicKey);
  assert(key, 'not a public key');
  const read = readTicketCode(text);
  if (!read.ok) return read;
  const { signed, signature, ...claim } = read.value;
  if (claim.keyId !== keyIdOf(publicKey)) return refused('another_key');
  return verify(null, Buffer.from(signed), key, signature) ? ok(claim) : refused('forged');
}

type Read = TicketClaim & { readonly signed: string; readonly signature: Buffer };

/** What a code claims, unproven. */
function readTicketCode(text: string): Result<Read, RefusalOf<'not_a_code'>> {
  const code = text.slice(0, TEXT_MAX_CHARS).replace(/\s/g, '').toUpperCase();
  if (code.length !== CODE_CHARS || !code.startsWith(VERSION)) return refused('not_a_code');
  const signed = code.slice(0, SIGNED_CHARS);
  const [keyEnd, ticketEnd] = [
    SIGNED_CHARS - EPOCH_CHARS - TICKET_CHARS,
    SIGNED_CHARS - EPOCH_CHARS,
  ];
  const ticketId = `tkt_${signed.slice(keyEnd, ticketEnd).toLowerCase()}`;
  const epoch = epochFrom(signed.slice(ticketEnd));
  const signature = fromBase32(code.slice(SIGNED_CHARS));
  if (!isId('tkt', ticketId) || epoch < 1 || !signature) return refused('not_a_code');
  const keyId = signed.slice(VERSION.length, keyEnd);
  return ok({ ticketId, eventId: eventOf(ticketId), epoch, keyId, signed, signature });
}

/** A hint which key a code was signed with: 35 bits of the key's SHA-256. */
export function keyIdOf(publicKey: string): string {
  const digest = createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest();
  return toBase32(digest).slice(0, KEY_ID_CHARS);
}

/** From its 32 bytes in base64url; null where it is none. */
export function publicKeyFrom(text: string): KeyObject | null {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== PUBLIC_KEY_BYTES || bytes.toString('base64url') !== text) return null;
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: text }, format: 'jwk' });
}

function epochText(epoch: number): string {
  return [epoch >> 10, (epoch >> 5) & 31, epoch & 31].map((five) => ALPHABET.charAt(five)).join('');
}

/** Less than one where it is none: an unknown character is -1, and makes all of it negative. */
function epochFrom(text: string): number {
  const fives = [...text].map((char) => ALPHABET.indexOf(char));
  return fives.includes(-1) ? -1 : fives.reduce((sum, five) => sum * 32 + five, 0);
}

function toBase32(bytes: Uint8Array): string {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += ALPHABET.charAt((held >> (bits - 5)) & 31);
  }
  return bits > 0 ? text + ALPHABET.charAt((held << (5 - bits)) & 31) : text;
}

/** Null for a character that is none, and for bits left over that are not zero. */
function fromBase32(text: string): Buffer | null {
  const bytes: number[] = [];
  let held = 0;
  let bits = 0;
  for (const char of text) {
    const five = ALPHABET.indexOf(char);
    if (five < 0) return null;
    held = ((held << 5) | five) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((held >> bits) & 0xff);
  }
  return (held & ((1 << bits) - 1)) === 0 ? Buffer.from(bytes) : null;
}
