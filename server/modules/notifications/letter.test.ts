import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { languages } from '../../kernel/language.ts';
import { kinds } from './kinds.ts';
import { button, facts, type Letter, letterHtml, letterText, oneLine, text } from './letter.ts';
import { previews } from './preview.ts';
import { greetable } from './words.ts';

const NASTY = `<script>alert("1")</script>'&`;
const footer = (words: string) => ({
  ...{ sender: words, why: words },
  optOut: { label: words, href: 'https://example.org/?a=1&b=2' },
});
const letter = (words: string): Letter => ({
  subject: words,
  blocks: [
    text(words),
    { kind: 'note', text: words },
    { kind: 'code', code: words },
    facts([words, words]),
    button(words, 'https://example.org/?a=1&b=2'),
  ],
  sms: null,
});

describe('a letter as HTML', () => {
  it('D8 has whatever people say as text, in every block', () => {
    const html = letterHtml(letter(NASTY), footer(NASTY), 'en');
    expect(html).not.toContain('<script');
    expect(html).not.toContain('alert("');
    expect(html.split('&lt;script&gt;').length - 1).toBe(11);
    expect(html).toContain('href="https://example.org/?a=1&amp;b=2"');
  });

  it('D8 keeps its shape whatever is said', () => {
    const tags = (html: string) => html.match(/<[^>]*>/g)?.length;
    const plain = tags(letterHtml(letter('plain'), footer('plain'), 'en'));
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (words) => {
        const shown = words.replaceAll('\n', ' ');
        expect(tags(letterHtml(letter(shown), footer(shown), 'en'))).toBe(plain);
      }),
    );
  });

  it.each(['javascript:alert(1)', 'data:text/html,x', ' https://x', '//x'])(
    'D8 links to no %s',
    (href) => {
      const html = letterHtml({ ...letter('x'), blocks: [button('x', href)] }, footer('x'), 'en');
      expect(html).toContain('<a href="#"');
    },
  );
});

describe('a line of the head', () => {
  it.each([
    ['Hello\r\nBcc: all@example.org', 'Hello Bcc: all@example.org'],
    ['a\u0000b\u2028c\u202ed', 'a b c d'],
    ['  much \t space ', 'much space'],
  ])('D8 is one line: %j', (given, line) => {
    expect(oneLine(given)).toBe(line);
  });

  it('D8 is never longer than it may be, and cuts no character in two', () => {
    expect([...oneLine('🎟'.repeat(200))]).toHaveLength(150);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (words) => {
        expect(oneLine(words)).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
      }),
    );
  });
});

describe('a greeting', () => {
  it.each(['Ada Lovelace', 'Zoë O’Neil-Søren', '王小明', 'Dr. Ada St. John'])(
    'names %s',
    (name) => {
      expect(greetable(name)).toBe(name);
    },
  );
  it.each([
    'Win at https://spam.example',
    'www.spam.example',
    'spam.example/buy',
    'ask@spam.example',
    '<b>Ada</b>',
    'A'.repeat(61),
  ])('does not say %s', (name) => {
    expect(greetable(name)).toBeNull();
  });
});

describe('every letter', () => {
  it('D8 is there in every language, as HTML and as text that says the same', () => {
    const all = previews();
    expect(all).toHaveLength(Object.keys(kinds).length * languages.length);
    for (const { kind, language, subject, html, text: said } of all) {
      const where = `${kind} ${language}`;
      expect(html, where).toContain(`<html lang="${language}">`);
      expect(subject.length, where).toBeGreaterThan(5);
      expect(said, where).not.toMatch(/undefined|null|\[object|<p|&amp;/);
      // Each link of the one is in the other.
      for (const [, href = ''] of html.matchAll(/href="([^"]+)"/g)) {
        expect(said, where).toContain(href.replaceAll('&amp;', '&'));
      }
    }
  });

  it('D8 offers to end what nobody has to be told, and nothing else', () => {
    const ending = previews().filter(({ text: said }) => said.includes('/unsubscribe/'));
    const optional = Object.entries(kinds).filter(([, { isOptional }]) => isOptional);
    expect(new Set(ending.map(({ kind }) => kind))).toEqual(
      new Set(optional.map(([kind]) => kind)),
    );
  });

  it('D8 has a text message exactly where its kind says so, of few words', () => {
    for (const { kind, sms } of previews()) {
      const isSaid = kind === 'sign_in' || kinds[kind].sms;
      expect(sms !== null, kind).toBe(isSaid);
      expect((sms ?? '').length).toBeLessThan(320);
    }
  });
});

it('text and HTML are of one source', () => {
  expect(letterText(letter('words'), footer('us'))).toBe(
    `words\n\nwords\n\n    words\n\nwords: words\n\nwords:\nhttps://example.org/?a=1&b=2\n\n` +
      `-- \nus\nus\nus: https://example.org/?a=1&b=2\n`,
  );
});
