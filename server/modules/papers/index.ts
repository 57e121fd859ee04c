/**
 * Papers: what a buyer takes home: tickets on paper, an entry for the calendar, and the keys that a
 * door reads tickets with. It owns no rows; it puts the words of an event beside an order's tickets.
 *
 * It promises that no text of a buyer or an organizer is left out silently: what the fonts lack is
 * named on the page. It decides nothing about an order.
 */
export { paperRoutes } from './routes.ts';
