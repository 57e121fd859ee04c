/**
 * Inventory: the places on sale and who holds them. It owns the sale of an event (window, state,
 * limits), pools, the terms of ticket types, and holds.
 *
 * It promises that no pool ever gives out more than its capacity, that a person's cap holds for
 * every key they are known by, that a hold is granted whole or not at all, that a lapsed hold's
 * places go to whoever asks next, and that a repeated request gets the first answer. All of it is
 * decided by SQL functions that lock the event's sale row first (docs/locking.md).
 *
 * It does not know what an order or a payment is: a hold is claimed, sold and returned by whoever
 * has the right to compose its functions in a transaction.
 */

export {
  type Availability,
  availabilityBeside,
  readAvailabilities,
  readAvailability,
  readSaleVersion,
  type SaleStatus,
} from './availability.ts';
export { changeHold, nameHolder } from './change-hold.ts';
export {
  type Hold,
  type HoldRefusal,
  holdRefusals,
  refusedWhileStopped,
} from './hold-answer.ts';
export { PAYING_RANK } from './hold-kinds.ts';
export { type HoldItem, holdPlaces, type Opening } from './hold-places.ts';
export { personKeys } from './person-keys.ts';
export { readHold, refusedFor, wasHeld } from './read-hold.ts';
export { releaseHold } from './release-hold.ts';
export {
  readPlanVersion,
  showSeats,
  showSeatsInWords,
  showSections,
} from './seat-board.ts';
export { holdMachine } from './states.ts';
export {
  blockPlaces,
  blockSeats,
  dropSale,
  dropTicketType,
  lockSeats,
  movePlan,
  type NewSeat,
  openSale,
  openSeats,
  type PlannedPlaces,
  type PoolRefusal,
  readSupplies,
  readSupply,
  type SaleTerms,
  type Supply,
  setPool,
  setSale,
  setSaleState,
  setTicketType,
  type TakenSeat,
  takenSeats,
  unblockSeats,
} from './supply.ts';
export { archiveHolds, sweepLapsed } from './tidy-holds.ts';
