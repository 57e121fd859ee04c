import { describe, expect, it } from 'vitest';
import { isForeign, sessionCookie, sessionOf } from './http-session.ts';

describe('the cookie of a session', () => {
  it.each([
    ['fanfare_session=fk_abc', 'fk_abc'],
    ['a=1; fanfare_session=fk_abc; b=2', 'fk_abc'],
    ['a=1;fanfare_session=fk_abc', 'fk_abc'],
    ['xfanfare_session=fk_abc', null],
    ['fanfare_session', null],
    ['fanfare_session=', null],
    ['fanfare_session="fk_abc"', null],
    [`fanfare_session=${'a'.repeat(201)}`, null],
    [undefined, null],
  ])('is found in %j', (cookie, secret) => {
    expect(sessionOf({ cookie })).toBe(secret);
  });

  it('is kept for https where there is https, and ends at once where it is over', () => {
    const options = { secret: 'fk_abc', maxAgeSeconds: 60, isSecure: true };
    expect(sessionCookie(options)).toBe(
      'fanfare_session=fk_abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure',
    );
    expect(sessionCookie({ ...options, secret: null, isSecure: false })).toBe(
      'fanfare_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax',
    );
  });
});

describe('a request of another site', () => {
  const host = 'tickets.example.org';
  const of = (headers: Record<string, string>, method = 'POST') =>
    isForeign({ method, headers: { host, ...headers } });

  it.each([
    [{ 'sec-fetch-site': 'same-origin' }, false],
    [{ 'sec-fetch-site': 'same-site' }, true],
    [{ 'sec-fetch-site': 'cross-site', 'x-requested-with': 'us' }, true],
    [{ 'sec-fetch-site': 'none' }, true],
    [{ origin: 'https://tickets.example.org' }, false],
    [{ origin: 'https://tickets.example.org.evil.example' }, true],
    [{ origin: 'null' }, true],
    [{}, true],
    [{ 'x-requested-with': 'us' }, false],
  ])('is told by %j', (headers, foreign) => {
    expect(of(headers)).toBe(foreign);
  });

  it('may read: what changes nothing is nobody’s harm', () => {
    expect(of({ 'sec-fetch-site': 'cross-site' }, 'GET')).toBe(false);
  });
});
