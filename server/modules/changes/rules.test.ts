/** B4, F9: what may be offered, until when, and what of it an order can have. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TicketTypeId } from '../../kernel/ids.ts';
import type { Remedy } from '../orders/index.ts';
import { choicesFor, planRemedies, typesAlike } from './rules.ts';

const DAY_MS = 86_400_000;
const now = new Date('2030-01-01T00:00:00Z');
const inDays = (days: number) => new Date(now.getTime() + days * DAY_MS);
const at = { now, endsBefore: null };
const wanted = (remedies: readonly Remedy[], more: object = {}) => ({
  ...{ remedies, fallback: null, chooseBy: null },
  ...more,
});

describe('planRemedies', () => {
  it('B4 lets nobody wait where there is one remedy only', () => {
    expect(planRemedies('cancellation', wanted(['refund']), at)).toEqual({
      planned: { remedies: ['refund'], fallback: 'refund', chooseBy: now },
      issues: [],
    });
  });

  it('F9 gives two weeks, and money to whoever does not choose', () => {
    const { planned } = planRemedies('cancellation', wanted(['credit', 'refund']), at);
    expect(planned).toMatchObject({ fallback: 'refund', chooseBy: inDays(14) });
    const without = planRemedies('cancellation', wanted(['credit', 'voucher']), at).planned;
    expect(without.fallback).toBe('credit');
  });

  it('F9 keeps the ticket of whoever does not choose where the event is only moved', () => {
    const { planned } = planRemedies('reschedule', wanted(['refund']), at);
    expect(planned).toMatchObject({ remedies: ['keep', 'refund'], fallback: 'keep' });
    expect(planRemedies('reschedule', wanted([]), at).planned.remedies).toEqual(['keep']);
  });

  it('ends choosing before the other event begins', () => {
    const soon = { now, endsBefore: inDays(2) };
    const { planned, issues } = planRemedies('cancellation', wanted(['refund', 'voucher']), soon);
    expect(issues).toEqual([]);
    expect(planned.chooseBy).toEqual(inDays(1));
    const late = wanted(['refund', 'voucher'], { chooseBy: inDays(3) });
    expect(planRemedies('cancellation', late, soon).issues).toMatchObject([
      { path: 'chooseBy', code: 'after_event' },
    ]);
  });

  it.each([
    [{ chooseBy: inDays(-1) }, 'chooseBy', 'in_the_past'],
    [{ chooseBy: inDays(91) }, 'chooseBy', 'too_late'],
    [{ fallback: 'voucher' }, 'defaultRemedy', 'not_offered'],
  ])('says what is wrong with %j', (more, path, code) => {
    const { issues } = planRemedies('cancellation', wanted(['refund', 'credit'], more), at);
    expect(issues).toMatchObject([{ path, code }]);
  });
});

describe('choicesFor', () => {
  const remedies = fc.uniqueArray(fc.constantFrom<Remedy>('refund', 'credit', 'voucher'), {
    minLength: 1,
  });

  it('G11 never leaves anybody without a remedy, nor with a voucher for no place', () => {
    fc.assert(
      fc.property(remedies, fc.nat(), fc.boolean(), (offered, nth, hasPlaces) => {
        const fallback = offered[nth % offered.length] ?? 'refund';
        const given = choicesFor({ remedies: offered, fallback }, hasPlaces);
        expect(given.choices).toContain(given.fallback);
        if (!hasPlaces) expect(given.choices).not.toContain('voucher');
        if (hasPlaces) expect(given).toEqual({ choices: offered, fallback, missing: [] });
        const told = [...given.choices, ...given.missing];
        expect(offered.every((remedy) => told.includes(remedy))).toBe(true);
      }),
    );
  });

  it('gives money back where a voucher was all there was to have', () => {
    const only = { remedies: ['voucher'], fallback: 'voucher' } as const;
    expect(choicesFor(only, false)).toEqual({
      ...{ choices: ['refund'], fallback: 'refund', missing: ['voucher'] },
    });
  });
});

describe('typesAlike', () => {
  const type = (ticketTypeId: string, name: string) => ({
    // Ids of the right shape do not matter to the rule.
    ticketTypeId: ticketTypeId as TicketTypeId,
    name,
  });
  const here = [type('a', 'Floor'), type('b', 'Balcony'), type('c', 'VIP')];
  const there = [type('x', 'Floor'), type('y', 'Circle')];

  it('finds them by name, or as they are named', () => {
    const { types, issues } = typesAlike(here, there, { b: 'y' });
    expect({ types, issues }).toEqual({ types: { a: 'x', b: 'y' }, issues: [] });
  });

  it('refuses what neither event has', () => {
    expect(typesAlike(here, there, { z: 'x', a: 'q' }).issues).toMatchObject([
      { path: 'ticketTypes.z', code: 'unknown_ticket_type' },
      { path: 'ticketTypes.a', code: 'unknown_ticket_type' },
    ]);
  });
});
