/**
 * Changes: what happens to people who have already bought. It owns the changes of events (a row for
 * each: what is offered, until when, how far the work is); what each order gets is a row of
 * orders'. It cancels and moves events through catalogue, inventory, orders and payments.
 *
 * It promises that nobody who paid for a cancelled event is left without a remedy: the event is
 * marked in one transaction together with the work that follows; that work goes on until nothing is
 * left, whoever dies on the way; a refund is written down with the end of its order; what was
 * chosen is final, and whoever does not choose gets what was promised for that.
 *
 * It does not submit refunds: payments does, as fast as the provider bears.
 */
export { changesRecurring, followChangeJob } from './follow-change.ts';
export { progressOf } from './read-progress.ts';
export { remedyRoutes } from './remedy-routes.ts';
export { changesRoutes } from './routes.ts';
