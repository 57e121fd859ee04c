/**
 * Ticket codes: what a ticket proves itself with. It owns no rows: the key pair of an event and the
 * codes that it signs are derived from the instance's secret.
 *
 * It promises that a code is the same for whoever asks, until its ticket is reissued; that it can
 * be checked with the event's public key alone; and that nobody without the secret can make one. It
 * does not know whether a ticket is worth anything: orders decide that before they give a code out.
 */
export { qrBars, qrModules, qrPng, qrSvg } from './qr-code.ts';
export { EPOCH_MAX, publicKeyFrom, verifyTicketCode } from './ticket-code.ts';
export { publicKeysOf, ticketCode } from './ticket-keys.ts';
