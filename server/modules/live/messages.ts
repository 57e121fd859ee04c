/**
 * What is written to a stream: server-sent events as the HTML standard describes them. A message
 * is made once, as bytes, and goes to everybody who listens.
 */
import { createHash } from 'node:crypto';

/** What is shown of an event's places, as `GET /events/{id}/availability` answers it. */
export type Places = {
  readonly eventId: string;
  readonly version: number;
  readonly status: string;
  readonly ticketTypes: readonly {
    readonly id: string;
    readonly available: number;
    readonly status: string;
  }[];
};

export type Message = {
  readonly event: string;
  readonly data: unknown;
  /** Null: whoever loses the connection after it comes back with the id of the one before. */
  readonly id: string | null;
};

/** A browser that lost its connection comes back after so long. */
export const RETRY_MS = 2_000;
/** Nothing more will come: whoever does not close the stream asks so rarely. */
export const RETRY_ENDED_MS = 3_600_000;

export function encodeMessages(
  messages: readonly Message[],
  retryMs: number | null = null,
): Buffer {
  const lines = messages.map(
    ({ event, data, id }) =>
      `event: ${event}\n${id === null ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`,
  );
  return Buffer.from((retryMs === null ? '' : `retry: ${retryMs}\n\n`) + lines.join(''));
}

/**
 * Names a state of an event's places: the version, and which of its forms, because an hour that
 * comes or a stop changes what is shown without changing any place.
 */
export function placesId({ version }: Places, encoded: string): string {
  return `${version}-${createHash('sha1').update(encoded).digest('base64url').slice(0, 8)}`;
}

export type PlacesAt = { readonly id: string; readonly body: Places };

/** All of it: for whoever comes. */
export function snapshotOf({ id, body }: PlacesAt): readonly Message[] {
  return [{ event: 'availability', data: body, id }];
}

/** What has changed from one state to another: only the ticket types that are different now. */
export function changesBetween(before: PlacesAt, now: PlacesAt): readonly Message[] {
  const { eventId, version, status } = now.body;
  const known = new Map(before.body.ticketTypes.map((type) => [type.id, type]));
  const ticketTypes = now.body.ticketTypes.filter((type) => {
    const was = known.get(type.id);
    known.delete(type.id);
    return was?.available !== type.available || was.status !== type.status;
  });
  const gone = [...known.keys()];
  const delta = { eventId, version, status, since: before.id, ticketTypes };
  const isOther = before.body.status !== status;
  return [
    // Without an id: a connection that is lost between the two has missed the second.
    ...(isOther ? [{ event: 'status', data: { eventId, version, status }, id: null }] : []),
    {
      event: 'availability',
      data: gone.length > 0 ? { ...delta, gone } : delta,
      id: now.id,
    },
  ];
}

/** Those of a sale that is over for good. */
export function isSaleOver(status: string): boolean {
  return status === 'past' || status === 'cancelled';
}

/** Of orders and of sessions: nothing follows from these. */
const FINAL = new Set(['failed', 'cancelled', 'refunded', 'completed', 'expired', 'abandoned']);

export function isFinal(status: string): boolean {
  return FINAL.has(status);
}

/** What an order or a session was: the number of the last fact, and the status. */
export type Seen = { readonly seq: number; readonly status: string };

/** Names it. The number alone would not do: no fact says that the time of a session is over. */
export function seenId({ seq, status }: Seen): string {
  return `${seq}-${status}`;
}

/** What a caller has seen last; null where it names nothing that we could have sent. */
export function seenIn(lastEventId: string | null): Seen | null {
  const [, seq, status] = /^(\d{1,15})-([a-z_]{1,40})$/.exec(lastEventId ?? '') ?? [];
  return seq === undefined || status === undefined ? null : { seq: Number(seq), status };
}
