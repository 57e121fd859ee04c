/**
 * The chain of an event's timeline, as anybody can recompute it. A line is written as a JSON array,
 * and its hash is the SHA-256 of the hash before it (32 bytes) and that text in UTF-8; before the
 * first line stands the SHA-256 of the event's id. docs/guarantees.md tells the same in words, and
 * the function kernel.change_text writes the same text.
 */
import { createHash } from 'node:crypto';

export type Change = {
  /** Counted from 1 within the event. */
  readonly position: number;
  readonly machine: string;
  readonly objectId: string;
  /** Null where the object is new; the same as `to` where something else changed. */
  readonly from: string | null;
  readonly to: string;
  readonly actor: string;
  readonly requestId: string | null;
  /** RFC 3339 in UTC, to the microsecond. */
  readonly at: string;
  readonly amountMinor: number | null;
  readonly note: string | null;
};

export function firstHash(eventId: string): Buffer {
  return createHash('sha256').update(eventId, 'utf8').digest();
}

export function nextHash(before: Buffer, eventId: string, change: Change): Buffer {
  return createHash('sha256').update(before).update(textOf(eventId, change), 'utf8').digest();
}

function textOf(eventId: string, change: Change): string {
  const { position, machine, objectId, from, to, actor, requestId, at, amountMinor, note } = change;
  const members = [
    ...[position, eventId, machine, objectId, from, to, actor, requestId],
    ...[at, amountMinor, note],
  ];
  return `[${members.map((member) => JSON.stringify(member)).join(', ')}]`;
}

/** A line and what its hash is said to be, in hexadecimal. */
export type Link = Change & { readonly hash: string };

export type Recomputed =
  | { readonly ok: true; readonly position: number; readonly hash: string }
  /** The first position at which what is written does not follow from what stands before it. */
  | { readonly ok: false; readonly position: number; readonly reason: string };

/** Recomputes a timeline from its first line on. */
export function recompute(eventId: string, links: readonly Link[]): Recomputed {
  let hash = firstHash(eventId);
  for (const [i, link] of links.entries()) {
    const position = i + 1;
    if (link.position !== position) {
      return { ok: false, position, reason: `position ${link.position} stands here` };
    }
    hash = nextHash(hash, eventId, link);
    if (hash.toString('hex') !== link.hash) {
      return { ok: false, position, reason: 'its hash is another one' };
    }
  }
  return { ok: true, position: links.length, hash: hash.toString('hex') };
}
