/** How a buyer pays a pending order: the provider's intent or its page, made now or found again. */
import type { Ctx } from '../../kernel/context.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import type { OrderRow } from '../orders/index.ts';
import {
  type Asked,
  askCheckout,
  askIntent,
  hasFailed,
  type PaymentRow,
} from '../payments/index.ts';
import { checkoutTerms } from './checkout-terms.ts';

export type WaysToPay = {
  /** For the provider's widget. */
  readonly clientSecret?: string;
  /** The provider's page. */
  readonly redirectUrl?: string;
  /** The connected account that the widget needs to be told. */
  readonly account?: string;
};

export async function waysToPay(
  ctx: Ctx,
  order: OrderRow,
  payment: PaymentRow,
): Promise<Result<WaysToPay, RefusalOf<'payment_provider_unavailable' | 'payment_refused'>>> {
  // Whoever paid now would have nothing for it.
  if (hasFailed(payment)) return ok({});
  const account = payment.account === null ? {} : { account: payment.account };
  if (payment.method === 'checkout_session') {
    const known = payment.checkoutUrl;
    if (known !== null || order.status !== 'pending') {
      return ok(known === null ? {} : { redirectUrl: known });
    }
    return answered(await askCheckout(ctx, payment, checkoutTerms(order, payment)), ({ url }) =>
      url === null ? {} : { redirectUrl: url },
    );
  }
  if (payment.providerId !== null || order.status !== 'pending') {
    return ok({ ...withSecret(ctx, payment, payment.clientSecret), ...account });
  }
  return answered(await askIntent(ctx, payment, `Order ${order.orderId}`), ({ clientSecret }) => ({
    ...withSecret(ctx, payment, clientSecret),
    ...account,
  }));
}

function answered<T>(asked: Asked<T>, ways: (value: T) => WaysToPay) {
  if (asked.kind === 'ok') return ok(ways(asked.value));
  if (asked.kind === 'unknown') return refused('payment_provider_unavailable');
  return refused('payment_refused', { detail: asked.message });
}

function withSecret(ctx: Ctx, payment: PaymentRow, clientSecret: string | null): WaysToPay {
  if (clientSecret === null) return {};
  const intentId = clientSecret.replace(/_secret_.*$/, '');
  const { hostedPage } = ctx.ports.payments;
  const redirectUrl = payment.method === 'payment_intent' && hostedPage?.(intentId, clientSecret);
  return { clientSecret, ...(redirectUrl ? { redirectUrl } : {}) };
}
