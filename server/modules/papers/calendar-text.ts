/** An order as an entry of a calendar: iCalendar, RFC 5545. Values in, text out. */
import { localToInstant, offsetChanges, offsetSecondsAt } from '../../kernel/time.ts';
import { type Papers, placeText } from './read-papers.ts';

const LINE_OCTETS_MAX = 75;
/** Changes of the clocks are told for so long before and after, for what may follow the event. */
const ZONE_MARGIN_MS = 366 * 86_400_000;
/** What was in force before the first change that is told began then, for all that matters. */
const LONG_AGO = '16010101T000000';

/**
 * One entry with the event's times in its own zone. `UID` is the order's id, so that fetching it
 * again replaces the entry, and `SEQUENCE` the event's version, so that a later one wins. Whoever
 * sees a calendar sees the order's id and places, never a code and never an access token.
 */
export function calendarText({ event, order, tickets }: Papers, madeAt: Date): string {
  const { startsAt, endsAt, doorsAt, timezone, venueName } = event;
  const doors = doorsAt ? [`Doors open at ${clockText(doorsAt, timezone)}.`] : [];
  const description = [...doors, ...tickets.map(placeText), `Order ${order.id}`].join('\n');
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Fanfare//Tickets//EN',
    'CALSCALE:GREGORIAN',
    'METHOD:PUBLISH',
    ...zoneLines(timezone, startsAt, endsAt ?? startsAt),
    'BEGIN:VEVENT',
    `UID:${order.id}`,
    `SEQUENCE:${event.version}`,
    `DTSTAMP:${stamp(madeAt)}Z`,
    timeLine('DTSTART', startsAt, timezone),
    ...(endsAt ? [timeLine('DTEND', endsAt, timezone)] : []),
    `SUMMARY:${escaped(event.name)}`,
    ...(venueName ? [`LOCATION:${escaped(venueName)}`] : []),
    `DESCRIPTION:${escaped(description)}`,
    `STATUS:${event.status === 'cancelled' ? 'CANCELLED' : 'CONFIRMED'}`,
    'END:VEVENT',
    'END:VCALENDAR',
  ];
  return lines.map((line) => `${folded(line)}\r\n`).join('');
}

/**
 * The zone as the entry needs it: what was in force a year before, and each change until a year
 * after, without rules, which may change. Neither side of a change is summer time by itself: the
 * lowest offset in that time is called standard.
 */
function zoneLines(timezone: string, startsAt: Date, endsAt: Date): string[] {
  const from = new Date(startsAt.getTime() - ZONE_MARGIN_MS);
  const changes = offsetChanges(timezone, from, new Date(endsAt.getTime() + ZONE_MARGIN_MS));
  const [first] = changes;
  const before = first ? first.fromSeconds : offsetSecondsAt(from, timezone);
  const lowest = Math.min(before, ...changes.map(({ toSeconds }) => toSeconds));
  const part = (onset: string, fromSeconds: number, toSeconds: number) => {
    const name = toSeconds > lowest ? 'DAYLIGHT' : 'STANDARD';
    return [
      `BEGIN:${name}`,
      `DTSTART:${onset}`,
      `TZOFFSETFROM:${offsetText(fromSeconds)}`,
      `TZOFFSETTO:${offsetText(toSeconds)}`,
      `END:${name}`,
    ];
  };
  return [
    'BEGIN:VTIMEZONE',
    `TZID:${timezone}`,
    ...(first && first.at <= from ? [] : part(LONG_AGO, before, before)),
    ...changes.flatMap(({ at, fromSeconds, toSeconds }) =>
      // An onset is told by the clocks as they were until then.
      part(stamp(new Date(at.getTime() + fromSeconds * 1_000)), fromSeconds, toSeconds),
    ),
    'END:VTIMEZONE',
  ];
}

/**
 * By the clocks of the zone. In UTC where they show that time twice, of which programs take one or
 * the other, or stood no whole minutes from UTC, as some did long ago, of which programs take less.
 */
function timeLine(name: string, at: Date, timezone: string): string {
  const [date = '', time = ''] = onClock(at, timezone).toISOString().slice(0, 19).split('T');
  const isTold =
    offsetSecondsAt(at, timezone) % 60 === 0 &&
    localToInstant({ date, time }, timezone).kind === 'exact';
  return isTold
    ? `${name};TZID=${timezone}:${stamp(onClock(at, timezone))}`
    : `${name}:${stamp(at)}Z`;
}

/** `20350501T200000`, of the date's UTC fields. */
function stamp(at: Date): string {
  return at.toISOString().slice(0, 19).replace(/[-:]/g, '');
}

function onClock(at: Date, timezone: string): Date {
  return new Date(at.getTime() + offsetSecondsAt(at, timezone) * 1_000);
}

const clockText = (at: Date, timezone: string): string =>
  onClock(at, timezone).toISOString().slice(11, 16);

/** `+0200`; with seconds where there are any, as some zones had long ago. */
function offsetText(seconds: number): string {
  const size = Math.abs(seconds);
  const parts = [Math.floor(size / 3_600), Math.floor(size / 60) % 60];
  if (size % 60 > 0) parts.push(size % 60);
  return (seconds < 0 ? '-' : '+') + parts.map((part) => String(part).padStart(2, '0')).join('');
}

function escaped(text: string): string {
  return text
    .replace(/[\\;,]/g, '\\$&')
    .replace(/\r\n?|\n/g, '\\n')
    .replace(/\p{Cc}/gu, ' ');
}

/** Lines have at most 75 octets; what follows begins with a space, and no character is cut. */
function folded(line: string): string {
  let text = '';
  let octets = 0;
  for (const char of line) {
    const size = Buffer.byteLength(char);
    if (octets + size > LINE_OCTETS_MAX) {
      text += '\r\n ';
      octets = 1;
    }
    text += char;
    octets += size;
  }
  return text;
}
