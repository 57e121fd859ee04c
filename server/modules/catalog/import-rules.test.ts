import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requireEngine } from '../../../test/kit/requires.ts';
import { parseStrictJson } from '../../kernel/json.ts';
import { present } from '../../kernel/result.ts';
import type { ImportedEvent, ImportOptions, ImportRow } from './import-rules.ts';
import { readEvents } from './import-rules.ts';

const NEW_YORK = { timezone: 'America/New_York' };
const NO_ZONE = { timezone: null };

const CONCERT = {
  '@context': 'https://schema.org',
  '@type': 'MusicEvent',
  identifier: '14934-1',
  name: 'Mozart, Mahler',
  startDate: '2024-09-12T19:30:00',
};

/** The row of the concert with some properties changed. */
function read(changes: object, options: ImportOptions = NEW_YORK): ImportRow {
  return present(readEvents([{ ...CONCERT, ...changes }], options)[0], 'the row');
}

function taken(changes: object, options: ImportOptions = NEW_YORK) {
  const row = read(changes, options);
  if (row.outcome === 'skip') throw new Error(`skipped: ${row.code}: ${row.reason}`);
  return row;
}

/** `take` or the code of each row, in order. */
function outcomes(document: unknown, options: ImportOptions = NEW_YORK): string[] {
  return readEvents(document, options).map((row) => (row.outcome === 'take' ? 'take' : row.code));
}

describe('a concert', () => {
  it('is taken as it stands', () => {
    const { event, ...row } = taken({
      description: 'PIANO CONCERTO NO. 14; SYMPHONY NO.  5',
      doorTime: '2024-09-12T18:30:00',
      endDate: '2024-09-12T22:00:00',
      location: { '@type': 'Place', name: 'David Geffen Hall', address: 'Manhattan, NY' },
      superEvent: { '@type': 'EventSeries', name: 'Subscription Season 2024-25' },
    });
    const identifier = '14934-1';
    expect(row).toStrictEqual({ index: 0, identifier, outcome: 'take', offers: [], notes: [] });
    expect(event).toStrictEqual({
      name: 'Mozart, Mahler',
      description: 'PIANO CONCERTO NO. 14; SYMPHONY NO. 5',
      startsAt: new Date('2024-09-12T23:30:00Z'),
      endsAt: new Date('2024-09-13T02:00:00Z'),
      doorsAt: new Date('2024-09-12T22:30:00Z'),
      timezone: 'America/New_York',
      venueName: 'David Geffen Hall, Manhattan, NY',
      externalId: '14934-1',
      series: 'Subscription Season 2024-25',
    });
  });

  it('needs no more than a type, a name and a start', () => {
    const fields = ['name', 'description', 'startsAt', 'timezone', 'externalId'];
    expect(Object.keys(taken({ identifier: undefined }).event)).toEqual(fields);
  });
});

describe('the document', () => {
  it.each([
    ['an array', [CONCERT], 'take'],
    ['one object', CONCERT, 'take'],
    ['a graph', { '@context': 'https://schema.org', '@graph': [CONCERT] }, 'take'],
    ['an array of graphs', [{ '@graph': [CONCERT] }, { '@graph': [] }], 'take'],
    ['an array in an array', [[CONCERT]], 'take'],
    ['an empty array', [], ''],
    ['an empty graph', { '@graph': [] }, ''],
    ['an empty object', {}, 'not_an_event'],
    ['null', null, 'not_an_event'],
    ['rubbish', [1, null, CONCERT, 'x'], 'not_an_event not_an_event take not_an_event'],
  ])('%s is read', (_what, document, expected) => {
    expect(outcomes(document).join(' ')).toBe(expected);
  });

  it('is numbered through all graphs, to a bound of which the last row tells', () => {
    const rows = readEvents([{ '@graph': [CONCERT, {}] }, ...Array(20_010).fill({})], NEW_YORK);
    expect(rows.map((row) => row.index)).toEqual([...Array(20_001).keys()]);
    expect(rows.at(-1)).toMatchObject({ outcome: 'skip', code: 'too_many_items' });
  });

  it('may nest as deeply as it likes', () => {
    let deep: unknown = CONCERT;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(outcomes(deep)).toEqual(['not_an_event']);
    expect(taken({ location: deep, superEvent: deep, description: deep }).notes).toEqual([]);
  });

  it('may point with an @id to another item', () => {
    const hall = { '@type': 'Place', '@id': '#hall', name: 'Wigmore Hall', address: 'London' };
    const season = { '@type': 'EventSeries', '@id': '#season', name: 'Season 2026' };
    const concert = { ...CONCERT, location: { '@id': '#hall' }, superEvent: '#season' };
    const event = { venueName: 'Wigmore Hall, London', series: 'Season 2026' };
    expect(readEvents([hall, season, concert], NEW_YORK)[2]).toMatchObject({ event });
  });
});

