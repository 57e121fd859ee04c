/**
 * What proves that somebody has read a message: a code to type, or a token in a link. Both are
 * derived from the id of the attempt, which chance has made, so that neither is stored and a job
 * that writes the message again writes the same.
 */
import { type Secrets, sameSecret } from '../../kernel/secrets.ts';

const CODE_DIGITS = 6;
/** Of the digest; so many bits that no code is noticeably likelier than another. */
const CHANCE_BYTES = 6;
const TOKEN = /^(sin_[A-Za-z0-9_-]{22})([A-Za-z0-9_-]{43})$/;

export function codeOf(secrets: Secrets, signInId: string): string {
  const chance = Buffer.from(secrets.derive('sign-in:code', signInId), 'base64url');
  const number = chance.readUIntBE(0, CHANCE_BYTES) % 10 ** CODE_DIGITS;
  return String(number).padStart(CODE_DIGITS, '0');
}

export function tokenOf(secrets: Secrets, signInId: string): string {
  return signInId + secrets.derive('sign-in:token', signInId);
}

/** The attempt that a token is of; null for one that was never sent. */
export function signInOf(secrets: Secrets, token: string): string | null {
  const [, id = '', proof = ''] = TOKEN.exec(token) ?? [];
  return id && sameSecret(proof, secrets.derive('sign-in:token', id)) ? id : null;
}
