/** Who reads the facts of the product; each has a position of its own. */
import { facts } from './facts/index.ts';
import type { Consumer } from './kernel/consumers.ts';
import { notificationConsumer } from './modules/notifications/index.ts';
import { waitlistConsumer } from './modules/waitlist/index.ts';
import { webhooksConsumer } from './modules/webhooks/index.ts';

export const consumers: readonly Consumer[] = [
  notificationConsumer,
  waitlistConsumer,
  webhooksConsumer(facts),
];