const org = (name: string) => `https://schema.org/${name}`;

describe('an item', () => {
  it('may say "type" for "@type", as the schema.org context allows', () => {
    expect(read({ '@type': undefined, type: 'Event' }).outcome).toBe('take');
  });

  it.each<[string, string, unknown[]]>([
    ['take', '@type', ['Event', 'MusicEvent', 'TheaterEvent', 'Festival', 'ComedyEvent']],
    ['take', '@type', ['SportsEvent', org('MusicEvent'), 'http://schema.org/Event']],
    ['take', '@type', ['schema:Hackathon', ['Thing', org('Festival')], { '@id': 'Event' }]],
    ['not_an_event', '@type', ['Place', 'MusicGroup', 'EventReservation', 'UserComments', 'event']],
    ['not_an_event', '@type', ['http://example.org/Event', '', null, 7, [], [['Event']], {}]],
    ['cancelled', 'eventStatus', [org('EventCancelled'), 'http://schema.org/EventCancelled']],
    ['cancelled', 'eventStatus', ['schema:EventCancelled', 'EventCancelled', 'canceled']],
    ['cancelled', 'eventStatus', [{ '@id': org('EventCancelled') }, ['x', 'EventCancelled']]],
    ['postponed', 'eventStatus', [org('EventPostponed'), 'postponed']],
    ['take', 'eventStatus', ['EventScheduled', 'EventRescheduled', '', null, 7, {}]],
    ['no_name', 'name', [undefined, null, '', '   ', '\u0000\u200b', {}, [], [[]], true]],
    ['no_name', 'name', [{ '@value': null }, [{ '@value': {} }]]],
    ['name_too_long', 'name', ['n'.repeat(201), '🎭'.repeat(101)]],
    ['no_start_time', 'startDate', ['2024-09-12', ['2024-09-12'], { '@value': '2024-09-12' }]],
    ['no_start_date', 'startDate', [undefined, null, '', [], {}]],
    ['bad_start_date', 'startDate', ['tomorrow', '2024-09', '12.09.2024 19:30', 1726183800000]],
    ['bad_start_date', 'startDate', ['2024-02-30', '2024-02-30T19:30:00', '2024-09-12T24:00:00']],
    ['bad_start_date', 'startDate', ['0000-09-12T19:30:00Z', '2024-09-12T19:30:00+99:00']],
    ['several_start_dates', 'startDate', [['2024-09-12T19:30:00', '2024-09-13T19:30:00']]],
    ['start_in_dst_gap', 'startDate', ['2024-03-10T02:30:00', '2024-03-10T02:00']],
    ['end_before_start', 'endDate', ['2024-09-12T19:29:00', '2024-09-11', '2024-09-12T19:30:00Z']],
  ])('is %s by its %s', (code, property, values) => {
    const found = values.map((value) => outcomes({ ...CONCERT, [property]: value })[0]);
    expect(found).toEqual(values.map(() => code));
  });

  const street = { streetAddress: '7 S. Broadway', addressLocality: 'Denver', addressRegion: 'CO' };
  const address = 'too long to be shown '.repeat(20);
  const abroad = { ...street, addressCountry: { name: 'US' } };
  const online = { '@type': 'VirtualLocation', url: org('live') };

  it.each<[keyof ImportedEvent, string | undefined, string, unknown[]]>([
    ['startsAt', '2024-09-12T23:30:00.000Z', 'startDate', ['2024-09-12T19:30', '2024-09-12 19:30']],
    ['startsAt', '2024-09-12T23:30:00.000Z', 'startDate', [' 2024-09-12T23:30Z ']],
    ['startsAt', '2024-09-12T23:30:00.000Z', 'startDate', [{ '@value': '2024-09-13T01:30+02:00' }]],
    ['startsAt', '2024-09-13T00:30:00.000Z', 'startDate', ['2024-09-12T19:30:00-0500']],
    ['endsAt', '2025-01-01T06:00:00.000Z', 'endDate', ['2025-01-01T01:00', '2025-01-01T06:00Z']],
    ['doorsAt', '2024-09-12T22:30:00.000Z', 'doorTime', ['18:30', '18:30:00', '18:30:00-04:00']],
    ['doorsAt', '2024-09-12T22:30:00.000Z', 'doorTime', ['2024-09-12T18:30', '2024-09-12T22:30Z']],
    ['doorsAt', '2024-09-12T23:30:00.000Z', 'doorTime', ['19:30']],
    ['name', 'a b c', 'name', ['  a   b\n\tc  ', 'a\u00a0b\u2003c', 'a \u0007 b c']],
    ['name', 'Dvořák', 'name', ['Dvor\u030ca\u0301k', { '@value': 'Dvořák', '@language': 'cs' }]],
    ['name', 'abc', 'name', ['a\u0000b\u009fc', '\ud800abc', 'a\u200bbc\ufeff', [null, 'abc']]],
    ['name', 'abc', 'name', ['\u202eabc\u202c', '\u2066a\u200fbc\u2069', [{ '@value': 'abc' }]]],
    ['name', '👩‍🎤 <b>Tom &amp; Jerry</b>', 'name', ['👩‍🎤  <b>Tom &amp; Jerry</b>']],
    ['name', '1984', 'name', [1984]],
    ['name', 'n'.repeat(200), 'name', [` ${'n'.repeat(200)} `]],
    ['venueName', 'Albert Hall', 'location', ['Albert  Hall', { name: 'Albert Hall' }]],
    ['venueName', 'Hall', 'location', [[online, { name: 'Hall' }], { name: 'Hall', address }]],
    ['venueName', 'Hall', 'location', [{ name: 'Hall', address: 'Hall' }]],
    ['venueName', 'Online', 'location', [online, [online, online]]],
    ['venueName', 'Dive, Denver, CO', 'location', [{ name: 'Dive', address: street }]],
    ['venueName', '7 S. Broadway, Denver, CO', 'location', [{ address: [street] }]],
    ['venueName', '7 S. Broadway, Denver, CO, US', 'location', [{ address: abroad }]],
    ['venueName', 'Yorkshire, York', 'location', [{ name: 'Yorkshire', address: 'York' }]],
    ['venueName', 'Centre, CZ', 'location', [{ name: 'Centre', addressCountry: 'CZ' }]],
    ['venueName', undefined, 'location', [undefined, null, '', [], {}, { '@id': '#x' }, true]],
    ['series', 'S 24', 'superEvent', ['S 24', { name: 'S  24' }, [{ name: 'S 24' }, 'Tour']]],
    ['series', undefined, 'superEvent', ['http://olympic.org/games', { '@id': '#x' }, 7, {}]],
    ['externalId', '7', 'identifier', [' 7 ', 7, [{}, '7'], { propertyID: 'nyp', value: '7' }]],
  ])('has the %s %j by its %s', (field, expected, property, values) => {
    const found = values.map((value) => {
      const { event, notes } = taken({ [property]: value });
      expect(notes).toEqual([]);
      return event[field] instanceof Date ? event[field].toISOString() : event[field];
    });
    expect(found).toEqual(values.map(() => expected));
  });

  it.each<[string, string, unknown[]]>([
    ['endDate', 'has no time; left out', ['2024-09-12', '2024-09-20']],
    ['endDate', '; left out', ['late', '2024-09-12T19:30:00', '2025-03-09T02:30:00', ['1', '2']]],
    ['doorTime', 'is after the start; left out', ['19:31', '2024-09-13T18:30:00']],
    ['doorTime', '; left out', ['early', '25:00', '2024-09-12']],
  ])('notes of its %s: %s', (property, said, values) => {
    for (const value of values) {
      const { event, notes } = taken({ [property]: value });
      expect(notes).toEqual([expect.stringMatching(new RegExp(`^${property}: .*${said}`))]);
      expect(event).not.toHaveProperty(property === 'endDate' ? 'endsAt' : 'doorsAt');
    }
  });
});

