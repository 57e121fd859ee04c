import { z } from 'zod';
import { type Actor, buyingPerson } from '../../kernel/actor.ts';
import { eventOf, type HoldId } from '../../kernel/ids.ts';
import { languageFor, languages } from '../../kernel/language.ts';
import { ok, present, refused } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { email, id, line, moneyOut, phone, timeOut } from '../../kernel/schemas.ts';
import {
  changeHold,
  type Hold,
  holdPlaces,
  holdRefusals,
  personKeys,
  readHold,
  refusedWhileStopped,
  releaseHold,
  wasHeld,
} from '../inventory/index.ts';
import { orderSchema } from '../orders/index.ts';
import { creditCode, promoCode, promoRefusals } from '../promotions/index.ts';
import { bookPlaces } from './book-places.ts';
import { findHold } from './find-hold.ts';
import { holdItems, items } from './hold-items.ts';
import { openingFor, priceRefusals } from './price-order.ts';
import { stopRoutes } from './stop-routes.ts';

export const buyer = z
  .strictObject({
    name: line(200),
    email,
    phone: phone.optional(),
    language: z
      .enum(languages)
      .optional()
      .describe('Of the letters; default: what the browser asks for, or the organizer’s'),
  })
  .meta({ id: 'Buyer' });

export const returnUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https address' })
  .max(1_000)
  .refine((text) => URL.canParse(text) && new URL(text).username === '', {
    message: 'must not name a user',
  });

const holdSchema = z
  .object({
    id: z.string(),
    eventId: z.string(),
    status: z.enum(['active', 'claimed', 'sold', 'released', 'lapsed']),
    expiresAt: timeOut,
    items: z.array(
      z.object({
        ticketTypeId: z.string(),
        quantity: z.int(),
        seats: z.array(z.string()).optional(),
        unitPrice: moneyOut,
      }),
    ),
    total: moneyOut,
    promoCode: z
      .string()
      .nullable()
      .describe('What the buyer gave; a booking on the hold uses it, and costs what it makes it'),
  })
  .meta({ id: 'Hold' });

type Held = Pick<Hold, 'eventId' | 'expiresAt' | 'currency' | 'items' | 'promoCode'>;

function holdView(holdId: HoldId, hold: Held, status: z.infer<typeof holdSchema>['status']) {
  const money = (amount: number) => ({ amount, currency: hold.currency });
  return {
    id: holdId,
    eventId: hold.eventId,
    status,
    expiresAt: hold.expiresAt.toISOString(),
    items: hold.items.map((item) => ({
      ticketTypeId: item.ticketTypeId,
      quantity: item.quantity,
      ...(item.seats ? { seats: [...item.seats] } : {}),
      unitPrice: money(item.unitPriceMinor),
    })),
    total: money(hold.items.reduce((sum, i) => sum + i.quantity * i.unitPriceMinor, 0)),
    promoCode: hold.promoCode,
  };
}

/** Whose sales this actor sees before everybody else does. */
function seesOf(actor: Actor) {
  if (actor.kind !== 'key' || !actor.scopes.has('events:read')) return null;
  return actor.platform ? 'any' : actor.organizerId;
}

const ofEvent = z.object({ id: id('evt') });
const ofHold = z.object({ id: id('hld') });

const eur = (amount: number) => ({ amount, currency: 'EUR' });
const exampleItem = { ticketTypeId: 'tt_00vtdzt3h1k4r00vtdzt3k7m2q9x4c5b8n3w6', quantity: 2 };
const exampleItems = [exampleItem];
const exampleBuyer = { name: 'Ada Lovelace', email: 'ada@example.org' };
const exampleHold = {
  id: 'hld_00vtdzt3h1k4r00vtdzv8d3f6h1j4k7m9n2p5',
  eventId: 'evt_00vtdzt3h1k4r',
  status: 'active',
  expiresAt: '2035-05-02T10:15:00.000Z',
  items: [{ ...exampleItem, unitPrice: eur(2_500) }],
  total: eur(5_000),
  promoCode: null,
};
const exampleOrder = {
  id: 'ord_00vtdzt3h1k4r00vtdzw2q5r8s1t4v7w0x3y6',
  eventId: exampleHold.eventId,
  userId: null,
  buyer: { ...exampleBuyer, phone: null, language: null },
  status: 'pending',
  statusReason: null,
  expiresAt: exampleHold.expiresAt,
  items: exampleHold.items,
  total: exampleHold.total,
  breakdown: [{ kind: 'tickets', name: 'Tickets', amount: eur(5_000), included: false }],
  promoCode: null,
  tickets: [],
  payments: [
    {
      id: 'pay_00vtdzt3h1k4r00vtdzw3a6b9c2d5e8f1g4h7',
      provider: 'stripe',
      method: 'simulated',
      status: 'created',
      amount: eur(5_000),
      captured: eur(0),
      failureCode: null,
    },
  ],
  refunds: [],
  creditReturns: [],
  disputes: [],
  createdAt: '2035-05-02T10:00:00.000Z',
  confirmedAt: null,
};

