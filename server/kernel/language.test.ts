import { describe, expect, it } from 'vitest';
import { type Actor, anonymous } from './actor.ts';
import type { OrganizerId } from './ids.ts';
import { languageFor } from './language.ts';

const staff: Actor = {
  ...{ kind: 'key', keyId: 'key', role: 'box_office', platform: false, userId: null },
  // Nobody looks at whose it is.
  organizerId: 'org' as OrganizerId,
  scopes: new Set(['orders:write']),
};

describe('the language of whoever asks', () => {
  it.each([
    ['de-AT,de;q=0.9,en;q=0.8', 'de'],
    ['fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7', 'en'],
    ['EN', 'en'],
    ['fr, nl', null],
    ['*', null],
    ['', null],
    [undefined, null],
  ])('D8 of %j is %j', (header, language) => {
    expect(languageFor(anonymous, undefined, header)).toBe(language);
    expect(languageFor(anonymous, 'en', header)).toBe('en');
    expect(languageFor(staff, undefined, header)).toBe(null);
    expect(languageFor(staff, 'en', header)).toBe('en');
  });
});