describe('the time zone', () => {
  it('makes a time exist once, never or twice', () => {
    const reason = expect.stringContaining('2024-03-10T03:30:00-04:00');
    expect(read({ startDate: '2024-03-10T02:30:00' })).toMatchObject({ reason });
    const { event, notes } = taken({ startDate: '2024-11-03T01:30:00' });
    expect(event.startsAt.toISOString()).toBe('2024-11-03T05:30:00.000Z');
    expect(notes).toEqual([expect.stringMatching(/^startDate: .*happens twice/)]);
  });

  it('must be given, and checked, for a time without an offset', () => {
    expect(read({}, NO_ZONE)).toMatchObject({ code: 'timezone_required' });
    expect(read({ startDate: '2024-09-12' }, NO_ZONE)).toMatchObject({ code: 'no_start_time' });
    expect(() => readEvents([], { timezone: '+02:00' })).toThrow(/time zone/);
  });

  it('is not needed with an offset: the instant is right, and is shown in UTC', () => {
    const row = taken({ startDate: '2024-09-12T19:30:00+02:00' }, NO_ZONE);
    expect(row.event).toMatchObject({ startsAt: new Date('2024-09-12T17:30Z'), timezone: 'UTC' });
    expect(row.notes).toEqual([expect.stringContaining('UTC')]);
  });
});

