import { z } from 'zod';
import { timeOut } from '../../kernel/schemas.ts';
import type { DeliveryRow } from './delivery.sql.ts';

export const deliveryStatus = z.enum(['waiting', 'delivered', 'failed']);

const attempt = z
  .object({
    number: z.int(),
    at: timeOut,
    statusCode: z.int().nullable(),
    latencyMs: z.int(),
    error: z
      .enum([
        'address_refused',
        'name_not_found',
        'connection_refused',
        'connection_lost',
        'connection_failed',
        'tls_failed',
        'not_http',
        'timeout',
      ])
      .nullable()
      .describe('Why there was no answer'),
    response: z.string().describe('The first 1,024 bytes of the answer'),
  })
  .meta({ id: 'WebhookAttempt' });

export const deliverySchema = z
  .object({
    id: z.string().describe('The header `webhook-id`: the same at each attempt'),
    endpointId: z.string(),
    kind: z.string(),
    eventId: z.string().nullable().describe('Null for a test'),
    seq: z.int().nullable().describe('The fact’s number among those of its event'),
    status: deliveryStatus.describe('`failed`: ten attempts have failed, and it is given up'),
    nextAttemptAt: timeOut.nullable().describe('Where an attempt has failed and another follows'),
    createdAt: timeOut,
    deliveredAt: timeOut.nullable(),
    attempts: z.array(attempt).describe('The last twenty'),
  })
  .meta({ id: 'WebhookDelivery' });

export type DeliveryView = z.input<typeof deliverySchema>;

export function deliveryView(row: DeliveryRow): DeliveryView {
  return {
    id: row.deliveryId,
    endpointId: row.endpointId,
    kind: row.kind,
    eventId: row.eventId,
    seq: row.seq,
    status: row.status,
    nextAttemptAt: row.nextAt?.toISOString() ?? null,
    createdAt: row.madeAt.toISOString(),
    deliveredAt: row.deliveredAt?.toISOString() ?? null,
    attempts: row.attempts.map((each) => ({ ...each, at: new Date(each.at).toISOString() })),
  };
}
