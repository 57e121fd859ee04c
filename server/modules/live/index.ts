/**
 * Live: whoever watches an event, an order or a session is told what changes, as it changes. It
 * owns the connections of this process and nothing in the database.
 *
 * It promises that what is told is what a request would have been answered at that time, in order;
 * that each change is encoded once for all who hear of it; that whoever comes back with the last id
 * misses nothing; and that somebody who does not read costs the process neither memory nor time.
 *
 * Nothing depends on it: a page that cannot listen asks again now and then.
 */
export { startLive } from './live.ts';
export { liveRoutes } from './live-routes.ts';
