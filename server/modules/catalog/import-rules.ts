/**
 * What becomes of a schema.org JSON-LD document when it is imported: one row for each item, in the
 * file's order, either an event to take or the reason why not. Pure: no clock, no database.
 *
 * Nothing is guessed. A day without a time is skipped, and so is a start that the clocks jump
 * over; what is merely unclear (an end without a time, a price that is none) is left out with a
 * note. Markup in texts stays text. Whatever the document holds, the answer is rows.
 */
import { createHash } from 'node:crypto';
import { isCurrency, type Money, parsePrice } from '../../kernel/money.ts';
import { assert } from '../../kernel/result.ts';
import {
  isTimeZone,
  localToInstant,
  parseInstant,
  parseLocal,
  toRfc3339,
} from '../../kernel/time.ts';

/** Items read from one file; a season has 150 to 300 concerts (chosen by taste). */
const MAX_ITEMS = 20_000;
/** In UTF-16 units, which is what `varchar` and zod would call at least as many characters. */
const MAX_NAME_CHARS = 200;
const MAX_DESCRIPTION_CHARS = 5_000;
/** Read of one text before it is cleaned. */
const MAX_RAW_CHARS = 20_000;
const MAX_OFFERS = 50;
/** Of a text from the file that a note or a reason repeats. */
const MAX_QUOTED_CHARS = 40;

export type ImportOptions = {
  /**
   * Where times without an offset are, and where all are shown; an IANA name that was checked.
   * Null: such times are refused, and those with an offset are shown in UTC.
   */
  readonly timezone: string | null;
};

export type ImportSkipCode =
  | 'not_an_event'
  | 'cancelled'
  | 'postponed'
  | 'no_name'
  | 'name_too_long'
  | 'no_start_date'
  | 'no_start_time'
  | 'bad_start_date'
  | 'several_start_dates'
  | 'start_in_dst_gap'
  | 'timezone_required'
  | 'end_before_start'
  | 'duplicate_identifier'
  | 'too_many_items';

export type ImportedEvent = {
  readonly name: string;
  /** Empty where the file has none. */
  readonly description: string;
  readonly startsAt: Date;
  readonly endsAt?: Date;
  readonly doorsAt?: Date;
  readonly timezone: string;
  /** The place's name, with its town where the file tells: `David Geffen Hall, Manhattan, NY`. */
  readonly venueName?: string;
  /** The row's identifier: what tells at the next import that this event is there already. */
  readonly externalId: string;
  readonly series?: string;
};

/** What the file asks for a ticket; whether that becomes a ticket type is the importer's to say. */
export type ImportedOffer = { readonly name: string | null; readonly price: Money };

export type ImportRow = {
  /** Position among the items, from 0. */
  readonly index: number;
} & (
  | {
      readonly outcome: 'take';
      readonly identifier: string;
      readonly event: ImportedEvent;
      readonly offers: readonly ImportedOffer[];
      /** Sentences for a person, each beginning with the property that it is about. */
      readonly notes: readonly string[];
    }
  | {
      readonly outcome: 'skip';
      /** Null where the file gives none. */
      readonly identifier: string | null;
      readonly code: ImportSkipCode;
      readonly reason: string;
    }
);

/** Event and its subtypes in schema.org 30.0, without UserInteraction and its own (likes, …). */
const EVENT_TYPES = new Set(
  [
    'Event BroadcastEvent BusinessEvent ChildrensEvent ComedyEvent ConferenceEvent',
    'CourseInstance DanceEvent DeliveryEvent EducationEvent EventSeries ExhibitionEvent Festival',
    'FoodEvent Hackathon LiteraryEvent MusicEvent OnDemandEvent PerformingArtsEvent',
    'PublicationEvent SaleEvent ScreeningEvent SocialEvent SportsEvent TheaterEvent',
    'VisualArtsEvent',
  ].flatMap((line) => line.split(' ')),
);

