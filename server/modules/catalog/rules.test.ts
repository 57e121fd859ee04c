import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keepWallClockDistance } from '../../kernel/time.ts';
import { clonedTimes, eventIssues, movedTimes, ticketTypeIssues } from './rules.ts';

const at = (hours: number) => new Date(Date.UTC(2027, 5, 1) + hours * 3_600_000);
const event = { startsAt: at(20), currency: 'EUR', visibility: 'public' } as const;
const codes = (more: object) => eventIssues({ ...event, ...more }).map((issue) => issue.code);

describe('an event', () => {
  it.each([
    [[], {}],
    [[], { endsAt: at(23), doorsAt: at(19), salesOpenAt: at(1), salesCloseAt: at(20) }],
    [['ends_before_start'], { endsAt: at(20) }],
    [['doors_after_start'], { doorsAt: at(21) }],
    [[], { doorsAt: at(20) }],
    [['closes_before_open'], { salesOpenAt: at(5), salesCloseAt: at(5) }],
    [['sale_after_event'], { salesOpenAt: at(20) }],
    [[], { salesOpenAt: at(20), endsAt: at(22) }],
    [['sale_after_event'], { salesCloseAt: at(21) }],
    [['required'], { visibility: 'scheduled' }],
    [['not_scheduled'], { publicAt: at(1) }],
  ])('finds %j', (expected, more) => {
    expect(codes(more)).toEqual(expected);
  });
});

describe('a ticket type', () => {
  const type = { name: 'A', price: { amount: 1, currency: 'EUR' }, capacity: 1 };
  const found = (more: object) =>
    ticketTypeIssues({ ...type, ...more }, { currency: 'EUR', endsAt: at(22) }, 'ticketTypes.0');

  it.each([
    [[], {}],
    [['ticketTypes.0.price.currency'], { price: { amount: 1, currency: 'USD' } }],
    [['ticketTypes.0.capacity'], { poolId: 'pool_x' }],
    [['ticketTypes.0.capacity'], { capacity: undefined }],
    [['ticketTypes.0.minPerOrder'], { minPerOrder: 3, maxPerOrder: 2 }],
    [['ticketTypes.0.minPerOrder'], { minPerOrder: 11 }],
    [['ticketTypes.0.salesOpenAt'], { salesOpenAt: at(22) }],
  ])('is wrong at %j', (expected, more) => {
    expect(found(more).map((issue) => issue.path)).toEqual(expected);
  });
});

describe('a clone', () => {
  it('keeps every distance on the wall clock, whatever the dates', () => {
    const hours = fc.integer({ min: -2_000, max: 2_000 });
    fc.assert(
      fc.property(hours, fc.integer({ min: 0, max: 400 }), (offset, days) => {
        const zone = 'Europe/Berlin';
        const startsAt = new Date(Date.UTC(2027, 2, 20, 19));
        const next = new Date(startsAt.getTime() + days * 86_400_000);
        const doorsAt = new Date(startsAt.getTime() + offset * 3_600_000);
        const moved = clonedTimes({ startsAt, doorsAt }, next, (time, from, to) =>
          keepWallClockDistance(time, from, to, zone),
        );
        const shift = (moved.doorsAt?.getTime() ?? 0) - next.getTime() - offset * 3_600_000;
        // A clock change may lie on either side, each an hour.
        expect(Math.abs(shift)).toBeLessThanOrEqual(2 * 3_600_000);
        expect(moved.endsAt).toBeNull();
      }),
    );
  });
});

describe('movedTimes', () => {
  const time = (iso: string) => new Date(`${iso}Z`);
  const now = time('2030-01-10T00:00');
  const event = {
    startsAt: time('2030-02-01T20:00'),
    endsAt: time('2030-02-01T23:00'),
    doorsAt: time('2030-02-01T19:00'),
    salesOpenAt: time('2030-01-01T10:00'),
    salesCloseAt: time('2030-02-01T20:00'),
    refundableUntil: time('2030-01-25T00:00'),
    publicAt: null,
  };
  const byDays = (days: number) => (at: Date) => new Date(at.getTime() + days * 86_400_000);

  it('moves what is to come, and leaves a sale open that has opened', () => {
    const moved = movedTimes(event, { startsAt: time('2030-03-03T20:00') }, now, byDays(30));
    expect(moved).toEqual({
      startsAt: time('2030-03-03T20:00'),
      endsAt: time('2030-03-03T23:00'),
      doorsAt: time('2030-03-03T19:00'),
      salesOpenAt: event.salesOpenAt,
      salesCloseAt: time('2030-03-03T20:00'),
      refundableUntil: time('2030-02-24T00:00'),
      publicAt: null,
    });
  });

  it('takes what is given, and never sells longer than the event lasts', () => {
    const given = { startsAt: time('2030-01-12T20:00'), endsAt: null, doorsAt: null };
    const moved = movedTimes(event, given, time('2030-02-02T00:00'), byDays(-20));
    expect(moved).toMatchObject({ endsAt: null, doorsAt: null, salesCloseAt: given.startsAt });
  });
});
