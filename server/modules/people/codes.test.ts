import { describe, expect, it } from 'vitest';
import { secretsFrom } from '../../kernel/secrets.ts';
import { codeOf, signInOf, tokenOf } from './codes.ts';

const secrets = secretsFrom(Buffer.alloc(32, 7));
const id = (n: number) => `sin_${String(n).padStart(22, 'A')}`;

describe('C6 a code', () => {
  it('C6 has six digits, is the same each time and another for another attempt', () => {
    const codes = Array.from({ length: 1_000 }, (_, n) => codeOf(secrets, id(n)));
    for (const code of codes) expect(code).toMatch(/^\d{6}$/);
    expect(codeOf(secrets, id(3))).toBe(codes[3]);
    expect(new Set(codes).size).toBeGreaterThan(990);
    expect(codeOf(secretsFrom(Buffer.alloc(32, 8)), id(3))).not.toBe(codes[3]);
  });
});

describe('C6 a token', () => {
  it('C6 names its attempt, and no other text does', () => {
    const token = tokenOf(secrets, id(1));
    expect(signInOf(secrets, token)).toBe(id(1));
    expect(signInOf(secrets, id(2) + token.slice(26))).toBeNull();
    expect(signInOf(secretsFrom(Buffer.alloc(32, 8)), token)).toBeNull();
    for (const wrong of ['', token.slice(1), `${token}A`, `${token}\n`, token.toLowerCase()]) {
      expect(signInOf(secrets, wrong), wrong).toBeNull();
    }
  });
});
