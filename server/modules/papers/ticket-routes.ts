import { z } from 'zod';
import { ok } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { id } from '../../kernel/schemas.ts';
import { orderSchema, reissueTicket } from '../orders/index.ts';
import { qrPng, qrSvg } from '../ticket-codes/index.ts';
import { showCode } from './show-code.ts';

const params = z.object({ id: id('ord'), ticketId: id('tkt') });

const notValid = { status: 409, title: 'Only a valid ticket has a code to give out' } as const;

const pictures = [
  { type: 'svg', contentType: 'image/svg+xml', draw: qrSvg },
  { type: 'png', contentType: 'image/png', draw: qrPng },
] as const;

const pictureRoutes = pictures.map(({ type, contentType, draw }) =>
  route({
    method: 'GET',
    path: `/orders/:id/tickets/:ticketId/qr.${type}`,
    summary: `A ticket’s code as a QR code (${type.toUpperCase()})`,
    description: 'In alphanumeric mode with error correction M, its quiet zone around it.',
    tag: 'Orders',
    access: { kind: 'owner', scope: 'orders:read' },
    params,
    success: { status: 200, schema: z.string(), description: 'The picture', contentType },
    refusals: { ticket_not_valid: notValid },
    handle: async (ctx, { actor, params: { id: orderId, ticketId } }) => {
      const code = await showCode(ctx, actor, orderId, ticketId);
      return code.ok ? ok({ body: '', encoded: draw(code.value) }) : code;
    },
  }),
);

export const ticketRoutes: readonly Route[] = [
  ...pictureRoutes,
  route({
    method: 'POST',
    path: '/orders/:id/tickets/:ticketId/reissue',
    summary: 'Give a ticket a new code',
    description:
      'For a code that was lost or seen by others. The old one keeps its good signature, but its ' +
      'epoch is not the ticket’s any more: doors compare it. Tickets that were handed out before ' +
      'have to be fetched again.',
    tag: 'Orders',
    access: { kind: 'owner', scope: 'orders:write' },
    params,
    success: { status: 200, schema: orderSchema, description: 'The order, with the new code' },
    refusals: {
      ticket_not_valid: notValid,
      ticket_reissued_too_often: { status: 409, title: 'The ticket has no further code to give' },
    },
    handle: async (ctx, { actor, params: { id: orderId, ticketId } }) => {
      return bodyOf(reissueTicket(ctx, actor, orderId, ticketId));
    },
  }),
];
