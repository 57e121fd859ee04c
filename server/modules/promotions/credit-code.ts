/**
 * The code of a credit: whoever has it spends it. It is derived from the credit's id and stored
 * nowhere; what it is looked up by is its hash.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { CreditId } from '../../kernel/ids.ts';
import type { Secrets } from '../../kernel/secrets.ts';

/** Without I, L, O and U, which people read as others. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const PREFIX = 'CR';
/** 100 bits: nobody guesses one. */
const CHARS = 20;
const GROUP_CHARS = 5;

export function creditCodeOf(secrets: Secrets, creditId: CreditId): string {
  const bytes = Buffer.from(secrets.derive('credit', creditId), 'base64url');
  const chars = [...bytes.subarray(0, CHARS)].map((byte) => ALPHABET.charAt(byte & 31)).join('');
  const groups = chars.match(new RegExp(`.{${GROUP_CHARS}}`, 'g')) ?? [];
  return [PREFIX, ...groups].join('-');
}

/** As it is compared: without what people put between its groups, and what they mistake mended. */
function asCompared(code: string): string {
  const plain = code.toUpperCase().replace(/[^A-Z0-9]/g, '');
  return plain.replaceAll('O', '0').replace(/[IL]/g, '1');
}

export function hashOfCode(code: string): Buffer {
  return createHash('sha256').update(asCompared(code)).digest();
}

/** Of any shape: a wrong one is told from an unknown one by nobody. */
export const creditCode = z
  .string()
  .min(1)
  .max(100)
  .meta({ examples: ['CR-7KQ4M-2X9P3-RTA8W-V5N6H'] });
