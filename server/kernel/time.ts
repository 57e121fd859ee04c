/**
 * Reading and writing times. Inside the house an instant is a `Date` and a zone is an IANA name;
 * this file is where text becomes one or the other, and back.
 *
 * Nothing is guessed: a text that does not name exactly one instant is refused (`null`) or, where
 * the clocks change, reported, so that somebody can decide.
 */
import { Temporal } from 'temporal-polyfill';
import { assert } from './result.ts';

/** Years that we take, both included, of instants in UTC: by taste, to stop slips and overflow. */
const FIRST_YEAR = 1900;
const LAST_YEAR = 2200;
/** No clock on Earth is further from UTC than this (Line Islands, +14:00). */
const MAX_OFFSET_MINUTES = 14 * 60;
/** Longer than any sensible fraction of a second; keeps hostile text cheap. */
const MAX_TEXT_CHARS = 64;
const MINUTE_MS = 60_000;

/** Asking the engine costs 70 µs, and lists ask for each row. Holds names that are zones only. */
const knownZones = new Set<string>();
/** All names and aliases are about 600; the rest is room for the ways to capitalise them. */
const MAX_KNOWN_ZONES = 1_000;

/**
 * `rfc3339` is what the API speaks. `iso8601` also allows what other people's files hold: no
 * seconds, a space for the `T`, offsets written `+0200` or `+02`.
 */
type InstantForm = 'rfc3339' | 'iso8601';

/**
 * Whether `name` is a zone of the tz database, an alias such as `US/Eastern` included. An offset
 * is not a zone: it does not know when the clocks change, and newer engines accept one here.
 */
export function isTimeZone(name: string): boolean {
  if (knownZones.has(name)) return true;
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
  } catch {
    return false;
  }
  if (knownZones.size < MAX_KNOWN_ZONES) knownZones.add(name);
  return true;
}

/**
 * The instant that a text with an offset names, or null. The calendar is strict (no 30 February,
 * no 24:00, no leap second), years are 1900–2200 in UTC, what is finer than a millisecond is cut.
 */
export function parseInstant(text: string, form: InstantForm = 'rfc3339'): Date | null {
  const parts = readParts(text);
  if (!parts?.time || parts.offset === null) return null;
  if (form === 'rfc3339' && !isRfc3339(text)) return null;
  const offset = offsetMinutes(parts.offset);
  if (offset === null) return null;
  const instant = new Date(Date.parse(`${parts.date}T${parts.time}Z`) - offset * MINUTE_MS);
  return isYearAllowed(instant.getUTCFullYear()) ? instant : null;
}

/** A day, and the time of day where the text has one: `HH:MM:SS`, or `HH:MM:SS.mmm`. */
type Local = { readonly date: string; readonly time: string | null };

/** What a text without an offset says (ISO 8601, seconds optional), or null. */
export function parseLocal(text: string): Local | null {
  const parts = readParts(text);
  if (!parts || parts.offset !== null || !isYearAllowed(Number(parts.date.slice(0, 4))))
    return null;
  return { date: parts.date, time: parts.time };
}

export type LocalInstant = {
  /**
   * `exact`: one instant. `gap`: the clocks jump over this time; `instant` is the time shifted by
   * the jump, an offer that the caller must not take silently. `overlap`: the clocks go back and
   * the time happens twice; `instant` is the earlier.
   */
  readonly kind: 'exact' | 'gap' | 'overlap';
  readonly instant: Date;
  /** One sentence for a person; null when exact. */
  readonly note: string | null;
};

/** Which instant a local time is in a zone. Both must have been checked: anything else is a bug. */
export function localToInstant(
  local: { readonly date: string; readonly time: string },
  timezone: string,
): LocalInstant {
  assert(isTimeZone(timezone), `not a time zone: ${timezone}`);
  assert(parseLocal(`${local.date}T${local.time}`)?.time, 'not a checked local time');
  const wanted = Temporal.PlainDateTime.from(`${local.date}T${local.time}`);
  const earlier = wanted.toZonedDateTime(timezone, { disambiguation: 'earlier' });
  const later = wanted.toZonedDateTime(timezone, { disambiguation: 'later' });
  if (earlier.epochMilliseconds === later.epochMilliseconds) {
    return { kind: 'exact', instant: new Date(earlier.epochMilliseconds), note: null };
  }
  const said = `${local.date} ${local.time.replace(/:00$/, '')}`;
  if (earlier.toPlainDateTime().equals(wanted)) {
    const instant = new Date(earlier.epochMilliseconds);
    const note =
      `${said} happens twice in ${timezone}: the clocks go back there; ` +
      `the earlier was taken, ${toRfc3339(instant, timezone)}`;
    return { kind: 'overlap', instant, note };
  }
  const instant = new Date(later.epochMilliseconds);
  const note =
    `${said} does not exist in ${timezone}: the clocks go forward there; ` +
    `shifted, it is ${toRfc3339(instant, timezone)}`;
  return { kind: 'gap', instant, note };
}

/** For pages and mails: day, time and zone where the event is. `locale` is one that we offer. */
export function formatLocal(instant: Date, timezone: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, {
    timeZone: timezone,
    weekday: 'long',
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    timeZoneName: 'short',
  }).format(instant);
}

/**
 * RFC 3339 with the offset that the zone has at that instant; milliseconds only where there are
 * any. RFC 3339 has no seconds in offsets, but some zones had (Liberia until 1972): there the
 * nearest minute is written and the local time follows it, so the text still names this instant.
 * (Temporal's own text keeps the local time instead, and so names another one.)
 */
