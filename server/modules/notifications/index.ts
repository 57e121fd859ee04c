/**
 * Notifications: messages owed to people, by e-mail and text message. It owns what is owed, what
 * became of it, and what is known of an address: that mail to it comes back, that its owner wants
 * only what they have to know.
 *
 * It promises that the same happening is told to the same recipient once, whoever dies in between,
 * but for a moment that nobody can see into (send-message.ts); that what is told is what is so when
 * it is sent; that nobody gets more than so many an hour; and that very many messages at once
 * are laid out over time, behind what single people wait for. It keeps no words of a message.
 *
 * It decides nothing: it hears facts, or is asked by a room in whose transaction something became
 * true. It does not know how mail travels: adapters do.
 */
export { notificationConsumer } from './consumer.ts';
export { notify, recipientKey, SEND_JOB, SEND_URGENT_JOB } from './notify.ts';
export { optOut, optOutKey } from './opt-out.ts';
export {
  DELIVERY_MAX_MS,
  type Delivery,
  homeOf,
  type Mail,
  type MailPort,
  type SmsPort,
} from './ports.ts';
export { type Preview, previews } from './preview.ts';
export { forgetBounces } from './recipients.ts';
export { forgetMessagesRecurring, reminderRecurring, roundJob } from './rounds.ts';
export { notificationRoutes } from './routes.ts';
export { sendMessage } from './send-message.ts';
export type { SignInWords } from './write-message.ts';
