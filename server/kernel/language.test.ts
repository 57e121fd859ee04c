import { describe, expect, it } from 'vitest';
import { languageFor } from './language.ts';

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
    expect(languageFor(undefined, header)).toBe(language);
    expect(languageFor('en', header)).toBe('en');
  });
});