export function toRfc3339(instant: Date, timezone: string): string {
  const epochMs = instant.getTime();
  assert(!Number.isNaN(epochMs), 'not an instant: an invalid date');
  assert(isTimeZone(timezone), `not a time zone: ${timezone}`);
  const zoned = Temporal.Instant.fromEpochMilliseconds(epochMs).toZonedDateTimeISO(timezone);
  const offset = Math.round(zoned.offsetNanoseconds / (MINUTE_MS * 1_000_000));
  const local = new Date(epochMs + offset * MINUTE_MS).toISOString().slice(0, -1);
  const sign = offset < 0 ? '-' : '+';
  const hours = String(Math.floor(Math.abs(offset) / 60)).padStart(2, '0');
  const minutes = String(Math.abs(offset) % 60).padStart(2, '0');
  return `${local.replace(/\.000$/, '')}${sign}${hours}:${minutes}`;
}

type Parts = {
  readonly date: string;
  /** `HH:MM:SS`, or `HH:MM:SS.mmm` where the milliseconds are not zero. */
  readonly time: string | null;
  /** As written: `Z`, `+02:00`, `+0200`, `+02`. */
  readonly offset: string | null;
};

const DATE = /(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)/;
const TIME = /(?<hour>\d\d):(?<minute>\d\d)(?::(?<second>\d\d)(?:\.(?<fraction>\d+))?)?/;
const OFFSET = /(?<offset>[Zz]|[+-]\d\d(?::?\d\d)?)/;
const WHOLE = new RegExp(`^${DATE.source}(?:[Tt ]${TIME.source}${OFFSET.source}?)?$`);

function readParts(text: string): Parts | null {
  if (text.length > MAX_TEXT_CHARS) return null;
  const found = WHOLE.exec(text)?.groups;
  if (!found) return null;
  const { year, month, day, hour, minute, second = '00', fraction = '', offset = null } = found;
  const [y, mo, d] = [Number(year), Number(month), Number(day)];
  // One more year at either end: offsets reach over the new year.
  if (y < FIRST_YEAR - 1 || y > LAST_YEAR + 1) return null;
  if (mo < 1 || mo > 12 || d < 1 || d > daysInMonth(y, mo)) return null;
  const date = `${year}-${month}-${day}`;
  if (hour === undefined) return { date, time: null, offset };
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  const millis = fraction.padEnd(3, '0').slice(0, 3);
  const time = `${hour}:${minute}:${second}${millis === '000' ? '' : `.${millis}`}`;
  return { date, time, offset };
}

/** What RFC 3339 asks for beyond the forms that `readParts` takes. */
function isRfc3339(text: string): boolean {
  return /^.{10}[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/.test(text);
}

function offsetMinutes(text: string): number | null {
  if (text === 'Z' || text === 'z') return 0;
  const hours = Number(text.slice(1, 3));
  const minutes = Number(text.slice(3).replace(':', '') || '0');
  const total = hours * 60 + minutes;
  if (minutes > 59 || total > MAX_OFFSET_MINUTES) return null;
  return text.startsWith('-') ? -total : total;
}

function isYearAllowed(year: number): boolean {
  return year >= FIRST_YEAR && year <= LAST_YEAR;
}

function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/**
 * `time`, moved along when what it belongs to moves from `from` to `to`: its distance on the wall
 * clock of `timezone` stays, so that doors at 19:00 are at 19:00 on the other side of a clock
 * change. A time that the clocks jump over moves on by the jump.
 */
export function keepWallClockDistance(time: Date, from: Date, to: Date, timezone: string): Date {
  const local = (at: Date) =>
    Temporal.Instant.fromEpochMilliseconds(at.getTime())
      .toZonedDateTimeISO(timezone)
      .toPlainDateTime();
  const distance = local(from).until(local(time), { largestUnit: 'days' });
  const moved = local(to).add(distance).toZonedDateTime(timezone);
  return new Date(moved.epochMilliseconds);
}

/** How far the clocks of a zone are ahead of UTC at that instant, in seconds. */
export function offsetSecondsAt(instant: Date, timezone: string): number {
  const at = Temporal.Instant.fromEpochMilliseconds(instant.getTime());
  return Math.round(at.toZonedDateTimeISO(timezone).offsetNanoseconds / 1_000_000_000);
}

export type OffsetChange = {
  readonly at: Date;
  readonly fromSeconds: number;
  readonly toSeconds: number;
};

/**
 * When the clocks of a zone change, from the engine's own zone data: the last change until `from`,
 * where there was one, and all after it until `to`. Years apart, please: each costs a search.
 */
export function offsetChanges(timezone: string, from: Date, to: Date): OffsetChange[] {
  const zoned = (epochMs: number) =>
    Temporal.Instant.fromEpochMilliseconds(epochMs).toZonedDateTimeISO(timezone);
  const changes: OffsetChange[] = [];
  // A change at `from` itself counts as one that was.
  let next = zoned(from.getTime() + 1).getTimeZoneTransition('previous');
  next ??= zoned(from.getTime()).getTimeZoneTransition('next');
  while (next && next.epochMilliseconds <= to.getTime()) {
    const at = new Date(next.epochMilliseconds);
    const before = new Date(next.epochMilliseconds - 1);
    const fromSeconds = offsetSecondsAt(before, timezone);
    const toSeconds = offsetSecondsAt(at, timezone);
    if (fromSeconds !== toSeconds) changes.push({ at, fromSeconds, toSeconds });
    next = next.getTimeZoneTransition('next');
  }
  return changes;
}