const holds: readonly Route[] = [
  route({
    method: 'POST',
    path: '/events/:id/holds',
    summary: 'Hold places',
    description:
      'All or nothing, until `expiresAt`. Each item says how many places, which seats, or that ' +
      'the best available are wanted: side by side, nobody left alone beside them, as near as ' +
      'can be. Accessible and companion seats go to whoever asks for `accessible` ones, and to ' +
      'others once the rest is gone. Without a `ticketTypeId`, the best of all ticket types ' +
      'that cost no more than `priceMax` are given; of the same seats, by the cheapest. ' +
      'Repeating the request with its `Idempotency-Key` gives the first answer. An event with a ' +
      'cap per person needs the buyer.',
    tag: 'Buying',
    access: { kind: 'public' },
    idempotency: 'own',
    params: ofEvent,
    body: z
      .strictObject({
        items,
        buyer: z
          .strictObject({ name: line(200).optional(), email, phone: phone.optional() })
          .optional(),
        promoCode: promoCode
          .optional()
          .describe('Opens ticket types that need a code, and is kept for the booking'),
      })
      .meta({ id: 'HoldInput' }),
    success: { status: 201, schema: holdSchema, description: 'The hold' },
    refusals: {
      ...holdRefusals,
      ...promoRefusals,
      idempotency_key_required: { status: 400, title: 'The header Idempotency-Key is required' },
    },
    example: {
      body: { items: exampleItems, buyer: { email: exampleBuyer.email } },
      response: exampleHold,
    },
    handle: async (ctx, { actor, params, body, once }) => {
      if (!once) return refused('idempotency_key_required');
      const userId = buyingPerson(actor);
      const lines = holdItems(body.items);
      const opening = await openingFor(ctx, params.id, body.promoCode, lines);
      // A code that has ended since does not change the answer to a repetition.
      if (!opening.ok && !(await wasHeld(ctx, params.id, once))) return opening;
      const held = await holdPlaces(ctx, {
        eventId: params.id,
        items: lines,
        personKeys: personKeys(ctx.secrets, { ...body.buyer, userId }),
        ...once,
        guarded: once.caller !== 'anonymous',
        sees: seesOf(actor),
        opening: opening.ok ? opening.value : undefined,
      });
      return held.ok ? ok({ body: holdView(held.value.id, held.value, 'active') }) : held;
    },
  }),
  route({
    method: 'GET',
    path: '/holds/:id',
    summary: 'Read a hold',
    description: 'An anonymous buyer’s hold opens to whoever has its id; others to their caller.',
    tag: 'Buying',
    access: { kind: 'public' },
    params: ofHold,
    success: { status: 200, schema: holdSchema, description: 'The hold' },
    refusals: {},
    example: { response: exampleHold },
    handle: async (ctx, { actor, params }) => {
      const hold = await findHold(ctx, actor, params.id, 'orders:read');
      return hold ? ok({ body: holdView(params.id, hold, hold.status) }) : refused('not_found');
    },
  }),
  route({
    method: 'PUT',
    path: '/holds/:id',
    summary: 'Change what is held',
    description: 'The old selection is lost only if the new one is granted. The expiry stays.',
    tag: 'Buying',
    access: { kind: 'public' },
    params: ofHold,
    body: z
      .strictObject({
        items,
        promoCode: promoCode
          .nullable()
          .optional()
          .describe('Instead of the one that it has; null: none'),
      })
      .meta({ id: 'HoldChange' }),
    success: { status: 200, schema: holdSchema, description: 'The hold' },
    refusals: { ...holdRefusals, ...promoRefusals },
    example: { body: { items: exampleItems }, response: exampleHold },
    handle: async (ctx, { actor, params, body }) => {
      const stopped = await refusedWhileStopped(ctx, eventOf(params.id));
      if (stopped) return stopped;
      const hold = await findHold(ctx, actor, params.id, 'orders:write');
      if (!hold) return refused('not_found');
      const lines = holdItems(body.items);
      const code = body.promoCode === undefined ? hold.promoCode : body.promoCode;
      const opening = await openingFor(ctx, hold.eventId, code, lines);
      if (!opening.ok) return opening;
      const changed = await changeHold(ctx, params.id, lines, opening.value);
      if (!changed.ok) return changed;
      const now = present(await readHold(ctx, params.id), 'the hold');
      return ok({ body: holdView(params.id, now, now.status) });
    },
  }),
  route({
    method: 'DELETE',
    path: '/holds/:id',
    summary: 'Give up a hold',
    tag: 'Buying',
    access: { kind: 'public' },
    params: ofHold,
    success: { status: 204, schema: null, description: 'Its places are free' },
    refusals: {
      hold_ended: holdRefusals.hold_ended,
      hold_already_booked: holdRefusals.hold_already_booked,
    },
    handle: async (ctx, { actor, params }) => {
      if (!(await findHold(ctx, actor, params.id, 'orders:write'))) return refused('not_found');
      const released = await releaseHold(ctx, params.id);
      return released.ok ? ok({ body: null }) : released;
    },
  }),
];

