/** What the waitlist announces. */
import { z } from 'zod';
import type { FactDefinitions } from '../kernel/facts.ts';

const id = z.string().min(1);
const offer = { offerId: id, entryId: id };
const entryId = 'wle_00vtdzt3h1k4r00vtdzv8d3f6h1j4k7m9n2p5';
const ofOffer = { offerId: 'off_00vtdzt3h1k4r00vtdzv8d3f6h1j4k7m9n2p5', entryId };
const waitlist = { topic: 'waitlist', version: 1 } as const;

export const waitlistFacts: FactDefinitions = {
  waitlist_joined: {
    ...waitlist,
    says: 'Somebody waits for so many places.',
    data: z.strictObject({ entryId: id, quantity: z.int() }),
    example: { entryId, quantity: 2 },
  },
  waitlist_left: {
    ...waitlist,
    says: 'An entry ended: it was left, or its offer was declined, expired or not paid for.',
    data: z.strictObject({ entryId: id, reason: z.string() }),
    example: { entryId, reason: 'declined' },
  },
  waitlist_closed: {
    ...waitlist,
    says: 'An entry ended with the list, or because nothing of what it wanted is sold any more.',
    data: z.strictObject({ entryId: id, reason: z.string() }),
    example: { entryId, reason: 'closed' },
  },
  offer_made: {
    ...waitlist,
    says: 'Places are held for somebody who waited, until they answer or the offer ends.',
    data: z.strictObject({ ...offer, quantity: z.int() }),
    example: { ...ofOffer, quantity: 2 },
  },
  offer_accepted: {
    ...waitlist,
    says: 'An offer became a shopping session.',
    data: z.strictObject(offer),
    example: ofOffer,
  },
  offer_declined: {
    ...waitlist,
    says: 'An offer was declined; its places go to the next.',
    data: z.strictObject(offer),
    example: ofOffer,
  },
  offer_expired: {
    ...waitlist,
    says: 'Nobody answered an offer in time; its places go to the next.',
    data: z.strictObject(offer),
    example: ofOffer,
  },
  offer_withdrawn: {
    ...waitlist,
    says: 'An offer ended because nothing is sold any more.',
    data: z.strictObject(offer),
    example: ofOffer,
  },
};
