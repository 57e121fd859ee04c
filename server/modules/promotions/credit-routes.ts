import { z } from 'zod';
import { callerOf } from '../../kernel/actor.ts';
import { pageOf, pageQuery } from '../../kernel/page.ts';
import { present } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { id, instant, moneyIn, moneyOut, timeOut } from '../../kernel/schemas.ts';
import { creditCode } from './credit-code.ts';
import { giveCredit, listCredits, readBalance, readCredit } from './credits.ts';
import { creditRefusals } from './reserve-credit.ts';

const ofOrganizer = z.object({ id: id('org') });
const tag = 'Promotions';
const read = { kind: 'scope', scope: 'orders:read' } as const;

const credit = {
  id: z.string(),
  organizerId: z.string(),
  kind: z.enum(['gift', 'refund', 'remedy']),
  balance: moneyOut.describe('What can be spent now'),
  source: z.object({ orderId: z.string() }).nullable(),
  expiresAt: timeOut.nullable(),
  createdAt: timeOut,
};
const creditSchema = z.object(credit).meta({ id: 'Credit' });

const eur = (amount: number) => ({ amount, currency: 'EUR' });
const example = {
  id: 'crd_00vtdzt3h1k4r',
  organizerId: 'org_00vtdzq1a2b3c',
  kind: 'gift',
  balance: eur(5_000),
  source: null,
  expiresAt: '2036-01-01T00:00:00.000Z',
  createdAt: '2035-01-02T10:00:00.000Z',
};

export const creditRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/organizers/:id/credits',
    summary: 'Give credit',
    description:
      'A balance to be spent on any event of the organizer. Whoever has `secret`, its code, ' +
      'spends it; it is shown once.',
    tag,
    access: { kind: 'scope', scope: 'refunds:write' },
    idempotency: 'required',
    params: ofOrganizer,
    body: z
      .strictObject({
        amount: moneyIn.refine(({ amount }) => amount > 0, {
          path: ['amount'],
          message: 'must be more than nothing',
          params: { code: 'nothing' },
        }),
        expiresAt: instant.nullable().optional(),
      })
      .meta({ id: 'CreditInput' }),
    success: {
      status: 201,
      schema: z.object({ ...credit, secret: z.string().optional() }).meta({ id: 'CreditGiven' }),
      description: 'The credit, with its code',
    },
    refusals: {},
    example: {
      body: { amount: eur(5_000), expiresAt: '2036-01-01T00:00:00Z' },
      response: { ...example, secret: 'CR-7KQ4M-2X9P3-RTA8W-V5N6H' },
    },
    handle: (ctx, { actor, params, body, once }) => {
      const { key } = present(once, 'the key of a request that needs one');
      // A key counts for 24 hours, and for ever as the name of a credit: hence the body in it.
      const name = `gift:${callerOf(actor)}:${key}:${once?.bodyHash.toString('hex')}`;
      return bodyOf(giveCredit(ctx, actor, params.id, body, name));
    },
  }),
  route({
    method: 'GET',
    path: '/organizers/:id/credits',
    summary: 'List credits',
    tag,
    access: read,
    params: ofOrganizer,
    query: z.strictObject(pageQuery),
    success: { status: 200, schema: pageOf(creditSchema), description: 'A page of credits' },
    refusals: {},
    handle: (ctx, { actor, params, query }) => bodyOf(listCredits(ctx, actor, params.id, query)),
  }),
  route({
    method: 'GET',
    path: '/organizers/:id/credits/:creditId',
    summary: 'Read a credit and all that happened to it',
    tag,
    access: read,
    params: z.object({ id: id('org'), creditId: id('crd') }),
    success: {
      status: 200,
      schema: z
        .object({
          ...credit,
          entries: z.array(
            z.object({
              kind: z.enum([
                'issued',
                'reserved',
                'released',
                'spent',
                'returned',
                'expired',
                'lost',
              ]),
              amount: moneyOut.describe('They add up to the balance'),
              orderId: z.string().nullable(),
              createdAt: timeOut,
            }),
          ),
        })
        .meta({ id: 'CreditWithEntries' }),
      description: 'The credit',
    },
    refusals: {},
    handle: (ctx, { actor, params }) => bodyOf(readCredit(ctx, actor, params.id, params.creditId)),
  }),
  route({
    method: 'POST',
    path: '/credits/balance',
    summary: 'What a credit is worth',
    description: 'Unknown codes and those that have ended are answered alike.',
    tag,
    access: { kind: 'public' },
    // It changes nothing, so that every repetition is a first try.
    idempotency: 'own',
    body: z.strictObject({ code: creditCode }).meta({ id: 'CreditCode' }),
    success: {
      status: 200,
      schema: z
        .object({ organizerId: z.string(), balance: moneyOut, expiresAt: timeOut.nullable() })
        .meta({ id: 'CreditBalance' }),
      description: 'Its balance',
    },
    refusals: { credit_invalid: creditRefusals.credit_invalid },
    example: {
      body: { code: 'CR-7KQ4M-2X9P3-RTA8W-V5N6H' },
      response: {
        organizerId: example.organizerId,
        balance: example.balance,
        expiresAt: example.expiresAt,
      },
    },
    handle: (ctx, { body }) => bodyOf(readBalance(ctx, body.code)),
  }),
];
