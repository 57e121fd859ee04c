import { defineMachine } from '../../kernel/states.ts';

export type EntryState = 'waiting' | 'offered' | 'converted' | 'left' | 'closed';

/**
 * `offered`: places are held for them, until they have bought (`converted`), or have not (`left`).
 * `closed`: it ended without their doing, with the list or the sale.
 */
export const waitlistEntryMachine = defineMachine<EntryState>({
  name: 'waitlist_entry',
  initial: ['waiting'],
  edges: {
    waiting: ['offered', 'left', 'closed'],
    offered: ['converted', 'left', 'closed'],
    converted: [],
    left: [],
    closed: [],
  },
});

export type OfferState = 'open' | 'accepted' | 'declined' | 'expired' | 'withdrawn';

/** `accepted`: it has become a shopping session, which goes on by itself. */
export const waitlistOfferMachine = defineMachine<OfferState>({
  name: 'waitlist_offer',
  initial: ['open'],
  edges: {
    open: ['accepted', 'declined', 'expired', 'withdrawn'],
    accepted: [],
    declined: [],
    expired: [],
    withdrawn: [],
  },
});
