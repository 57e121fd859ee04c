/**
 * Papers: what a buyer takes home (tickets on paper, an entry for the calendar, the keys that a
 * door reads tickets with), and what an organizer has to keep: receipts, invoices and credit notes.
 * It owns those documents, and who and whom they are made out to.
 *
 * It promises that each sale gets one document and each return of value one more, soon after and
 * whatever dies in between; that their numbers have no gaps; that a document never changes; and
 * that no text is left out silently: what the fonts lack is named on the page. It decides nothing
 * about an order.
 */
export { calendarText } from './calendar-text.ts';
export { documentRoutes } from './document-routes.ts';
export { documentRecurring, numberDocuments } from './number-documents.ts';
export { TICKETS_MAX } from './print-job.ts';
export { createPrinter, printProgram } from './printer.ts';
export { readPapers } from './read-papers.ts';
export { paperRoutes } from './routes.ts';
export { ticketRoutes } from './ticket-routes.ts';
