import { z } from 'zod';
import { pageOf, pageQuery } from '../../kernel/page.ts';
import { ok } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { id } from '../../kernel/schemas.ts';
import { promoRefusals } from './apply-code.ts';
import { checkCode, checkedSchema } from './check-code.ts';
import {
  createCode,
  createCodes,
  endCode,
  exportCodes,
  listCodes,
  replaceCode,
} from './promo-codes.ts';
import { batchName, promoCode, promoIn, promoSchema, termsIn, termsShape } from './promo-view.ts';

const CODES_AT_ONCE_MAX = 10_000;

const write = { kind: 'scope', scope: 'events:write' } as const;
const ofEvent = z.object({ id: id('evt') });
const ofCode = z.object({ id: id('evt'), code: promoCode });
const tag = 'Promotions';

const eur = (amount: number) => ({ amount, currency: 'EUR' });
const exampleTerms = { kind: 'percent', percent: 20, maxUses: 100, maxTickets: 4 };
const example = {
  code: 'EARLY-BIRD',
  kind: 'percent',
  percent: 20,
  amount: null,
  ticketTypeIds: null,
  unlocks: false,
  validFrom: null,
  validUntil: '2035-05-01T00:00:00.000Z',
  maxUses: 100,
  maxTickets: 4,
  batch: null,
  disabled: false,
  uses: { orders: 12, tickets: 31 },
  createdAt: '2035-01-02T10:00:00.000Z',
};

export const promoRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/events/:id/promo-codes',
    summary: 'Make a promo code',
    description:
      'Of one event. It lowers the price of each ticket that it is for, opens ticket types that ' +
      'need a code, or both. Codes are compared in capitals.',
    tag,
    access: write,
    params: ofEvent,
    body: promoIn,
    success: { status: 201, schema: promoSchema, description: 'The code' },
    refusals: {
      promo_code_exists: { status: 409, title: 'This event has such a code: change it instead' },
    },
    example: { body: { code: 'EARLY-BIRD', ...exampleTerms }, response: example },
    handle: (ctx, { actor, params, body }) => bodyOf(createCode(ctx, actor, params.id, body)),
  }),
  route({
    method: 'POST',
    path: '/events/:id/promo-codes/bulk',
    summary: 'Make many promo codes at once',
    description: 'Each of them for one order, unless `maxUses` says otherwise.',
    tag,
    access: write,
    params: ofEvent,
    body: z
      .strictObject({
        count: z.int().min(1).max(CODES_AT_ONCE_MAX),
        batch: batchName.describe('What they are called together'),
        prefix: z
          .string()
          .regex(/^[A-Z0-9]{1,20}$/)
          .optional()
          .describe('What each begins with'),
        ...termsShape,
      })
      .meta({ id: 'PromoCodeBulk' }),
    success: {
      status: 201,
      schema: z
        .object({ batch: z.string(), codes: z.array(z.string()) })
        .meta({ id: 'PromoCodesMade' }),
      description: 'The codes',
    },
    refusals: {},
    example: {
      body: { count: 2, batch: 'Newsletter', prefix: 'NEWS', kind: 'percent', percent: 10 },
      response: { batch: 'Newsletter', codes: ['NEWS-7KQ4M2X9P3RT', 'NEWS-A8WV5N6HJ2CD'] },
    },
    handle: (ctx, { actor, params, body }) => bodyOf(createCodes(ctx, actor, params.id, body)),
  }),
  route({
    method: 'GET',
    path: '/events/:id/promo-codes',
    summary: 'List promo codes',
    tag,
    access: write,
    params: ofEvent,
    query: z.strictObject({ ...pageQuery, batch: batchName.optional() }),
    success: { status: 200, schema: pageOf(promoSchema), description: 'A page, by code' },
    refusals: {},
    handle: (ctx, { actor, params, query }) => bodyOf(listCodes(ctx, actor, params.id, query)),
  }),
  route({
    method: 'GET',
    path: '/events/:id/promo-codes/export',
    summary: 'All promo codes as CSV',
    tag,
    access: write,
    params: ofEvent,
    query: z.strictObject({ batch: batchName.optional() }),
    success: {
      status: 200,
      schema: z.string(),
      description: 'code, batch, used, maxUses, disabled',
      contentType: 'text/csv; charset=utf-8',
    },
    refusals: {},
    handle: async (ctx, { actor, params, query }) => {
      const table = await exportCodes(ctx, actor, params.id, query.batch);
      return table.ok ? ok({ body: table.value }) : table;
    },
  }),
  route({
    method: 'PUT',
    path: '/events/:id/promo-codes/:code',
    summary: 'Change a promo code',
    description: 'All of its terms. Orders keep their prices. A disabled code is in use again.',
    tag,
    access: write,
    params: ofCode,
    body: termsIn,
    success: { status: 200, schema: promoSchema, description: 'The code' },
    refusals: {
      max_uses_below_used: { status: 409, title: 'It was used more often: disable it instead' },
    },
    example: { body: exampleTerms, response: example },
    handle: (ctx, { actor, params, body }) =>
      bodyOf(replaceCode(ctx, actor, params.id, params.code, body)),
  }),
  route({
    method: 'DELETE',
    path: '/events/:id/promo-codes/:code',
    summary: 'Disable a promo code',
    description: 'Nobody uses it from now on. It stays in the list with its uses.',
    tag,
    access: write,
    params: ofCode,
    success: { status: 204, schema: null, description: 'It is disabled' },
    refusals: {},
    handle: (ctx, { actor, params }) => bodyOf(endCode(ctx, actor, params.id, params.code)),
  }),
  route({
    method: 'POST',
    path: '/events/:id/promo-codes/check',
    summary: 'What a promo code would do',
    description: 'Unknown codes and those that have ended are answered alike.',
    tag,
    access: { kind: 'public' },
    // It changes nothing, so that every repetition is a first try.
    idempotency: 'own',
    params: ofEvent,
    body: z.strictObject({ code: promoCode }).meta({ id: 'PromoCodeCheck' }),
    success: { status: 200, schema: checkedSchema, description: 'What it would do' },
    refusals: promoRefusals,
    example: {
      body: { code: 'EARLY-BIRD' },
      response: {
        code: 'EARLY-BIRD',
        maxTickets: 4,
        validUntil: '2035-05-01T00:00:00.000Z',
        ticketTypes: [
          {
            id: 'tt_00vtdzt3h1k4r00vtdzt3k7m2q9x4c5b8n3w6',
            name: 'Standard',
            price: eur(2_500),
            priceWithCode: eur(2_000),
            unlocked: false,
          },
        ],
      },
    },
    handle: (ctx, { actor, params, body }) => bodyOf(checkCode(ctx, actor, params.id, body.code)),
  }),
];