export function readEvents(document: unknown, options: ImportOptions): ImportRow[] {
  assert(options.timezone === null || isTimeZone(options.timezone), 'not a checked time zone');
  const all = itemsOf(document, 2);
  const items = all.slice(0, MAX_ITEMS);
  const nodes = new Map<string, Node>();
  for (const item of items) {
    if (isNode(item) && typeof item['@id'] === 'string') nodes.set(item['@id'], item);
  }
  const file: File = { options, nodes, taken: new Map() };
  const rows = items.map((item, index) => readItem(item, index, file));
  if (all.length > items.length) {
    const reason = `the file has ${all.length} items; the first ${MAX_ITEMS} were read`;
    const code = 'too_many_items';
    rows.push({ index: MAX_ITEMS, identifier: null, outcome: 'skip', code, reason });
  }
  return rows;
}

type Node = Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `levels` of arrays and graphs are opened: pages are often joined to an array of graphs. */
function itemsOf(document: unknown, levels: number): unknown[] {
  const graph = isNode(document) ? document['@graph'] : document;
  if (!Array.isArray(graph)) return [document];
  return levels === 0 ? [graph] : graph.flatMap((item) => itemsOf(item, levels - 1));
}

type File = {
  readonly options: ImportOptions;
  /** The file's items by `@id`, for those that point to one another. */
  readonly nodes: ReadonlyMap<string, Node>;
  /** Identifiers taken so far, with their rows. */
  readonly taken: Map<string, number>;
};

function readItem(item: unknown, index: number, { options, nodes, taken }: File): ImportRow {
  const given = isNode(item) ? givenIdentifier(item) : null;
  const skipped = { index, identifier: given, outcome: 'skip' } as const;
  const skip = (code: ImportSkipCode, reason: string): ImportRow => ({ ...skipped, code, reason });
  if (!isNode(item) || !isEvent(item)) return skip('not_an_event', 'it is no event');
  const status = readStatus(item['eventStatus']);
  if (status) return skip(status, `the file says that it is ${status}`);

  const notes: string[] = [];
  const name = clean(item['name']);
  if (name === '') return skip('no_name', 'it has no name');
  if (name.length > MAX_NAME_CHARS) {
    const reason = `the name has ${name.length} characters, ${MAX_NAME_CHARS} at most are allowed`;
    return skip('name_too_long', reason);
  }

  const start = readMoment(item['startDate'], options.timezone);
  if (!start.at) return skip(start.code, `startDate: ${start.reason}`);
  if (start.note) notes.push(`startDate: ${start.note}`);
  const startsAt = start.at;
  const timezone = options.timezone ?? 'UTC';
  if (!options.timezone) notes.push('startDate: no time zone was given, so it is shown in UTC');
  const end = readEnd(item['endDate'], startsAt, timezone);
  if (end === 'before') return skip('end_before_start', 'it ends before it starts');
  if (end.note) notes.push(`endDate: ${end.note}`);
  const doors = readDoors(item['doorTime'], startsAt, timezone);
  if (doors.note) notes.push(`doorTime: ${doors.note}`);

  const venueName = readVenue(item['location'], nodes);
  const identifier = given ?? derivedIdentifier([name, text(item['startDate']), venueName ?? '']);
  if (!given) notes.push('identifier: none of use; one was derived from name, start and place');
  const first = taken.get(identifier);
  if (first !== undefined) {
    return skip('duplicate_identifier', `row ${first} has the same identifier`);
  }
  taken.set(identifier, index);

  const series = readSeries(item['superEvent'], nodes);
  const offers = readOffers(item['offers'], notes);
  const event: ImportedEvent = {
    name,
    description: readDescription(item['description'], notes),
    startsAt,
    ...(end.at && { endsAt: end.at }),
    ...(doors.at && { doorsAt: doors.at }),
    timezone,
    ...(venueName && { venueName }),
    externalId: identifier,
    ...(series && { series }),
  };
  return { index, identifier, outcome: 'take', event, offers, notes };
}

/** A time, or why there is none: as a reason to skip, should the event start then. */
type Moment =
  | { readonly at: Date; readonly note: string | null }
  | { readonly at: null; readonly code: ImportSkipCode; readonly reason: string };

