/**
 * Catalogue: what people can go to. It owns events and ticket types: words, dates, prices,
 * visibility; publishing an event opens its sale in inventory.
 *
 * It promises that an event is shown only to those who may see it (drafts to its organizer, the
 * scheduled from their hour on), that two people editing one event cannot overwrite each other
 * unknowingly (`version`), that an event with sales is never deleted, and that what is past its
 * windows leaves the live tables without being lost.
 *
 * It does not move money or people when an event changes: that is the room `changes`.
 */

export { releaseDue } from './allocations.ts';
export { archivePastEvents } from './archive-events.ts';
export { markCancelled } from './cancel-event.ts';
export { lockOwn, moveDates, type NewDates } from './edit-event.ts';
export type { EventRow } from './event.sql.ts';
export { sectionChoices } from './event-input.ts';
export {
  type PlanWanted,
  placesElsewhere,
  setPlaces,
} from './event-places.ts';
export { type EventView, eventSchema, eventView } from './event-view.ts';
export { type ImportOptions, type ImportReport, importEvents } from './import-events.ts';
export {
  type EventWords,
  eventById,
  eventsInPlans,
  findEvent,
  listEvents,
  organizerOf,
  readEventWords,
  type SeatWords,
  type Seen,
} from './read-events.ts';
export { catalogRoutes } from './routes.ts';
export { forgetAvailability, showAvailability } from './show-availability.ts';
export { eventMachine } from './states.ts';
