import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatLocal,
  isTimeZone,
  keepWallClockDistance,
  localToInstant,
  offsetChanges,
  offsetSecondsAt,
  parseInstant,
  parseLocal,
  toRfc3339,
} from './time.ts';

const ZONES = [
  'UTC',
  'America/New_York',
  'Europe/Berlin',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'Africa/Monrovia',
];

describe('isTimeZone', () => {
  it.each([
    'UTC',
    'Europe/Berlin',
    'America/Argentina/Buenos_Aires',
    'America/Port-au-Prince',
    'Etc/GMT+5',
    'Europe/Kyiv',
    'Europe/Kiev',
    'US/Eastern',
    'Asia/Calcutta',
    'GB',
    'EST5EDT',
  ])('knows %s', (name) => {
    expect(isTimeZone(name)).toBe(true);
  });

  it.each([
    '',
    ' ',
    '+02:00',
    '-05:00',
    '+02',
    '+0200',
    '−05:00',
    'UTC+1',
    'Berlin',
    'Europe/Atlantis',
    'Europe/Berlin ',
    'Europe/Berlin\u0000',
    '2024-01-01T00:00[Europe/Berlin]',
    '../etc/localtime',
    'constructor',
    'Etc/Unknown',
    'E'.repeat(65),
  ])('refuses %j', (name) => {
    expect(isTimeZone(name)).toBe(false);
  });

  it('knows every zone the engine lists', () => {
    const zones = Intl.supportedValuesOf('timeZone');
    expect(zones.length).toBeGreaterThan(400);
    expect(zones.filter((zone) => !isTimeZone(zone))).toEqual([]);
  });

  it('answers for any text without a fault', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void isTimeZone(text)));
  });
});

