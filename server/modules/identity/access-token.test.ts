import { describe, expect, it } from 'vitest';
import { anonymous } from '../../kernel/actor.ts';
import { secretsFrom } from '../../kernel/secrets.ts';
import { accessTokenFor, isAccessToken, opensWith } from './access-token.ts';

const secrets = secretsFrom(Buffer.alloc(32, 7));
const order = 'ord_00vtdzt3h1k4r00vtdzw2q5r8s1t4v7w0x3y6';
const other = 'ord_00vtdzt3h1k4r00vtdzw2q5r8s1t4v7w0x3y7';
const guest = (accessToken: string | null) => ({ ...anonymous, accessToken });

describe('an access token', () => {
  it('is derived: the same each time, another for another object or another installation', () => {
    const token = accessTokenFor(secrets, order);
    expect(isAccessToken(token)).toBe(true);
    expect(accessTokenFor(secretsFrom(Buffer.alloc(32, 7)), order)).toBe(token);
    expect(accessTokenFor(secrets, other)).not.toBe(token);
    expect(accessTokenFor(secretsFrom(Buffer.alloc(32, 8)), order)).not.toBe(token);
  });

  it('opens its object and no other', () => {
    const token = accessTokenFor(secrets, order);
    expect(opensWith(secrets, guest(token), order)).toBe(true);
    expect(opensWith(secrets, guest(token), other)).toBe(false);
    expect(opensWith(secrets, guest(null), order)).toBe(false);
    for (let at = 3; at < token.length; at += 5) {
      const flipped = token.charAt(at) === 'A' ? 'B' : 'A';
      const forged = token.slice(0, at) + flipped + token.slice(at + 1);
      expect(opensWith(secrets, guest(forged), order), forged).toBe(false);
    }
  });

  it.each(['', 'at_', `at_${'A'.repeat(42)}`, `at_${'A'.repeat(44)}`, `AT_${'A'.repeat(43)}`])(
    'does not look like %j',
    (text) => {
      expect(isAccessToken(text)).toBe(false);
    },
  );

  it.each([`at_${'A'.repeat(42)}\n`, `at_${'A'.repeat(42)}=`, `\nat_${'A'.repeat(43)}`])(
    'has no characters beside those of base64url: %j',
    (text) => {
      expect(isAccessToken(text)).toBe(false);
    },
  );
});
