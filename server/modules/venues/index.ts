/**
 * Venues: buildings and their floor plans, which seats there are, where they stand, and which of
 * them are good together. It owns venues, configurations (floor plans with versions and dates), and
 * the rule of the best available block.
 *
 * It promises that a plan is taken whole or not at all, that a published version never changes,
 * that a plan has no seat twice and no distance that cannot be compared, and that the block it
 * proposes is the best by the rule written down in best-available.ts.
 *
 * It does not know what is on sale: whether a seat is free is told by whoever sells it, and a
 * proposal decides nothing.
 */
export { comparePlans, type PlanDifference } from './compare-plans.ts';
export type { ConfigurationId, ConfigurationRow } from './configuration.sql.ts';
export {
  addConfiguration,
  findConfiguration,
  readBuilding,
  readPlan,
  type Surveyed,
  takeConfiguration,
  versionsLike,
} from './configurations.ts';
export { FreeSeats } from './free-seats.ts';
export { type FreeSeat, proposeSeats, type SeatsProposed } from './propose-seats.ts';
export { readPlanFile } from './read-plan-file.ts';
export { venueRoutes } from './routes.ts';
export { drawSeatMap } from './seat-map.ts';
export { gridPlan, planSeats, type SeatPlan, type SpecialSeat } from './seat-plan.ts';
export {
  choicesOf,
  type PlaceOnSale,
  type PlanPlaces,
  placesOf,
  type SectionChoices,
  specialOf,
} from './take-plan.ts';
export type { VenueId } from './venue.sql.ts';
export { createVenue } from './venues.ts';
