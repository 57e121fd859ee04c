import { z } from 'zod';
import { isStaffOf } from '../../kernel/actor.ts';
import { ok, refused } from '../../kernel/result.ts';
import { type Route, route } from '../../kernel/route.ts';
import { id } from '../../kernel/schemas.ts';
import { type PaymentAccount, readPaymentAccount, setPaymentAccount } from './accounts.ts';

const method = z.enum(['payment_intent', 'checkout_session']);

const paymentAccount = z
  .object({
    organizerId: z.string(),
    provider: z.string(),
    livemode: z.boolean().describe('Whether it is for live keys'),
    account: z.string().nullable(),
    source: z
      .enum(['set', 'instance', 'sandbox', 'none'])
      .describe('`instance`: that of the installation’s own key. `none`: it cannot take money'),
    defaultMethod: method,
  })
  .meta({ id: 'PaymentAccount' });

const params = z.object({ id: id('org') });

const example = {
  organizerId: 'org_00vtdzq1a2b3c',
  provider: 'stripe',
  livemode: false,
  account: 'acct_1Qx3mR7k2Vb9Ns5T',
  source: 'set',
  defaultMethod: 'payment_intent',
} as const;

export const accountRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/organizers/:id/payment-account',
    summary: 'Read where an organizer’s money goes',
    tag: 'Access',
    access: { kind: 'scope', scope: 'orders:read' },
    params,
    success: { status: 200, schema: paymentAccount, description: 'The account' },
    refusals: {},
    example: { response: example },
    handle: async (ctx, { actor, params: { id: organizerId } }) => {
      if (!isStaffOf(actor, organizerId, 'orders:read')) return refused('not_found');
      const found = await readPaymentAccount(ctx, organizerId);
      return found ? ok({ body: view(found, organizerId, ctx.ports.payments) }) : NOT_FOUND;
    },
  }),
  route({
    method: 'PUT',
    path: '/organizers/:id/payment-account',
    summary: 'Set where an organizer’s money goes',
    description:
      'A connected account of the payment provider, for payments from now on. Null: none of its ' +
      'own; the default organizer then collects through the installation’s own account, and any ' +
      'other takes no money (in the sandbox, through an account of the simulator).',
    tag: 'Access',
    access: { kind: 'platform', scope: 'platform:write' },
    params,
    body: z
      .strictObject({
        account: z
          .string()
          .regex(/^acct_[A-Za-z0-9]{1,64}$/, 'must be the id of an account (acct_…)')
          .nullable(),
        defaultMethod: method.default('payment_intent'),
      })
      .meta({ id: 'PaymentAccountInput' }),
    success: { status: 200, schema: paymentAccount, description: 'The account' },
    refusals: {
      payment_account_taken: { status: 409, title: 'Another organizer has this account' },
      payment_account_unusable: {
        status: 422,
        title: 'The account is not connected to this installation, or cannot take money',
      },
      payment_provider_unavailable: {
        status: 503,
        title: 'The payment provider does not answer',
        retryAfterSeconds: 2,
      },
    },
    example: {
      body: { account: example.account, defaultMethod: example.defaultMethod },
      response: example,
    },
    handle: async (ctx, { params: { id: organizerId }, body }) => {
      const set = await setPaymentAccount(ctx, organizerId, body);
      return set.ok ? ok({ body: view(set.value, organizerId, ctx.ports.payments) }) : set;
    },
  }),
];

const NOT_FOUND = refused('not_found');

function view(
  found: PaymentAccount,
  organizerId: string,
  port: { readonly name: string; readonly livemode: boolean },
) {
  return { organizerId, provider: port.name, livemode: port.livemode, ...found };
}
