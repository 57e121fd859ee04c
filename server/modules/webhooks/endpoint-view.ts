import { z } from 'zod';
import { timeOut } from '../../kernel/schemas.ts';
import type { EndpointRow } from './endpoint.sql.ts';

export const endpointStatus = z.enum(['active', 'paused', 'disabled']);

export const endpointSchema = z
  .object({
    id: z.string(),
    organizerId: z.string(),
    url: z.string(),
    kinds: z
      .array(z.string())
      .nullable()
      .describe('The facts that it gets; null: all but those of the topic ticket_availability'),
    description: z.string(),
    status: endpointStatus.describe(
      '`paused`: facts are kept until it is active again. `disabled`: nothing is kept or sent',
    ),
    disabledReason: z
      .enum(['by_hand', 'gone', 'failing'])
      .nullable()
      .describe('`gone`: it has answered 410. `failing`: nothing has arrived for five days'),
    failingSince: timeOut.nullable().describe('Since then nothing has arrived'),
    previousSecretUntil: timeOut
      .nullable()
      .describe('Until then messages are also signed with the secret before'),
    createdAt: timeOut,
  })
  .meta({ id: 'WebhookEndpoint' });

export type EndpointView = z.input<typeof endpointSchema>;

export const endpointWithSecret = endpointSchema
  .extend({ secret: z.string().optional().describe('Signs the messages. Not in a replay') })
  .meta({ id: 'WebhookEndpointWithSecret' });

export function endpointView(row: EndpointRow): EndpointView {
  return {
    id: row.endpointId,
    organizerId: row.organizerId,
    url: row.url,
    kinds: row.kinds === null ? null : [...row.kinds],
    description: row.description,
    status: row.status,
    disabledReason: row.disabledReason,
    failingSince: row.failingSince?.toISOString() ?? null,
    previousSecretUntil: row.previousUntil?.toISOString() ?? null,
    createdAt: row.madeAt.toISOString(),
  };
}
