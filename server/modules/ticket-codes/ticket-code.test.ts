import { createPublicKey, generateKeyPairSync, webcrypto } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newRootId, newScopedId } from '../../kernel/ids.ts';
import { secretsFrom } from '../../kernel/secrets.ts';
import { CODE_CHARS, EPOCH_MAX, publicKeyFrom, verifyTicketCode } from './ticket-code.ts';
import { publicKeysOf, ticketCode } from './ticket-keys.ts';

const source = {
  nowMs: () => Date.UTC(2035, 4, 1),
  bytes: (n: number) => new Uint8Array(n).fill(7),
};
const eventId = newRootId(source, 'evt');
const ticketId = newScopedId(source, 'tkt', eventId);
const secrets = secretsFrom(Buffer.alloc(32, 1));
const [key] = publicKeysOf(secrets, eventId);
const publicKey = key?.publicKey ?? '';
const code = ticketCode(secrets, ticketId, 1);

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

describe('a code', () => {
  it('says its ticket, event and epoch to whoever has the public key', () => {
    for (const epoch of [1, 2, 31, 32, 1_024, EPOCH_MAX]) {
      const told = verifyTicketCode(ticketCode(secrets, ticketId, epoch), publicKey);
      expect(told).toEqual({ ok: true, value: { ticketId, eventId, epoch, keyId: key?.keyId } });
    }
  });

  it('is 152 characters that a QR code packs in its alphanumeric mode', () => {
    expect(CODE_CHARS).toBe(152);
    expect(code).toMatch(/^F1[0-9A-HJKMNP-TV-Z]{150}$/);
    expect(code.slice(9, 46)).toBe(ticketId.slice(4).toUpperCase());
  });

  it('is signed as RFC 8032 says: another implementation agrees', async () => {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: publicKey };
    const other = await webcrypto.subtle.importKey('jwk', jwk, 'Ed25519', false, ['verify']);
    const bits = [...code.slice(49)].map((c) => ALPHABET.indexOf(c).toString(2).padStart(5, '0'));
    const bytes = bits.join('').slice(0, 512).match(/.{8}/g) ?? [];
    const signature = Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 2));
    const signed = Buffer.from(code.slice(0, 49));
    expect(await webcrypto.subtle.verify('Ed25519', other, signature, signed)).toBe(true);
  });

  it('stays the same, and is another for another ticket, epoch, event or server', () => {
    expect(ticketCode(secretsFrom(Buffer.alloc(32, 1)), ticketId, 1)).toBe(code);
    const other = newScopedId({ ...source, bytes: (n) => new Uint8Array(n) }, 'tkt', eventId);
    const elsewhere = secretsFrom(Buffer.alloc(32, 2));
    const codes = [
      code,
      ticketCode(secrets, ticketId, 2),
      ticketCode(secrets, other, 1),
      ticketCode(elsewhere, ticketId, 1),
    ];
    expect(new Set(codes).size).toBe(codes.length);
    expect(verifyTicketCode(ticketCode(elsewhere, ticketId, 1), publicKey)).toMatchObject({
      refusal: { code: 'another_key' },
    });
  });

  it('may be written small and in lines', () => {
    const lines = code.toLowerCase().replace(/.{40}/g, '$& \n');
    expect(verifyTicketCode(lines, publicKey)).toMatchObject({ ok: true, value: { ticketId } });
  });
});

describe('what is no code', () => {
  it('is refused: any other character at any place', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: CODE_CHARS - 1 }),
        fc.constantFrom(...ALPHABET, 'I', 'L', 'O', 'U', '-', 'é', '😀'),
        (at, char) => {
          fc.pre(code[at] !== char);
          const changed = code.slice(0, at) + char + code.slice(at + 1);
          expect(verifyTicketCode(changed, publicKey).ok).toBe(false);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is refused whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400, size: 'max' }), (text) => {
        expect(verifyTicketCode(text, publicKey)).toMatchObject({
          refusal: { code: 'not_a_code' },
        });
      }),
    );
    const short = verifyTicketCode(code.slice(0, -1), publicKey);
    expect(short).toMatchObject({ refusal: { code: 'not_a_code' } });
  });

  it('is refused where somebody else signed it under the name of the key', () => {
    const stranger = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x ?? '';
    expect(verifyTicketCode(code, stranger)).toMatchObject({ refusal: { code: 'another_key' } });
    const forged = code.slice(0, 48) + (code[48] === '2' ? '3' : '2') + code.slice(49);
    expect(verifyTicketCode(forged, publicKey)).toMatchObject({ refusal: { code: 'forged' } });
  });

  it('has no second way to write its last bits', () => {
    const others = [...ALPHABET].filter((char) => char !== code.at(-1));
    const found = others.map((char) => verifyTicketCode(code.slice(0, -1) + char, publicKey));
    expect(found.filter(({ ok }) => ok)).toEqual([]);
  });
});

describe('the key of an event', () => {
  it('is an Ed25519 key, derived: the same in every process, another for each event', () => {
    expect(publicKeyFrom(publicKey)?.asymmetricKeyType).toBe('ed25519');
    expect(publicKeysOf(secretsFrom(Buffer.alloc(32, 1)), eventId)).toEqual([key]);
    const next = newRootId({ ...source, nowMs: () => Date.UTC(2035, 4, 2) }, 'evt');
    expect(publicKeysOf(secrets, next)[0]?.publicKey).not.toBe(publicKey);
  });

  it('is taken from 32 bytes in base64url, and from nothing else', () => {
    const jwk = publicKeyFrom(publicKey)?.export({ format: 'jwk' });
    expect(jwk).toEqual({ kty: 'OKP', crv: 'Ed25519', x: publicKey });
    const pem = createPublicKey({ key: { ...jwk }, format: 'jwk' })
      .export({ format: 'pem', type: 'spki' })
      .toString();
    for (const wrong of ['', 'A', `${publicKey}=`, publicKey.slice(1), `${publicKey}A`, pem]) {
      expect(publicKeyFrom(wrong), wrong).toBeNull();
    }
  });
});
