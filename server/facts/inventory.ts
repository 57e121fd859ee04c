/** What inventory announces. */
import { z } from 'zod';
import type { FactDefinitions } from '../kernel/facts.ts';

const id = z.string().min(1);
const places = {
  holdId: id,
  ticketTypeIds: z.array(id),
  quantities: z.array(z.int()).describe('As many of each ticket type, in their order'),
  seatNos: z.array(z.int().nullable()).optional().describe('Place by place; null: only counted'),
};
const ofHold = {
  holdId: 'hld_00vtdzt3h1k4r00vtdzv8d3f6h1j4k7m9n2p5',
  ticketTypeIds: ['tt_00vtdzt3h1k4r00vtdzt3k7m2q9x4c5b8n3w6'],
  quantities: [2],
};
const ofPool = { poolId: 'pool_00vtdzt3h1k4r00vtdzt3k7m2q9x4c5b8n3w6', quantity: 4 };
const availability = { topic: 'ticket_availability', version: 1 } as const;

export const inventoryFacts: FactDefinitions = {
  places_held: {
    ...availability,
    says: 'Places were locked for somebody, until a time.',
    data: z.strictObject({ ...places, expiresAt: z.string() }),
    example: { ...ofHold, expiresAt: '2035-05-02T10:15:00+00:00' },
  },
  hold_changed: {
    ...availability,
    says: 'A hold was swapped: these places are locked now, and no others of it.',
    data: z.strictObject(places),
    example: ofHold,
  },
  hold_extended: {
    ...availability,
    says: 'A hold got more time, because its payment was under way.',
    data: z.strictObject({ holdId: id, expiresAt: z.string() }),
    example: { holdId: ofHold.holdId, expiresAt: '2035-05-02T10:20:00+00:00' },
  },
  hold_released: {
    ...availability,
    says: 'Places were given up.',
    data: z.strictObject(places),
    example: ofHold,
  },
  hold_lapsed: {
    ...availability,
    says: 'Nobody paid in time, and the places came back.',
    data: z.strictObject(places),
    example: ofHold,
  },
  hold_revived: {
    ...availability,
    says: 'A payment that came late got its places again.',
    data: z.strictObject(places),
    example: ofHold,
  },
  places_sold: {
    ...availability,
    says: 'Places were sold.',
    data: z.strictObject(places),
    example: ofHold,
  },
  places_returned: {
    ...availability,
    says: 'Places that were sold came back.',
    data: z.strictObject(places),
    example: ofHold,
  },
  places_blocked: {
    ...availability,
    says: 'Places were taken off sale.',
    data: z.strictObject({ poolId: id, quantity: z.int() }),
    example: ofPool,
  },
  places_unblocked: {
    ...availability,
    says: 'Places went back on sale.',
    data: z.strictObject({ poolId: id, quantity: z.int() }),
    example: ofPool,
  },
  capacity_changed: {
    ...availability,
    says: 'A pool has another number of places.',
    data: z.strictObject({ poolId: id, capacity: z.int() }),
    example: { poolId: ofPool.poolId, capacity: 400 },
  },
  plan_changed: {
    topic: 'events',
    version: 1,
    says: 'The event moved to another plan of its venue.',
    data: z.strictObject({ reseated: z.int() }),
    example: { reseated: 12 },
  },
  sale_state_changed: {
    topic: 'events',
    version: 1,
    says: 'The sale was opened, paused, closed or cancelled.',
    data: z.strictObject({ from: z.string(), to: z.string() }),
    example: { from: 'open', to: 'paused' },
  },
};
