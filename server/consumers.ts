/** Who reads the facts of the product; each has a position of its own. */
import type { Consumer } from './kernel/consumers.ts';
import { notificationConsumer } from './modules/notifications/index.ts';
import { waitlistConsumer } from './modules/waitlist/index.ts';

export const consumers: readonly Consumer[] = [notificationConsumer, waitlistConsumer];
