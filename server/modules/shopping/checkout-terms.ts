/**
 * What the provider's page (a Checkout Session) is made with: all of it from stored rows, so that a
 * session that is asked for again after a lost answer is the same one.
 */
import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import type { Config } from '../../kernel/config.ts';
import type { OrganizerId } from '../../kernel/ids.ts';
import type { OrderRow } from '../orders/index.ts';
import type { CheckoutTerms, PaymentRow } from '../payments/index.ts';

/**
 * Longer than the provider's least (30 minutes) by as much as a lost request may be repeated after.
 * It ends earlier: with its order, when we end it at the provider.
 */
const SESSION_MS = 2 * 3_600_000;

/**
 * Where the buyer comes back to, or null where this caller may not send them there. Staff and their
 * servers name any page; whoever may be anybody, only one of this installation: a link that begins
 * at the provider's page and ends at a stranger's would be trusted.
 */
export function returnUrlFor(
  config: Pick<Config, 'BASE_URL' | 'HOST' | 'PORT'>,
  actor: Actor,
  organizerId: OrganizerId,
  wanted: string | undefined,
): string | null {
  const home = config.BASE_URL ?? `http://${config.HOST}:${config.PORT}`;
  if (wanted === undefined) return `${home}/`;
  const isOurs = new URL(wanted).origin === new URL(home).origin;
  return isOurs || isStaffOf(actor, organizerId, 'orders:write') ? wanted : null;
}

export function checkoutTerms(order: OrderRow, payment: PaymentRow): CheckoutTerms {
  const back = (checkout: 'done' | 'left') => {
    const url = new URL(payment.returnUrl ?? '');
    url.searchParams.set('order', order.orderId);
    url.searchParams.set('checkout', checkout);
    return url.href;
  };
  return {
    description: `Order ${order.orderId}`,
    customerEmail: order.buyerEmail,
    successUrl: back('done'),
    cancelUrl: back('left'),
    expiresAt: new Date(order.madeAt.getTime() + SESSION_MS),
  };
}