describe('parseInstant', () => {
  it.each([
    ['2026-07-01T20:00:00Z', '2026-07-01T20:00:00.000Z'],
    ['2026-07-01t20:00:00z', '2026-07-01T20:00:00.000Z'],
    ['2026-07-01T20:00:00+02:00', '2026-07-01T18:00:00.000Z'],
    ['2026-07-01T20:00:00-05:30', '2026-07-02T01:30:00.000Z'],
    ['2026-07-01T20:00:00-00:00', '2026-07-01T20:00:00.000Z'],
    ['2026-07-01T20:00:00.5Z', '2026-07-01T20:00:00.500Z'],
    ['2026-07-01T20:00:00.123999999Z', '2026-07-01T20:00:00.123Z'],
    ['1960-07-01T20:00:00.123999999Z', '1960-07-01T20:00:00.123Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000Z'],
    ['2026-01-01T00:00:00+14:00', '2025-12-31T10:00:00.000Z'],
    ['2026-01-01T00:00:00-14:00', '2026-01-01T14:00:00.000Z'],
    ['1900-01-01T00:00:00Z', '1900-01-01T00:00:00.000Z'],
    ['2200-12-31T23:59:59.999Z', '2200-12-31T23:59:59.999Z'],
  ])('%s is %s', (text, expected) => {
    expect(parseInstant(text)?.toISOString()).toBe(expected);
  });

  it.each([
    '',
    'now',
    '2026-07-01',
    '2026-07-01T20:00:00',
    '2026-07-01T20:00Z',
    '2026-07-01 20:00:00Z',
    '2026-07-01T20:00:00+0200',
    '2026-07-01T20:00:00+02',
    '2026-07-01T20:00:00+14:01',
    '2026-07-01T20:00:00-14:30',
    '2026-07-01T20:00:00+24:00',
    '2026-07-01T20:00:00+02:60',
    '2026-07-01T20:00:00.Z',
    '2026-07-01T20:00:00,5Z',
    '2026-02-30T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-07-01T24:00:00Z',
    '2026-07-01T20:60:00Z',
    '2016-12-31T23:59:60Z',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '10000-01-01T00:00:00Z',
    '+002026-07-01T20:00:00Z',
    '-2026-07-01T20:00:00Z',
    '1899-12-31T23:59:59Z',
    '2201-01-01T00:00:00Z',
    '1900-01-01T00:00:00+01:00',
    ' 2026-07-01T20:00:00Z',
    '2026-07-01T20:00:00Z\n',
    '2026-07-01T20:00:00Z[UTC]',
    '２０２６-07-01T20:00:00Z',
  ])('refuses %j', (text) => {
    expect(parseInstant(text)).toBeNull();
  });

  it('refuses a fraction without end', () => {
    expect(parseInstant(`2026-07-01T20:00:00.${'0'.repeat(100_000)}Z`)).toBeNull();
  });

  it('reads the shorter forms of ISO 8601 only when asked to', () => {
    expect(parseInstant('2025-07-21T19:00-05:00')).toBeNull();
    const read = (text: string) => parseInstant(text, 'iso8601')?.toISOString() ?? null;
    expect(read('2025-07-21T19:00-05:00')).toBe('2025-07-22T00:00:00.000Z');
    expect(read('2025-07-21T19:00-0500')).toBe('2025-07-22T00:00:00.000Z');
    expect(read('2025-07-21 19:00:30-05')).toBe('2025-07-22T00:00:30.000Z');
    expect(read('2020-07-24T16:00Z')).toBe('2020-07-24T16:00:00.000Z');
    expect(read('2025-07-21T19:00')).toBeNull();
    expect(read('2025-07-21T19:00-1500')).toBeNull();
  });

  it('reads back what it is given by toRfc3339, in every zone, to the millisecond', () => {
    const instants = fc.date({
      min: new Date('1900-01-01T00:00:00Z'),
      max: new Date('2200-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(instants, fc.constantFrom(...ZONES), (instant, zone) => {
        expect(parseInstant(toRfc3339(instant, zone))).toEqual(instant);
      }),
    );
  });

  it('agrees with Date on every text that it accepts', () => {
    const digits = (max: number) => fc.nat(max).map((n) => String(n).padStart(2, '0'));
    const texts = fc
      .tuple(fc.integer({ min: 1890, max: 2210 }), digits(14), digits(33), digits(25), digits(61))
      .map(([y, mo, d, h, mi]) => `${y}-${mo}-${d}T${h}:${mi}:00Z`);
    fc.assert(
      fc.property(texts, (text) => {
        const instant = parseInstant(text);
        if (instant) expect(instant.toISOString()).toBe(text.replace('Z', '.000Z'));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('parseLocal', () => {
  it.each([
    ['2026-07-01', { date: '2026-07-01', time: null }],
    ['2026-07-01T20:00', { date: '2026-07-01', time: '20:00:00' }],
    ['2026-07-01 20:00:05', { date: '2026-07-01', time: '20:00:05' }],
    ['2026-07-01T20:00:05.25', { date: '2026-07-01', time: '20:00:05.250' }],
    ['2026-07-01T20:00:05.0009', { date: '2026-07-01', time: '20:00:05' }],
  ])('%s is %j', (text, expected) => {
    expect(parseLocal(text)).toEqual(expected);
  });

  it.each([
    '',
    '2026-07-01T20:00Z',
    '2026-07-01T20:00+02:00',
    '2026-07',
    '2026-W27-3',
    '2026-02-30',
    '2026-02-30T20:00',
    '2026-07-01T24:00',
    '2016-12-31T23:59:60',
    '2026-07-01T20',
    '1899-12-31',
    '2201-01-01',
    '2026-07-01T',
  ])('refuses %j', (text) => {
    expect(parseLocal(text)).toBeNull();
  });
});

describe('localToInstant', () => {
  const at = (text: string, zone: string) => {
    const [date = '', time = ''] = text.split('T');
    const found = localToInstant({ date, time }, zone);
    return { ...found, instant: found.instant.toISOString() };
  };

  it('finds the one instant of an ordinary time, and has nothing to say', () => {
    expect(at('2024-09-12T19:30:00', 'America/New_York')).toEqual({
      kind: 'exact',
      instant: '2024-09-12T23:30:00.000Z',
      note: null,
    });
  });

  it('reports a time that the clocks jump over, with the time shifted by the jump', () => {
    const found = at('2026-03-08T02:30:00', 'America/New_York');
    expect(found.kind).toBe('gap');
    expect(found.instant).toBe('2026-03-08T07:30:00.000Z');
    expect(found.note).toBe(
      '2026-03-08 02:30 does not exist in America/New_York: the clocks go forward there; ' +
        'shifted, it is 2026-03-08T03:30:00-04:00',
    );
  });

  it('takes the earlier of a time that happens twice, and says so', () => {
    const found = at('2026-11-01T01:30:00', 'America/New_York');
    expect(found.kind).toBe('overlap');
    expect(found.instant).toBe('2026-11-01T05:30:00.000Z');
    expect(found.note).toBe(
      '2026-11-01 01:30 happens twice in America/New_York: the clocks go back there; ' +
        'the earlier was taken, 2026-11-01T01:30:00-04:00',
    );
  });

  it.each([
    // The first and last minute of both changes in Berlin, 2026.
    ['2026-03-29T01:59:00', 'Europe/Berlin', 'exact'],
    ['2026-03-29T02:00:00', 'Europe/Berlin', 'gap'],
    ['2026-03-29T02:59:59', 'Europe/Berlin', 'gap'],
    ['2026-03-29T03:00:00', 'Europe/Berlin', 'exact'],
    ['2026-10-25T01:59:59', 'Europe/Berlin', 'exact'],
    ['2026-10-25T02:00:00', 'Europe/Berlin', 'overlap'],
    ['2026-10-25T02:59:59', 'Europe/Berlin', 'overlap'],
    ['2026-10-25T03:00:00', 'Europe/Berlin', 'exact'],
    // Half an hour of daylight saving, and a day that never was.
    ['2026-10-04T02:15:00', 'Australia/Lord_Howe', 'gap'],
    ['2026-10-04T02:30:00', 'Australia/Lord_Howe', 'exact'],
    ['2011-12-30T12:00:00', 'Pacific/Apia', 'gap'],
    ['2026-03-29T02:30:00', 'UTC', 'exact'],
  ])('%s in %s: %s', (text, zone, kind) => {
    expect(at(text, zone).kind).toBe(kind);
  });

  it('undoes toRfc3339 except in the second half of an overlap', () => {
    const instants = fc.date({
      min: new Date('1975-01-01T00:00:00Z'),
      max: new Date('2100-01-01T00:00:00Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(instants, fc.constantFrom(...ZONES), (instant, zone) => {
        const text = toRfc3339(instant, zone);
        const local = parseLocal(text.slice(0, -6));
        if (!local?.time) throw new Error(`not a local time: ${text}`);
        const found = localToInstant({ date: local.date, time: local.time }, zone);
        expect(found.kind).not.toBe('gap');
        if (found.kind === 'exact') expect(found.instant).toEqual(instant);
        else expect(found.instant.getTime()).toBeLessThanOrEqual(instant.getTime());
      }),
    );
  });

  it('takes a zone or a time that was never checked for a bug', () => {
    expect(() => at('2026-07-01T20:00:00', '+02:00')).toThrow(/time zone/);
    expect(() => at('2026-02-30T20:00:00', 'UTC')).toThrow(/local time/);
    expect(() => at('2026-02-20', 'UTC')).toThrow(/local time/);
  });
});

describe('toRfc3339', () => {
  it.each([
    ['2026-07-01T18:00:00Z', 'Europe/Berlin', '2026-07-01T20:00:00+02:00'],
    ['2026-07-01T18:00:00Z', 'America/New_York', '2026-07-01T14:00:00-04:00'],
    ['2026-01-01T18:00:00Z', 'America/St_Johns', '2026-01-01T14:30:00-03:30'],
    ['2026-01-01T18:00:00Z', 'Asia/Kathmandu', '2026-01-01T23:45:00+05:45'],
    ['2026-01-01T18:00:00Z', 'UTC', '2026-01-01T18:00:00+00:00'],
    ['2026-01-01T18:00:00.250Z', 'UTC', '2026-01-01T18:00:00.250+00:00'],
    ['2026-01-01T10:00:00Z', 'Pacific/Kiritimati', '2026-01-02T00:00:00+14:00'],
  ])('%s in %s is %s', (instant, zone, expected) => {
    expect(toRfc3339(new Date(instant), zone)).toBe(expected);
  });

  it('keeps the instant where the offset has seconds, which RFC 3339 cannot write', () => {
    // Liberia stood at -00:44:30 until 1972.
    expect(toRfc3339(new Date('1970-01-01T00:00:00Z'), 'Africa/Monrovia')).toBe(
      '1969-12-31T23:16:00-00:44',
    );
  });

  it('takes an invalid date for a bug', () => {
    expect(() => toRfc3339(new Date(Number.NaN), 'UTC')).toThrow(/instant/);
    expect(() => toRfc3339(new Date(0), 'Mars/Olympus')).toThrow(/time zone/);
  });
});

describe('formatLocal', () => {
  const plain = (text: string) => text.replace(/\s/g, ' ');

  it('shows the day, the hour and the zone where the event is, in the reader’s language', () => {
    const instant = new Date('2026-12-31T19:00:00Z');
    expect(plain(formatLocal(instant, 'Europe/Berlin', 'en-GB'))).toMatch(
      /^Thursday,? 31 December 2026 at 20:00 CET$/,
    );
    expect(plain(formatLocal(instant, 'America/New_York', 'en-US'))).toBe(
      'Thursday, December 31, 2026 at 2:00 PM EST',
    );
    expect(plain(formatLocal(instant, 'Europe/Berlin', 'de'))).toBe(
      'Donnerstag, 31. Dezember 2026 um 20:00 MEZ',
    );
  });

  it('crosses the date line', () => {
    const instant = new Date('2026-12-31T19:00:00Z');
    expect(formatLocal(instant, 'Pacific/Kiritimati', 'en')).toContain('January 1, 2027');
  });
});

describe('keepWallClockDistance', () => {
  const move = (time: string, from: string, to: string) =>
    keepWallClockDistance(new Date(time), new Date(from), new Date(to), 'Europe/Berlin');

  it('keeps doors at 19:00 when the night moves over a change of the clocks', () => {
    const doors = move('2026-07-01T17:00:00Z', '2026-07-01T18:00:00Z', '2026-12-01T19:00:00Z');
    expect(doors).toEqual(new Date('2026-12-01T18:00:00Z'));
  });

  it('counts days on the calendar, not in hours', () => {
    // A sale that closes the noon before; between noon and evening lies the change.
    const close = move('2026-10-23T10:00:00Z', '2026-10-24T18:00:00Z', '2026-10-25T19:00:00Z');
    expect(close).toEqual(new Date('2026-10-24T10:00:00Z'));
  });

  it('goes on by the jump where the clocks jump over the time', () => {
    const late = move('2026-03-22T01:30:00Z', '2026-03-21T19:00:00Z', '2026-03-28T19:00:00Z');
    expect(late).toEqual(new Date('2026-03-29T01:30:00Z'));
  });
});

describe('offsetChanges', () => {
  const STEP_MS = 6 * 3_600_000;
  const span = [Date.UTC(2011, 6, 1), Date.UTC(2012, 6, 1)] as const;

  it.each(ZONES)('%s: finds each change that looking every six hours finds', (timezone) => {
    const seen: string[] = [];
    for (let at = span[0]; at + STEP_MS <= span[1]; at += STEP_MS) {
      const [from, to] = [at, at + STEP_MS].map((ms) => offsetSecondsAt(new Date(ms), timezone));
      if (from !== to) seen.push(`${from} ${to}`);
    }
    const told = offsetChanges(timezone, new Date(span[0]), new Date(span[1]));
    const within = told.filter(({ at }) => at.getTime() > span[0]);
    expect(within.map(({ fromSeconds, toSeconds }) => `${fromSeconds} ${toSeconds}`)).toEqual(seen);
    expect(told.length - within.length).toBeLessThanOrEqual(1);
  });

  it('tells the instant, and the last change before', () => {
    const around = (text: string) => offsetChanges('Europe/Berlin', new Date(text), new Date(text));
    const change = { fromSeconds: 3_600, toSeconds: 7_200 };
    expect(around('2026-03-29T01:00:00Z')).toEqual([
      { at: new Date('2026-03-29T01:00:00Z'), ...change },
    ]);
    expect(around('2026-06-01T00:00:00Z')).toEqual(around('2026-03-29T01:00:00Z'));
  });
});