export const bookingRefusals = {
  ...holdRefusals,
  ...priceRefusals,
  idempotency_key_required: { status: 400, title: 'The header Idempotency-Key is required' },
  payment_method_unavailable: { status: 422, title: 'This way to pay is not available' },
  return_url_not_allowed: { status: 422, title: 'Buyers cannot be sent to this address' },
  payment_refused: { status: 422, title: 'The payment provider refused' },
  payment_provider_unavailable: {
    status: 503,
    title: 'The payment provider does not answer; the places stay held',
    retryAfterSeconds: 2,
  },
} as const;

const bookings: readonly Route[] = [
  route({
    method: 'POST',
    path: '/events/:id/bookings',
    summary: 'Book: hold, order and payment in one call',
    description:
      'With `items`, or with the `holdId` of a hold. The answer says how to pay: a client secret ' +
      'for the provider’s widget (and in the sandbox a page to pay on), or with ' +
      '`checkout_session` the address of the provider’s own page. `simulated` is paid by a ' +
      'job after a moment. A guest keeps `accessToken`: it opens the order. To be able to ask ' +
      'for a lost answer again with its secrets, send `X-Device-Token` (16 to 128 characters of ' +
      'your own choosing).',
    tag: 'Buying',
    access: { kind: 'public' },
    idempotency: 'own',
    params: ofEvent,
    body: z
      .strictObject({
        items: items.optional(),
        holdId: id('hld').optional(),
        promoCode: promoCode
          .nullable()
          .optional()
          .describe('Default: the one of the hold, where it has one; null: none'),
        credit: z
          .strictObject({ code: creditCode })
          .optional()
          .describe('Pays as much as it can; the payment takes the rest'),
        buyer,
        payment: z.strictObject({
          method: z
            .enum(['payment_intent', 'checkout_session', 'simulated'])
            .optional()
            .describe('The organizer’s default where none is named'),
          returnUrl: returnUrl
            .optional()
            .describe(
              'Where `checkout_session` sends the buyer afterwards, with `order` and `checkout` ' +
                '(`done` or `left`) added; a page of this installation, or any for staff',
            ),
        }),
      })
      .refine((body) => (body.items === undefined) !== (body.holdId === undefined), {
        path: ['items'],
        message: 'exactly one of items and holdId is needed',
        params: { code: 'items_or_hold' },
      })
      .meta({ id: 'BookingInput' }),
    success: {
      status: 201,
      schema: z
        .object({
          order: orderSchema,
          payment: z.object({
            provider: z.string(),
            clientSecret: z.string().optional(),
            redirectUrl: z.string().optional(),
            account: z
              .string()
              .optional()
              .describe('The connected account that the provider’s widget needs to be told'),
          }),
          accessToken: z.string().optional(),
        })
        .meta({ id: 'Booking' }),
      description: 'The pending order and how to pay it',
    },
    refusals: bookingRefusals,
    example: {
      body: {
        items: exampleItems,
        buyer: exampleBuyer,
        payment: { method: 'simulated' },
      },
      response: {
        order: exampleOrder,
        payment: { provider: 'stripe', clientSecret: 'pi_3Pk2vQ_secret_9xT4' },
        accessToken: 'at_3v1Qm7Yx0pTzB5cLwR8kNs2dHf6gJa4eUiOyXbVqMnK',
      },
    },
    handle: async (ctx, { actor, params, body, once, request }) => {
      if (!once) return refused('idempotency_key_required');
      const { items: lines, ...rest } = body;
      const language = languageFor(actor, body.buyer.language, request.headers['accept-language']);
      const booking = { ...rest, buyer: { ...body.buyer, language: language ?? undefined } };
      const wanted = lines ? { ...booking, items: holdItems(lines) } : booking;
      return bodyOf(bookPlaces(ctx, actor, params.id, wanted, once));
    },
  }),
];

export const shoppingRoutes: readonly Route[] = [...holds, ...bookings, ...stopRoutes];
