/**
 * Facts as they are told to others: what each kind says, under which version, and on which topic it
 * is published. Each room lists its own; the documentation, the schemas and the checks of what is
 * recorded come from these lists.
 *
 * A fact carries ids, never anything about a person. A new member may be added to one; what would
 * break a reader is a new version, and the old one goes on beside it for a while.
 */
import type { z } from 'zod';

/** Streams by what readers are interested in; all are in order for each event. */
export const topics = {
  ticket_availability: 'Places that are locked, unlocked or sold, and how many there are at all',
  payment_notifications: 'Payments that succeeded or failed, refunds, disputes',
  orders: 'Orders, their tickets and remedies',
  events: 'Events, their sale and what they offer',
  webhooks: 'Endpoints for webhooks that were disabled',
  waitlist: 'Who waits, and what they are offered; ids only',
} as const;

export type Topic = keyof typeof topics;

// Of an object that is written out above.
export const topicNames = Object.keys(topics) as readonly Topic[];

export type FactDefinition = {
  readonly topic: Topic;
  readonly version: number;
  /** One sentence, in the past tense. */
  readonly says: string;
  readonly data: z.ZodObject;
  readonly example: Readonly<Record<string, unknown>>;
};

export type FactDefinitions = Readonly<Record<string, FactDefinition>>;
