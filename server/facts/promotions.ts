/** What promotions announce; never a code. */
import { z } from 'zod';
import type { FactDefinitions } from '../kernel/facts.ts';

const events = { topic: 'events', version: 1 } as const;
const nothing = { data: z.strictObject({}), example: {} };

export const promotionFacts: FactDefinitions = {
  promo_codes_made: {
    ...events,
    says: 'So many promo codes were made.',
    data: z.strictObject({ quantity: z.int() }),
    example: { quantity: 500 },
  },
  promo_code_changed: { ...events, says: 'A promo code has other terms.', ...nothing },
  promo_code_disabled: { ...events, says: 'A promo code cannot be used any more.', ...nothing },
};
