/**
 * Changes: what happens to people who have already bought. It owns no rows; it cancels an event
 * through catalogue, orders and payments.
 *
 * It promises that nobody who paid for a cancelled event is left without a remedy: the event is
 * marked in one transaction together with the job that ends every order, the job goes on until
 * none is left, and each order's refund is written down with its end.
 */
export { cancelEventJob } from './cancel-event.ts';
export { changesRoutes } from './routes.ts';