describe('a description', () => {
  it('is cut at a word, with a note, and never through a surrogate pair', () => {
    const [whole, emoji] = ['words '.repeat(833).trim(), '🎭'.repeat(4_000)];
    expect(taken({ description: whole })).toMatchObject({
      notes: [],
      event: { description: whole },
    });
    for (const description of [`${whole} ${whole}`, emoji, `x${emoji}`]) {
      const { event, notes } = taken({ description });
      expect(event.description).toMatch(/^(words )*words…$|^x?(🎭)+…$/u);
      expect(event.description.length).toBeGreaterThan(4_990);
      expect(event.description.length).toBeLessThanOrEqual(5_000);
      expect(notes).toEqual(['description: cut to 5000 characters']);
    }
  });

  it('of accents without end costs little', () => {
    const before = performance.now();
    const { event } = taken({ description: `a${'\u0301\u0323'.repeat(1_000_000)}` });
    expect(event.description.length).toBeLessThanOrEqual(31);
    expect(performance.now() - before).toBeLessThan(250);
  });
});

describe('the offers', () => {
  it.each<[string, unknown, string[]]>([
    ['13.00', { '@type': 'Offer', price: '13.00', priceCurrency: 'USD' }, ['null 1300 USD']],
    ['63.25', { name: ' Stalls ', price: 63.25, priceCurrency: 'EUR' }, ['Stalls 6325 EUR']],
    ['nothing', [{ name: 'Free', price: 0, priceCurrency: 'JPY' }], ['Free 0 JPY']],
    ['none', [{ '@type': 'Offer', url: 'https://example.org' }, 'ticketmaster.com', 7, null], []],
    ['a comma', { price: '1,299', priceCurrency: 'USD' }, ['offers: 1,299 USD is no price']],
    ['half a yen', { price: '12.5', priceCurrency: 'JPY' }, ['offers: 12.5 JPY is no price']],
    ['dollars', { price: '12', priceCurrency: 'dollars' }, ['offers: 12 dollars is no price']],
    ['a bare price', { price: '12' }, ['offers: 12 (no currency) is no price']],
    ['a range', { lowPrice: '35' }, ['offers: a range of prices is not imported']],
  ])('with %s', (_what, offers, expected) => {
    const row = taken({ offers });
    const prices = row.offers.map((one) => `${one.name} ${one.price.amount} ${one.price.currency}`);
    expect([...prices, ...row.notes]).toEqual(expected);
  });

  it('are read to a bound', () => {
    const { offers, notes } = taken({
      offers: Array(99).fill({ price: '1', priceCurrency: 'EUR' }),
    });
    expect([offers.length, notes]).toEqual([50, ['offers: only the first 50 of 99 were read']]);
  });
});

