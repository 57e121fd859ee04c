/**
 * The waitlist: people who want places of a sold-out event, in the order in which they came. It
 * owns their entries and the offers that are made to them; an offer's places are a hold of
 * inventory's, and once it is accepted, a shopping session of theirs.
 *
 * It promises that places which come back while somebody waits for them are offered, within a
 * second, to the first who can use them, and sold to nobody else meanwhile; that nobody behind is
 * given what one before could have used whole at that moment; that a hold, its offer and the state
 * of its entry are one transaction; and that what nobody waits for is on sale for everybody.
 *
 * It sends nothing: whoever tells people of their offers reads its facts.
 */
export { waitlistConsumer, waitlistRecurring } from './follow-event.ts';
export { createOfferMaker, lookAtLists, type OfferMaker } from './make-offers.ts';
export { waitlistRoutes } from './routes.ts';
export { waitlistEntryMachine, waitlistOfferMachine } from './states.ts';
