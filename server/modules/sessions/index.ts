/**
 * Sessions: a buyer's visit to the selection page, from landing there to the tickets. It owns what
 * was said on the way (who buys, who comes, how it is paid) and the countdown; the places are a
 * hold's, the purchase is an order's, and both are made and ended by the rooms that own them.
 *
 * It promises that the countdown runs from the beginning and is the end of the places too; that the
 * places chosen before are lost only to those chosen next; that a session has one order at a time,
 * of what it was when it was purchased; that a declined payment loses nothing but that order; and
 * that what is kept of people here is deleted some days after the end.
 *
 * What a session is follows from its row, its order and the time, whether or not anybody has
 * written it down. It does not look at payments: settlement does, in `shopping`.
 */
export { findSession, readSession } from './find-session.ts';
export { sessionRoutes } from './routes.ts';
export { type SessionView, sessionSchema } from './session-view.ts';
export { openedSession } from './start-session.ts';
export { sessionMachine } from './states.ts';
export { sessionRecurring } from './tidy-sessions.ts';