describe('the identifier', () => {
  it('may be the @id', () => {
    expect(taken({ '@id': org('x'), identifier: undefined }).identifier).toBe(org('x'));
    expect(taken({ '@id': org('x') }).identifier).toBe('14934-1');
  });

  it('is derived where there is none, the same at each import, and noted', () => {
    const row = taken({ identifier: '' });
    expect(row.event.externalId).toMatch(/^derived-[0-9a-f]{32}$/);
    expect(row.notes).toEqual([expect.stringMatching(/^identifier: /)]);
    // A wrong zone at the first import must not make a second event of it at the next.
    const berlin = { timezone: 'Europe/Berlin' };
    expect(taken({ identifier: 'x'.repeat(201) }, berlin).identifier).toBe(row.identifier);
    expect(taken({ identifier: {}, '@id': '_:b0' }).identifier).toBe(row.identifier);
    for (const other of [{ name: 'x' }, { startDate: '2024-09-13T19:30' }, { location: 'x' }]) {
      expect(taken({ identifier: null, ...other }).identifier).not.toBe(row.identifier);
    }
  });

  it('is taken once, and by a row that is taken', () => {
    const { identifier: _, ...nameless } = CONCERT;
    const cancelled = { ...CONCERT, eventStatus: 'EventCancelled' };
    const rows = readEvents([cancelled, CONCERT, { ...CONCERT, name: 'Another' }], NEW_YORK);
    expect(rows.map((row) => row.outcome)).toEqual(['skip', 'take', 'skip']);
    expect(rows[2]).toMatchObject({ reason: 'row 1 has the same identifier' });
    expect(outcomes([nameless, nameless])).toEqual(['take', 'duplicate_identifier']);
  });
});

describe('any JSON', () => {
  const odd = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' });
  const texts = fc.constantFrom(
    ...['', 'Event', 'EventCancelled', '2024-09-12', '2024-09-12T19:30', '2024-03-10T02:30'],
    ...['2024-11-03T01:30Z', '18:30', '13.00', 'USD', '_:b0', '__proto__', '\ud800', '\u0000'],
  );
  const keys = fc.constantFrom(
    ...['@type', 'type', '@id', '@value', '@graph', 'name', 'startDate', 'endDate', 'doorTime'],
    ...['location', 'address', 'offers', 'price', 'priceCurrency', 'identifier', 'value'],
    ...['eventStatus', 'superEvent', 'description', 'addressLocality', 'constructor', '__proto__'],
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 5 }, texts, odd, tie('list'), tie('node')),
    list: fc.array(tie('tree'), { maxLength: 4 }),
    node: fc.dictionary(keys, tie('tree'), { maxKeys: 8 }),
  }));
  const almost = fc
    .tuple(fc.dictionary(keys, tree, { maxKeys: 5 }), fc.constantFrom('Event', 'Festival'))
    .map(([node, type]) => ({ ...CONCERT, ...node, '@type': type }));

  function check(row: ImportRow): void {
    expect(row.outcome === 'skip' ? row.reason : 'fine').toMatch(/^.{4,400}$/u);
    if (row.outcome === 'skip') return;
    const { name, description, startsAt, endsAt, doorsAt, venueName, series } = row.event;
    expect(name).toMatch(/^.{1,200}$/u);
    expect(description).toMatch(/^.{0,5000}$/u);
    expect(startsAt.toISOString()).toMatch(/^(?:1899|19|2\d)/);
    if (endsAt) expect(endsAt.getTime()).toBeGreaterThan(startsAt.getTime());
    if (doorsAt) expect(doorsAt.getTime()).toBeLessThanOrEqual(startsAt.getTime());
    // What PostgreSQL or a page would choke on.
    const texts = [name, description, venueName, series, row.identifier].join('');
    expect(texts).not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e]/u);
  }

  it('becomes rows, each complete, and never an exception', () => {
    const documents = fc.oneof(odd, tree, fc.array(almost, { maxLength: 3 }));
    const seen = { take: 0, skip: 0 };
    fc.assert(
      fc.property(documents, fc.constantFrom(NEW_YORK, NO_ZONE), (document, options) => {
        for (const row of readEvents(document, options)) {
          check(row);
          seen[row.outcome]++;
        }
      }),
      { numRuns: 3_000 },
    );
    expect(Math.min(seen.take, seen.skip)).toBeGreaterThan(100);
  });
});

