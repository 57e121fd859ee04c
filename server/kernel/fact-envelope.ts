/** A fact as it is published: the same members wherever it goes. */
import type { BusMessage } from './fact-bus.ts';
import type { EventId } from './ids.ts';
import type { Relayed } from './relay.ts';

type Envelope = Pick<Relayed, 'eventId' | 'seq' | 'kind' | 'version' | 'data'> & {
  /** The event and the number of the fact in it: names the fact for good. */
  readonly id: string;
  readonly at: string;
};

export const factIdOf = ({ eventId, seq }: Pick<Relayed, 'eventId' | 'seq'>): string =>
  `${eventId}:${seq}`;

export function envelopeOf(fact: Relayed): Envelope {
  const { eventId, seq, kind, version, at, data } = fact;
  return { id: factIdOf(fact), eventId, seq, kind, version, at: at.toISOString(), data };
}

/** `more` stands beside the members that every fact has. */
export function messageOf(topic: string, fact: Relayed, more: object = {}): BusMessage {
  return {
    topic,
    key: fact.eventId,
    headers: {
      'fact-id': factIdOf(fact),
      kind: fact.kind,
      version: String(fact.version),
      n: String(fact.n),
    },
    value: JSON.stringify({ ...envelopeOf(fact), ...more }),
  };
}

/** The number among all facts, where the message says one. */
export function numberOf({ headers }: BusMessage): number | null {
  return /^\d{1,15}$/.test(headers['n'] ?? '') ? Number(headers['n']) : null;
}

/** Null for what is no fact of ours: whoever may write to the topic may write anything. */
export function factOf(message: BusMessage): Relayed | null {
  const n = numberOf(message);
  const raw = parse(message.value);
  if (n === null || raw === null) return null;
  const { eventId, seq, kind, version, at, data } = raw;
  if (typeof eventId !== 'string' || typeof kind !== 'string' || typeof at !== 'string')
    return null;
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(version)) return null;
  if (typeof data !== 'object' || data === null || Number.isNaN(Date.parse(at))) return null;
  return {
    n,
    eventId: eventId as EventId, // Written by messageOf, from a fact's own.
    seq: Number(seq),
    kind,
    version: Number(version),
    data: data as Relayed['data'], // As above.
    at: new Date(at),
  };
}

function parse(value: string): Readonly<Record<string, unknown>> | null {
  try {
    const raw: unknown = JSON.parse(value);
    return typeof raw === 'object' && raw !== null ? { ...raw } : null;
  } catch {
    return null;
  }
}
