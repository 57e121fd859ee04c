/** What is judged by more than one snapshot: what is kept for those who wait, and "sold out". */
import { describe, expect, it } from 'vitest';
import { askOf, given, NOW } from './auditor-given.ts';
import type { EventRows } from './auditor-rows.ts';
import { auditWaiting } from './auditor-seats.ts';
import { addAsk, mayBeSoldOut } from './history.ts';

/** The first of a list, with some members changed. */
const first = <T extends object>(list: readonly T[], more: Partial<T>): T[] =>
  list.map((each, i) => (i === 0 ? { ...each, ...more } : each));

describe('what is kept for those who wait', () => {
  /** Two wait, one place is kept; then something has changed. */
  function found(later: Partial<EventRows['pools'][number]>, offered = 0): readonly string[] {
    const { rows, history } = given();
    const kept = { capacity: 6, waiting: 2, reserved: 1 };
    const before = { rows: { ...rows, pools: first(rows.pools, kept) }, startedAtMs: NOW - 1_000 };
    const now = { ...rows, pools: first(rows.pools, { ...kept, ...later }) };
    if (offered > 0) history.offers.push({ poolId: 'p', quantity: offered, untilMs: NOW });
    return auditWaiting(before, now, history).map(({ detail }) => detail);
  }

  it('may become more, and less by offers', () => {
    expect(found({})).toEqual([]);
    expect(found({ held: 1, reserved: 2 })).toEqual([]);
    expect(found({ held: 1, sold: 1, reserved: 2 })).toEqual([]);
    expect(found({ held: 3, reserved: 0, waiting: 1 }, 1)).toEqual([]);
  });

  it('is never more than are waited for', () => {
    expect(found({ reserved: 3 })).toEqual(['3 kept, 2 wait']);
  });

  it('comes before everybody else, and is nobody else’s', () => {
    expect(found({ held: 1 })).toEqual(['1 places became free while people wait for them']);
    expect(found({ held: 3, reserved: 0 })).toEqual(['1 kept places are gone, 0 were offered']);
  });
});

describe('"sold out"', () => {
  const asks = (quantity: number) => ({ key: 'k9', lines: [{ typeId: 'tt', quantity }] });

  it('is true where all clients together may have had so much', () => {
    const { history } = given();
    expect(mayBeSoldOut(history, asks(2), NOW, NOW + 10)).toBe(true);
    expect(mayBeSoldOut(history, asks(1), NOW, NOW + 10)).toBe(false);
  });

  it('is not true any more when a hold has lapsed or was given up', () => {
    const lapsed = given();
    expect(mayBeSoldOut(lapsed.history, asks(3), NOW + 70_000, NOW + 70_010)).toBe(false);
    const released = given();
    released.active.releasedAtMs = NOW - 50;
    // Whoever had asked before may still have been refused for it.
    expect(mayBeSoldOut(released.history, asks(3), NOW - 100, NOW)).toBe(true);
    expect(mayBeSoldOut(released.history, asks(3), NOW, NOW + 10)).toBe(false);
    expect(mayBeSoldOut(released.history, asks(4), NOW, NOW + 10)).toBe(true);
  });

  it('may be true while an answer is missing, or the capacity is being changed', () => {
    const { history } = given();
    addAsk(history, { ...askOf('hold', 'k3', []), state: 'unknown', hold: null });
    expect(mayBeSoldOut(history, asks(1), NOW, NOW + 10)).toBe(true);
    const later = [NOW + 30_000, NOW + 30_010] as const;
    expect(mayBeSoldOut(history, asks(1), ...later)).toBe(false);
    addAsk(history, { ...askOf('booking', 'k4', []), state: 'unknown' });
    expect(mayBeSoldOut(history, asks(1), ...later)).toBe(true);
    const changed = given();
    for (const pool of changed.history.pools) pool.unsureUntilMs = NOW;
    expect(mayBeSoldOut(changed.history, asks(1), NOW, NOW + 10)).toBe(true);
  });
});