const DATA = requireEngine('data');
/** A season's file is large for a request; whoever imports one sets wider bounds. */
const FILE_LIMITS = { maxDepth: 32, maxMembers: 1_000_000 };

function realFile(path: string): unknown {
  const parsed = parseStrictJson(readFileSync(join(DATA ?? '', path), 'utf8'), FILE_LIMITS);
  if (!parsed.ok) throw new Error(parsed.refusal.detail);
  return parsed.value;
}

describe.skipIf(DATA === undefined)('real files', () => {
  it('the New York Philharmonic since 2024: 252 concerts, two without a time', () => {
    const file = realFile('events/nyphil-2024-now.jsonld');
    const rows = readEvents(file, NEW_YORK);
    expect(rows).toHaveLength(252);
    const skipped = outcomes(file).filter((outcome) => outcome !== 'take');
    expect(skipped).toEqual(['no_start_time', 'no_start_time']);
    expect([...new Set(outcomes(file, NO_ZONE))]).toEqual(['timezone_required', 'no_start_time']);
    expect(rows.flatMap((row) => (row.outcome === 'take' ? row.notes : []))).toEqual([]);
    const event = {
      startsAt: new Date('2024-09-12T23:30:00Z'),
      venueName: 'David Geffen Hall, Manhattan, NY',
      series: 'Subscription Season 2024-25',
      description: expect.stringContaining('SYMPHONY NO. 5 IN C SHARP MINOR'),
    };
    expect(rows[0]).toMatchObject({ identifier: '14934-1', event });
  });

  it('the New York Philharmonic from 2004 to 2011: 1,522 concerts, 14 without a time', () => {
    const rows = readEvents(realFile('events/nyphil-2004-2011.jsonld'), NEW_YORK);
    const events = rows.flatMap((row) => (row.outcome === 'take' ? [row.event] : []));
    const codes = rows.flatMap((row) => (row.outcome === 'skip' ? [row.code] : []));
    expect(codes).toEqual(Array(14).fill('no_start_time'));
    expect(new Set(events.map((event) => event.externalId)).size).toBe(1_522 - 14);
    expect(events.filter((event) => / {2}/.test(JSON.stringify(event)))).toEqual([]);
    expect(events.filter((event) => event.name.includes('Antonín')).length).toBeGreaterThan(0);
  });

  it('schema.org’s own examples', () => {
    // 51 examples, three of them lists: 55 rows, most of them places, actions and reservations.
    const file = realFile('schemaorg/event-ticket-examples.jsonld.json');
    const found = outcomes(file).filter((outcome) => outcome !== 'not_an_event');
    expect(found.sort()).toEqual([
      ...['cancelled', 'duplicate_identifier', 'no_name', ...Array(9).fill('no_start_date')],
      ...[...Array(4).fill('no_start_time'), ...Array(14).fill('take')],
    ]);
    expect(outcomes(file)).toHaveLength(55);
    const doorsAt = new Date('2014-04-12T22:30:00Z');
    const offers = [{ price: { amount: 6325, currency: 'USD' } }, { name: 'VIP Experience' }];
    expect(readEvents(file, NEW_YORK)[35]).toMatchObject({ event: { doorsAt }, offers });
  });
});
