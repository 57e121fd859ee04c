/** What the catalogue announces. */
import { z } from 'zod';
import type { FactDefinitions } from '../kernel/facts.ts';

const id = z.string().min(1);
const events = { topic: 'events', version: 1 } as const;
const nothing = { data: z.strictObject({}), example: {} };
const made = z.strictObject({ organizerId: id.optional() });
const organizerId = 'org_00vtdzq1a2b3c';
const ticketTypeId = 'tt_00vtdzt3h1k4r00vtdzt3k7m2q9x4c5b8n3w6';

export const catalogFacts: FactDefinitions = {
  event_drafted: {
    ...events,
    says: 'An event was made that nobody sees yet.',
    data: made,
    example: { organizerId },
  },
  event_published: {
    ...events,
    says: 'An event became visible.',
    data: made,
    example: { organizerId },
  },
  event_changed: { ...events, says: 'What is said of an event changed.', ...nothing },
  event_rescheduled: {
    ...events,
    says: 'An event that has sales begins at another time.',
    data: z.strictObject({ from: z.string(), to: z.string() }),
    example: { from: '2035-05-02T19:00:00.000Z', to: '2035-09-02T19:00:00.000Z' },
  },
  event_cancelled: { ...events, says: 'An event will not take place.', ...nothing },
  event_deleted: {
    ...events,
    says: 'An event that nobody had bought for was deleted.',
    data: made,
    example: { organizerId },
  },
  event_archived: {
    ...events,
    says: 'An event is long over, and its places left the live tables.',
    ...nothing,
  },
  ticket_type_changed: {
    ...events,
    says: 'A ticket type was added, or has other terms.',
    data: z.strictObject({ ticketTypeId: id }),
    example: { ticketTypeId },
  },
  ticket_type_withdrawn: {
    ...events,
    says: 'A ticket type is not sold any more.',
    data: z.strictObject({ ticketTypeId: id }),
    example: { ticketTypeId },
  },
};
