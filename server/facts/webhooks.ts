/** What the sender of webhooks announces. */
import { z } from 'zod';
import type { FactDefinitions } from '../kernel/facts.ts';

const id = z.string().min(1);

export const webhookFacts: FactDefinitions = {
  webhook_endpoint_disabled: {
    topic: 'webhooks',
    version: 1,
    says: 'An endpoint gets no webhooks any more: it is gone, or nothing arrived for five days.',
    data: z.strictObject({
      organizerId: id,
      endpointId: id,
      reason: z.enum(['gone', 'failing']),
      failingSince: z.string().nullable(),
    }),
    example: {
      organizerId: 'org_00vtdzq1a2b3c',
      endpointId: 'whe_00vtdzt5n7p9q',
      reason: 'failing',
      failingSince: '2035-05-02T10:00:00.000Z',
    },
  },
};
