import type { EventId } from '../../kernel/ids.ts';
import { command, instantOrNull, rows, text } from '../../kernel/sql.ts';

/** Nothing where it has begun before. */
export const insertRound = (eventId: EventId, key: string, kind: string, now: Date | null) => rows({
  key: text,
})`
  insert into notifications.round (event_id, round_key, kind, made_at)
  values (${eventId}, ${key}, ${kind}, kernel.instant(${now}))
  on conflict (event_id, round_key) do nothing
  returning round_key as key`;

export const selectRound = (eventId: EventId, key: string) => rows({
  kind: text,
  position: text,
  doneAt: instantOrNull,
})`
  select kind, position, done_at as "doneAt" from notifications.round
  where event_id = ${eventId} and round_key = ${key}`;

export const moveRound = (eventId: EventId, key: string, position: string) => command`
  update notifications.round set position = ${position}
  where event_id = ${eventId} and round_key = ${key} and done_at is null`;

export const endRound = (eventId: EventId, key: string, now: Date | null) => command`
  update notifications.round set done_at = kernel.instant(${now})
  where event_id = ${eventId} and round_key = ${key} and done_at is null`;
