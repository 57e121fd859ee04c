import { describe, expect, it } from 'vitest';
import {
  isDelivered,
  isGone,
  nextWaitSeconds,
  quietSeconds,
  retryAfterSeconds,
} from './rules-schedule.ts';

const HOUR = 3_600;

describe('the schedule', () => {
  it('F13 is that of Standard Webhooks: ten attempts, then no more', () => {
    const waits = Array.from({ length: 10 }, (_, i) => nextWaitSeconds(i + 1, null, 0));
    expect(waits).toEqual([
      5,
      300,
      1_800,
      ...[2, 5, 10, 14, 20, 24].map((hours) => hours * HOUR),
      null,
    ]);
  });

  it('is spread by up to a tenth, never shortened', () => {
    expect(nextWaitSeconds(2, null, 0)).toBe(300);
    expect(nextWaitSeconds(2, null, 0.5)).toBeCloseTo(315);
    expect(nextWaitSeconds(2, null, 1)).toBeCloseTo(330);
  });

  it('waits longer where it is asked to, a day at most', () => {
    expect(nextWaitSeconds(1, 120, 0)).toBe(120);
    expect(nextWaitSeconds(3, 120, 0)).toBe(1_800);
    expect(nextWaitSeconds(1, 999_999_999, 0)).toBe(24 * HOUR);
    expect(nextWaitSeconds(10, 5, 0)).toBeNull();
  });
});

describe('Retry-After', () => {
  const now = new Date('2035-05-02T10:00:00Z');
  it.each([
    ['120', 120],
    [' 7 ', 7],
    ['Wed, 02 May 2035 10:01:00 GMT', 60],
    ['Wed, 02 May 2035 09:00:00 GMT', 0],
    ['soon', null],
    ['-5', null],
    ['', null],
  ])('%j is %j', (header, seconds) => {
    expect(retryAfterSeconds(header, now)).toBe(seconds);
  });

  it('may be missing', () => {
    expect(retryAfterSeconds(null, now)).toBeNull();
  });
});

describe('an endpoint', () => {
  it.each([
    ['fails for the first time', 500, null, 1, 0],
    ['asks for a pause', 429, 90, 1, 90],
    ['asks for a pause without saying how long', 503, null, 1, 5],
    ['asks for a pause of a year', 503, 31_536_000, 1, HOUR],
    ['says how long, but not that it is too much', 500, 90, 1, 0],
    ['does not answer, five times in a row', null, null, 5, 5],
    ['does not answer, seven times in a row', null, null, 7, 20],
    ['has failed a thousand times in a row', 500, null, 1_000, 300],
    ['asks for more than that', 429, 900, 1_000, 900],
  ])('that %s is left alone for so long', (_what, status, asked, inARow, seconds) => {
    expect(quietSeconds(status, asked, inARow)).toBe(seconds);
  });

  it('has taken a message with any 2xx, and is gone with 410', () => {
    const codes = [200, 201, 204, 299, 301, 302, 304, 400, 410, 500, null];
    expect(codes.filter(isDelivered)).toEqual([200, 201, 204, 299]);
    expect(codes.filter(isGone)).toEqual([410]);
  });
});
