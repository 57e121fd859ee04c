import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemIds } from './context.ts';
import { eventOf, type IdSource, isId, newRootId, newScopedId } from './ids.ts';

const at = (nowMs: number): IdSource => ({ nowMs: () => nowMs, bytes: (n) => randomBytes(n) });
const NOW = Date.UTC(2027, 4, 1);
const LATEST = Date.UTC(2058, 0, 1);
const instants = fc.integer({ min: Date.UTC(2024, 0, 1), max: LATEST });
const roots = fc.constantFrom('org' as const, 'usr' as const, 'evt' as const, 'key' as const);
const scoped = fc.constantFrom('tt' as const, 'hld' as const, 'ord' as const, 'tkt' as const);

describe('an id', () => {
  it('has the shape that isId knows', () => {
    fc.assert(
      fc.property(roots, scoped, instants, (root, local, nowMs) => {
        const event = newRootId(at(nowMs), 'evt');
        expect(isId(root, newRootId(at(nowMs), root))).toBe(true);
        const id = newScopedId(at(nowMs), local, event);
        expect(isId(local, id)).toBe(true);
        expect(id).toMatch(/^[a-z]+_[0-9a-hjkmnp-tv-z]{37}$/);
      }),
    );
  });

  it('carries its event', () => {
    fc.assert(
      fc.property(scoped, instants, instants, (prefix, made, later) => {
        const event = newRootId(at(made), 'evt');
        expect(eventOf(newScopedId(at(later), prefix, event))).toBe(event);
      }),
    );
  });

  it('sorts by the time it was made', () => {
    fc.assert(
      fc.property(instants, instants, (a, b) => {
        fc.pre(a !== b);
        const [early, late] = a < b ? [a, b] : [b, a];
        expect(newRootId(at(early), 'evt') < newRootId(at(late), 'evt')).toBe(true);
        const event = newRootId(at(NOW), 'evt');
        const ids = [newScopedId(at(early), 'ord', event), newScopedId(at(late), 'ord', event)];
        expect([...ids].sort()).toEqual(ids);
      }),
    );
  });

  it('is another each time, also within one millisecond', () => {
    const event = newRootId(at(NOW), 'evt');
    const ids = Array.from({ length: 50_000 }, () => newScopedId(at(NOW), 'tkt', event));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('uses all its chance: every character of it takes every value', () => {
    const seen = Array.from({ length: 16 }, () => new Set<string>());
    const event = newRootId(systemIds, 'evt');
    for (let i = 0; i < 2_000; i++) {
      const chance = newScopedId(at(NOW), 'ord', event).slice(-16);
      for (const [place, char] of [...chance].entries()) seen[place]?.add(char);
    }
    expect(seen.map((chars) => chars.size)).toEqual(Array(16).fill(32));
  });

  it('is the same from the same source: a seeded run repeats', () => {
    const seeded: IdSource = { nowMs: () => NOW, bytes: (n) => new Uint8Array(n).fill(9) };
    expect(newRootId(seeded, 'evt')).toBe(newRootId(seeded, 'evt'));
  });
});

describe('isId', () => {
  const event = newRootId(at(NOW), 'evt');
  const order = newScopedId(at(NOW), 'ord', event);
  it.each([
    '',
    'evt_',
    event.slice(0, -1),
    `${event}0`,
    event.toUpperCase(),
    event.replace('evt', 'org'),
    event.replace('_', '-'),
    `${event.slice(0, -1)}i`,
    `${event.slice(0, -1)}%`,
    `${event.slice(0, -1)}\u0000`,
    `${event.slice(0, -2)}é`,
    ` ${event}`,
    `${event}\n`,
    order,
    'evt_../../../etc/',
    '550e8400-e29b-41d4-a716-446655440000',
  ])('refuses %j as an event', (text) => {
    expect(isId('evt', text)).toBe(false);
  });

  it('tells prefixes of the same length apart', () => {
    expect(isId('tkt', order)).toBe(false);
    expect(isId('ord', order)).toBe(true);
  });

  it('takes nothing but what was made, of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(isId('evt', text)).toBe(/^evt_[0-9a-hjkmnp-tv-z]{13}$/.test(text));
      }),
    );
  });
});
