import fc from 'fast-check';
import ICAL from 'ical.js';
import { describe, expect, it } from 'vitest';
import { calendarText } from './calendar-text.ts';
import type { Papers } from './read-papers.ts';

const at = (text: string) => new Date(text);

/** What the text reads; the rest of an order does not matter to a calendar. */
function papers(event: Record<string, unknown> = {}, places: readonly string[] = []): Papers {
  return {
    event: {
      name: 'Nachtschicht',
      startsAt: at('2035-05-02T18:00:00Z'),
      endsAt: at('2035-05-02T21:30:00Z'),
      doorsAt: at('2035-05-02T17:00:00Z'),
      timezone: 'Europe/Berlin',
      venueName: 'Halle Nord',
      status: 'published',
      version: 3,
      ...event,
    },
    order: { id: 'ord_00vtdzt3h1k4r00vtdzw2q5r8s1t4v7w0x3y6' },
    tickets: places.map((typeName) => ({ id: '', code: 'F1SECRET', typeName, seat: null })),
    // Not all of an order, but all that is read of it.
  } as unknown as Papers;
}

const MADE_AT = at('2035-01-01T12:00:00Z');

/** As a calendar program reads it that shares no code with us. */
function read(text: string) {
  const calendar = new ICAL.Component(ICAL.parse(text));
  const zone = calendar.getFirstSubcomponent('vtimezone');
  const entry = calendar.getFirstSubcomponent('vevent');
  if (!zone || !entry) throw new Error('no zone or no entry');
  const instantOf = (name: string): Date | null => {
    const value = entry.getFirstPropertyValue(name);
    if (!(value instanceof ICAL.Time)) return null;
    // In the zone of this very text: the program brings none along, and takes others as floating.
    const { tzid } = value.zone ?? {};
    expect(['UTC', zone.getFirstPropertyValue('tzid')]).toContain(tzid);
    return new Date(value.toUnixTime() * 1_000);
  };
  const word = (name: string) => entry.getFirstPropertyValue(name);
  return { calendar, entry, zone, instantOf, word };
}

describe('a calendar entry', () => {
  it('is read by another program with its times, words and numbers', () => {
    const text = calendarText(papers({}, ['Stalls', 'Standing']), MADE_AT);
    const { calendar, instantOf, word } = read(text);
    expect(calendar.getFirstPropertyValue('version')).toBe('2.0');
    expect(instantOf('dtstart')).toEqual(at('2035-05-02T18:00:00Z'));
    expect(instantOf('dtend')).toEqual(at('2035-05-02T21:30:00Z'));
    expect(word('summary')).toBe('Nachtschicht');
    expect(word('location')).toBe('Halle Nord');
    expect(word('uid')).toBe('ord_00vtdzt3h1k4r00vtdzw2q5r8s1t4v7w0x3y6');
    expect(word('sequence')).toBe(3);
    expect(word('status')).toBe('CONFIRMED');
    expect(String(word('dtstamp'))).toBe('2035-01-01T12:00:00Z');
    expect(word('description')).toBe(
      'Doors open at 19:00.\nStalls\nStanding\nOrder ord_00vtdzt3h1k4r00vtdzw2q5r8s1t4v7w0x3y6',
    );
    expect(text).toContain('DTSTART;TZID=Europe/Berlin:20350502T200000\r\n');
    expect(text).not.toContain('F1SECRET');
  });

  it('says what is not known by leaving it out, and a cancelled event by its status', () => {
    const bare = { endsAt: null, doorsAt: null, venueName: null, status: 'cancelled' };
    const { word, instantOf } = read(calendarText(papers(bare), MADE_AT));
    expect(instantOf('dtend')).toBeNull();
    expect(word('location')).toBeNull();
    expect(word('description')).toMatch(/^Order /);
    expect(word('status')).toBe('CANCELLED');
  });

  it('keeps any text, in lines of at most 75 octets that end with CR LF', () => {
    const unit = fc.constantFrom(
      'a',
      ' ',
      ',',
      ';',
      '\\',
      '\n',
      ':',
      '"',
      'ß',
      'Ж',
      '語',
      '🎫',
      'é',
    );
    fc.assert(
      fc.property(fc.string({ unit, minLength: 1, maxLength: 200, size: 'max' }), (name) => {
        const text = calendarText(papers({ name }), MADE_AT);
        expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
        const lines = text.split('\r\n');
        expect(lines.filter((line) => Buffer.byteLength(line) > 75)).toEqual([]);
        expect(lines.at(-1)).toBe('');
        expect(text).not.toContain('\ufffd');
        expect(read(text).word('summary')).toBe(name);
      }),
    );
  });
});

describe('its time zone', () => {
  /** With and without summer time, either hemisphere, half hours, changes of rule, far ahead. */
  const cases: readonly (readonly [zone: string, at: string])[] = [
    ['Europe/Berlin', '2035-01-15T19:00:00Z'],
    ['Europe/Berlin', '2035-07-15T18:00:00Z'],
    ['America/New_York', '2026-11-01T05:30:00Z'],
    ['America/New_York', '2026-11-01T06:30:00Z'],
    ['America/New_York', '2027-03-14T07:00:00Z'],
    ['Australia/Lord_Howe', '2027-01-01T09:00:00Z'],
    ['America/Sao_Paulo', '2018-12-31T23:00:00Z'],
    ['Asia/Kolkata', '2030-06-01T14:00:00Z'],
    ['Asia/Almaty', '2024-05-01T14:00:00Z'],
    ['Africa/Casablanca', '2026-03-01T20:00:00Z'],
    ['Europe/Dublin', '2026-12-01T20:00:00Z'],
    ['Pacific/Kiritimati', '2030-01-01T00:00:00Z'],
    ['Africa/Monrovia', '1960-01-01T20:00:00Z'],
    ['UTC', '2030-01-01T00:00:00Z'],
    ['US/Eastern', '2199-07-04T20:00:00Z'],
  ];

  it.each(cases)('%s at %s is the same instant again', (timezone, start) => {
    const startsAt = at(start);
    const endsAt = new Date(startsAt.getTime() + 3 * 3_600_000);
    const { instantOf, zone } = read(calendarText(papers({ timezone, startsAt, endsAt }), MADE_AT));
    expect(zone.getFirstPropertyValue('tzid')).toBe(timezone);
    expect(instantOf('dtstart')).toEqual(startsAt);
    expect(instantOf('dtend')).toEqual(endsAt);
  });

  it('has the changes of the year around: New York goes back once and forward once a year', () => {
    const timezone = 'America/New_York';
    const startsAt = at('2027-01-01T00:00:00Z');
    const { zone } = read(calendarText(papers({ timezone, startsAt, endsAt: null }), MADE_AT));
    const onsets = zone
      .getAllSubcomponents()
      .map((part) => `${part.name} ${part.getFirstPropertyValue('dtstart')}`);
    expect(onsets).toEqual([
      'standard 2025-11-02T02:00:00',
      'daylight 2026-03-08T02:00:00',
      'standard 2026-11-01T02:00:00',
      'daylight 2027-03-14T02:00:00',
      'standard 2027-11-07T02:00:00',
    ]);
  });
});