function readMoment(value: unknown, timezone: string | null): Moment {
  const none = (code: ImportSkipCode, reason: string) => ({ at: null, code, reason });
  if (Array.isArray(value) && value.length > 1)
    return none('several_start_dates', 'there are several');
  const said = text(value);
  if (said === '') return none('no_start_date', 'there is none');
  const at = parseInstant(said, 'iso8601');
  if (at) return { at, note: null };
  const local = parseLocal(said);
  if (!local) return none('bad_start_date', `${quote(said)} is not a time`);
  const { date, time } = local;
  if (time === null) return none('no_start_time', `${date} has no time`);
  if (timezone === null) return none('timezone_required', `${said} is in no time zone`);
  const found = localToInstant({ date, time }, timezone);
  if (found.kind === 'gap') return none('start_in_dst_gap', found.note ?? said);
  return { at: found.instant, note: found.note };
}

/** A further time of the event, or the note that says why it was left out. */
type Further = { readonly at: Date | null; readonly note: string | null };

function leftOut(why: string): Further {
  return { at: null, note: `${why}; left out` };
}

function readFurther(value: unknown, timezone: string): Further {
  const moment = readMoment(value, timezone);
  if (moment.at) return moment;
  return moment.code === 'no_start_date' ? { at: null, note: null } : leftOut(moment.reason);
}

function readEnd(value: unknown, startsAt: Date, timezone: string): Further | 'before' {
  const day = parseLocal(text(value));
  if (day && day.time === null && day.date < localDay(startsAt, timezone)) return 'before';
  const end = readFurther(value, timezone);
  if (!end.at || end.at > startsAt) return end;
  return end.at < startsAt ? 'before' : leftOut('it is the same as the start');
}

/** A time of day alone, which schema.org allows here, is on the day of the start. */
function readDoors(value: unknown, startsAt: Date, timezone: string): Further {
  const said = text(value);
  const whole = /^\d\d:/.test(said) ? `${localDay(startsAt, timezone)}T${said}` : value;
  const doors = readFurther(whole, timezone);
  return doors.at && doors.at > startsAt ? leftOut(`${quote(said)} is after the start`) : doors;
}

function localDay(instant: Date, timezone: string): string {
  return toRfc3339(instant, timezone).slice(0, 10);
}

/** `type` and `id` are names for `@type` and `@id` in schema.org's own context. */
function isEvent(node: Node): boolean {
  return list(node['@type'] ?? node['type']).some((type) => EVENT_TYPES.has(localName(type)));
}

function localName(iri: unknown): string {
  const said = typeof iri === 'string' ? iri : isNode(iri) ? text(iri['@id']) : '';
  return said.replace(/^(?:https?:\/\/(?:www\.)?schema\.org\/|schema:)/, '');
}

function readStatus(value: unknown): 'cancelled' | 'postponed' | null {
  const names = list(value).map(localName);
  if (names.some((name) => /^(?:Event)?Cancell?ed$/i.test(name))) return 'cancelled';
  return names.some((name) => /^(?:Event)?Postponed$/i.test(name)) ? 'postponed' : null;
}

/** A blank node's `@id` (`_:b0`) is made anew in each file, so it identifies nothing. */
function givenIdentifier(node: Node): string | null {
  const candidates = list(node['identifier']).map((one) =>
    isNode(one) && 'value' in one ? one['value'] : one,
  );
  const id = text(node['@id'] ?? node['id']);
  const all = [...candidates, id.startsWith('_:') ? '' : id];
  return all.map((one) => short(clean(one))).find((one) => one !== null) ?? null;
}

/**
 * From what the file says, not from what was made of it: an import with another time zone must
 * find the same events again. As a list, so that no text can reach over into the next.
 */
function derivedIdentifier(parts: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return `derived-${hash.slice(0, 32)}`;
}

/** The first real place before any virtual one: people must know where to go. */
function readVenue(value: unknown, nodes: File['nodes']): string | null {
  const places = list(value).map((one) => resolve(one, nodes));
  const isVirtual = (one: unknown) =>
    isNode(one) &&
    list(one['@type'] ?? one['type']).some((type) => localName(type) === 'VirtualLocation');
  const place = places.find((one) => !isVirtual(one)) ?? places[0];
  if (!isNode(place)) return short(clean(place));
  const name = clean(place['name']) || (isVirtual(place) ? 'Online' : '');
  const address = readAddress(place['address'] ?? place, name === '');
  if (name === '' || address === '' || name.endsWith(address)) return short(name || address);
  return short(`${name}, ${address}`) ?? short(name);
}

