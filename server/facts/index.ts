/**
 * All facts of the product, by kind: what others may build on. Each room announces its own; here
 * they are described, for the documentation, the schemas and the tests.
 */
import type { FactDefinitions } from '../kernel/facts.ts';
import { catalogFacts } from './catalog.ts';
import { inventoryFacts } from './inventory.ts';
import { orderFacts } from './orders.ts';
import { paymentFacts } from './payments.ts';
import { promotionFacts } from './promotions.ts';
import { waitlistFacts } from './waitlist.ts';
import { webhookFacts } from './webhooks.ts';

export const facts: FactDefinitions = {
  ...catalogFacts,
  ...inventoryFacts,
  ...orderFacts,
  ...paymentFacts,
  ...promotionFacts,
  ...waitlistFacts,
  ...webhookFacts,
};
