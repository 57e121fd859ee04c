/**
 * Identity: who may ask. It owns organizers (the tenants), people and what they have proved
 * to be theirs, roles as data, and API keys.
 *
 * It promises that a key's secret is stored only as a hash and shown once, that a lapsed key opens
 * nothing from that moment, and a revoked one from that moment in the process that revoked it and
 * within KEY_STALE_MAX_MS in every other (keys in use are kept in memory that long, so that none is
 * looked up at every request), and that an organizer never sees another's people.
 * Access tokens of guests are derived from the object's id, not stored. It does not know what any
 * scope lets one do: each route says that for itself.
 */
export { accessTokenFor, opensWith } from './access-token.ts';
export { authenticate } from './authenticate.ts';
export {
  type Contact,
  closeSignInKey,
  contactsOfBuyer,
  languageOfPerson,
  openSignInKey,
  personByContact,
  proveContact,
} from './contacts.ts';
export { ensureFirstAdmin } from './ensure-first-admin.ts';
export { defaultOrganizer, organizerExists, organizerName } from './organizers.ts';
export { identityRoutes } from './routes.ts';
export { readStandbyKeys } from './standby-keys.ts';
