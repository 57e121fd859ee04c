/**
 * Outgoing webhooks: facts, as signed messages, to where an organizer wants them. It owns
 * endpoints, the messages to them, and the log of attempts. The provider's incoming webhooks live
 * in payments.
 *
 * It promises that each fact of an organizer becomes one message for each endpoint that wants it,
 * that the messages of one event arrive in their order (a later one is not sent before the one
 * before was taken or given up) while other events go on, that an attempt is made by one worker,
 * that nothing is sent to an address that is not public, and that neither slow nor dead endpoints
 * hold up anybody else. At least once: a receiver knows a message by its id.
 *
 * It does not know what a fact means, and sends it as the room said it.
 */
export { deliveryRoutes } from './delivery-routes.ts';
export { forgetDeliveriesRecurring, forgetEndpointJob } from './forget-deliveries.ts';
export type { SendError, SendOutcome, WebhookMessage, WebhookPort } from './port.ts';
export { endpointRoutes } from './routes.ts';
export { dueWebhooksRecurring, sendWebhooksJob } from './send-deliveries.ts';
export { ENDPOINTS_AT_ONCE } from './turns.ts';
export { webhooksConsumer } from './write-deliveries.ts';