/** With a name before it, the town will do; alone, the street is needed. */
function readAddress(value: unknown, withStreet: boolean): string {
  const [address] = list(value);
  if (!isNode(address)) return clean(address);
  const { streetAddress, addressLocality, addressRegion, addressCountry } = address;
  const country = isNode(addressCountry) ? addressCountry['name'] : addressCountry;
  const parts = [withStreet ? streetAddress : null, addressLocality, addressRegion, country];
  const texts = parts.map(clean);
  return texts.filter((part) => part !== '').join(', ');
}

function readSeries(value: unknown, nodes: File['nodes']): string | null {
  const series = resolve(list(value)[0], nodes);
  if (isNode(series)) return short(clean(series['name']));
  const said = typeof series === 'string' ? clean(series) : '';
  return /^[a-z][a-z0-9+.-]*:\S+$/i.test(said) ? null : short(said);
}

/** What `{"@id": …}` or a bare IRI points to, where the file holds it. */
function resolve(value: unknown, nodes: File['nodes']): unknown {
  const id = isNode(value) ? value['@id'] : value;
  return (typeof id === 'string' && nodes.get(id)) || value;
}

function readOffers(value: unknown, notes: string[]): ImportedOffer[] {
  const offers = list(value);
  if (offers.length > MAX_OFFERS) {
    notes.push(`offers: only the first ${MAX_OFFERS} of ${offers.length} were read`);
  }
  const read: ImportedOffer[] = [];
  for (const offer of offers.slice(0, MAX_OFFERS).filter(isNode)) {
    const [said, currency] = [text(offer['price']), text(offer['priceCurrency'])];
    const price = isCurrency(currency) ? parsePrice(said, currency) : null;
    const sum = `${quote(said)} ${quote(currency) || '(no currency)'}`;
    if (price) read.push({ name: short(clean(offer['name'])), price });
    else if (said !== '') notes.push(`offers: ${sum} is no price`);
    else if ('lowPrice' in offer) notes.push('offers: a range of prices is not imported');
  }
  return read;
}

function list(value: unknown): readonly unknown[] {
  return [value].flat().filter((one) => one != null);
}

/** The first text of a value: JSON-LD writes one as `"x"`, `{"@value": "x"}` or a list of these. */
function text(value: unknown): string {
  for (const one of list(value)) {
    const said = isNode(one) ? one['@value'] : one;
    if (typeof said === 'string') return said.slice(0, MAX_RAW_CHARS).trim();
    if (typeof said === 'number') return String(said);
  }
  return '';
}

/**
 * The same in NFC, with single spaces, and without what is invisible and harmful: controls, halves
 * of characters, marks of direction, spaces without width, more than 30 stacked accents (UAX 15:
 * they make NFC slow). The joiners stay: Persian and many emoji need U+200C and U+200D.
 */
function clean(value: unknown): string {
  return text(value)
    .replace(/[\p{Cs}\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]|(?!\s)\p{Cc}/gu, '')
    .replace(/\s+/gu, ' ')
    .replace(/(\p{M}{30})\p{M}+/gu, '$1')
    .normalize('NFC')
    .trim();
}

function readDescription(value: unknown, notes: string[]): string {
  const description = clean(value);
  if (description.length <= MAX_DESCRIPTION_CHARS) return description;
  notes.push(`description: cut to ${MAX_DESCRIPTION_CHARS} characters`);
  return cut(description, MAX_DESCRIPTION_CHARS);
}

/** At a word where one ends in the second half; never through a surrogate pair. */
function cut(whole: string, maxChars: number): string {
  const head = whole.slice(0, maxChars - 1);
  const space = head.lastIndexOf(' ');
  const words = space > maxChars / 2 ? head.slice(0, space) : head;
  return `${words.replace(/[\ud800-\udbff]$/, '')}…`;
}

/** Null for what is empty or too long to be a name. */
function short(said: string): string | null {
  return said === '' || said.length > MAX_NAME_CHARS ? null : said;
}

/** For notes and reasons, which end up in terminals. */
function quote(said: string): string {
  const shown = clean(said);
  return shown.length <= MAX_QUOTED_CHARS ? shown : cut(shown, MAX_QUOTED_CHARS);
}
