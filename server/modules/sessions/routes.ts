/** Shopping sessions over HTTP: one view, and a place to write for each part of it. */
import { z } from 'zod';
import { languageFor } from '../../kernel/language.ts';
import type { RefusalTable } from '../../kernel/problem.ts';
import { ok, refused } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { email, id, line } from '../../kernel/schemas.ts';
import { holdRefusals } from '../inventory/index.ts';
import { creditCode, creditRefusals, promoCode, promoRefusals } from '../promotions/index.ts';
import { bookingRefusals, buyer, holdItems, itemsOrNone, returnUrl } from '../shopping/index.ts';
import { abandonSession } from './abandon-session.ts';
import { changeSession, chooseCredit, choosePayment, showSession } from './change-session.ts';
import { purchaseSession } from './purchase-session.ts';
import { selectPlaces } from './select-places.ts';
import { sessionSchema } from './session-view.ts';
import { startSession } from './start-session.ts';

const ATTENDEES_MAX = 100;

const params = z.object({ id: id('ssn') });
const method = z.enum(['payment_intent', 'checkout_session', 'simulated']);
const success = { status: 200, schema: sessionSchema, description: 'The session' } as const;

const notOpen = {
  session_locked: {
    status: 409,
    title: 'The session is being purchased',
    retryAfterSeconds: 2,
  },
  session_expired: { status: 409, title: 'The time of the session is over' },
  session_ended: { status: 409, title: 'The session has ended' },
} as const satisfies RefusalTable<string>;

const eur = (amount: number) => ({ amount, currency: 'EUR' });
const exampleItem = { ticketTypeId: 'tt_00vtdzt3h1k4r00vtdzt3k7m2q9x4c5b8n3w6', quantity: 2 };
const exampleBuyer = { name: 'Ada Lovelace', email: 'ada@example.org' };
const exampleEmpty = {
  id: 'ssn_00vtdzt3h1k4r00vtdzv8d3f6h1j4k7m9n2p5',
  eventId: 'evt_00vtdzt3h1k4r',
  status: 'open',
  expiresAt: '2035-05-02T10:30:00.000Z',
  secondsLeft: 1_800,
  selection: null,
  buyer: null,
  attendees: [],
  payment: null,
  promoCode: null,
  credit: null,
  total: eur(0),
  due: eur(0),
  issues: [
    { path: 'selection', code: 'selection_missing', message: 'Choose places' },
    { path: 'buyer', code: 'buyer_missing', message: 'Say who buys' },
    { path: 'payment', code: 'payment_missing', message: 'Say how to pay' },
  ],
};
const exampleFull = {
  ...exampleEmpty,
  secondsLeft: 1_640,
  selection: { items: [{ ...exampleItem, unitPrice: eur(2_500) }] },
  buyer: { ...exampleBuyer, phone: null, language: null },
  payment: { method: 'simulated' },
  total: eur(5_000),
  due: eur(5_000),
  issues: [],
};

export const sessionRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/events/:id/shopping-sessions',
    summary: 'Begin to shop',
    description:
      'On landing on the selection page: the countdown (the event’s `shoppingMinutes`) begins ' +
      'here, and nothing moves it. A guest keeps `accessToken`: it opens the session and its ' +
      'order. To be able to ask for a lost answer again with its token, send `X-Device-Token`.',
    tag: 'Buying',
    access: { kind: 'public' },
    idempotency: 'own',
    params: z.object({ id: id('evt') }),
    success: { status: 201, schema: sessionSchema, description: 'The session, all still missing' },
    refusals: {
      event_cancelled: holdRefusals.event_cancelled,
      sale_not_open: holdRefusals.sale_not_open,
      sale_paused: holdRefusals.sale_paused,
      sale_closed: holdRefusals.sale_closed,
    },
    example: {
      response: { ...exampleEmpty, accessToken: 'at_3v1Qm7Yx0pTzB5cLwR8kNs2dHf6gJa4eUiOyXbVqMnK' },
    },
    handle: async (ctx, input) => {
      return bodyOf(startSession(ctx, input.actor, input.params.id, input.once));
    },
  }),
  route({
    method: 'GET',
    path: '/shopping-sessions/:id',
    summary: 'Read a shopping session',
    description:
      'Everything that was said so far, with what is still missing as `issues`. While it is ' +
      'being purchased it also says how to pay; then it has the order with its tickets.',
    tag: 'Buying',
    access: { kind: 'owner', scope: 'orders:read' },
    params,
    success,
    refusals: {},
    example: { response: exampleFull },
    handle: async (ctx, input) => {
      return bodyOf(showSession(ctx, input.actor, input.params.id, 'orders:read'));
    },
  }),
  route({
    method: 'PUT',
    path: '/shopping-sessions/:id/selection',
    summary: 'Choose places',
    description:
      'They are held until the countdown ends. The selection before is lost only if the new one ' +
      'is granted; without any item it is given up.',
    tag: 'Buying',
    access: { kind: 'owner', scope: 'orders:write' },
    params,
    body: z.strictObject({ items: itemsOrNone }).meta({ id: 'SelectionInput' }),
    success,
    refusals: { ...holdRefusals, ...promoRefusals, ...notOpen },
    example: { body: { items: [exampleItem] } },
    handle: async (ctx, { actor, params: { id: sessionId }, body }) => {
      return bodyOf(selectPlaces(ctx, actor, sessionId, holdItems(body.items)));
    },
  }),
  route({
    method: 'PUT',
    path: '/shopping-sessions/:id/buyer',
    summary: 'Say who buys',
    description:
      'What was chosen counts for this person from here on. Where that is more than the event ' +
      'allows one person, it stays chosen, with the issue `per_person_limit`.',
    tag: 'Buying',
    access: { kind: 'owner', scope: 'orders:write' },
    params,
    body: buyer,
    success,
    refusals: notOpen,
    example: { body: exampleBuyer },
    handle: async (ctx, { actor, params: { id: sessionId }, body, request }) => {
      const { name, email: address, phone = null } = body;
      const language = languageFor(actor, body.language, request.headers['accept-language']);
      const parts = { buyer: { name, email: address, phone, language } };
      return bodyOf(changeSession(ctx, actor, sessionId, parts));
    },
  }),
  route({
    method: 'PUT',
    path: '/shopping-sessions/:id/attendees',
    summary: 'Say who comes',
    description: 'At most as many as there are tickets; they may also stay unnamed.',
    tag: 'Buying',
    access: { kind: 'owner', scope: 'orders:write' },
    params,
    body: z
      .strictObject({
        attendees: z
          .array(z.strictObject({ name: line(200), email: email.optional() }))
          .max(ATTENDEES_MAX),
      })
      .meta({ id: 'AttendeesInput' }),
    success,
    refusals: notOpen,
    example: { body: { attendees: [{ name: 'Ada Lovelace' }, { name: 'Charles Babbage' }] } },
    handle: async (ctx, { actor, params: { id: sessionId }, body }) => {
      const attendees = body.attendees.map((each) => ({
        name: each.name,
        email: each.email ?? null,
      }));
      return bodyOf(changeSession(ctx, actor, sessionId, { attendees }));
    },
  }),
  route({
    method: 'PUT',
    path: '/shopping-sessions/:id/payment',
    summary: 'Say how to pay',
    tag: 'Buying',
    access: { kind: 'owner', scope: 'orders:write' },
    params,
    body: z
      .strictObject({
        method,
        returnUrl: returnUrl
          .optional()
          .describe('Where `checkout_session` sends the buyer afterwards, as in a booking'),
      })
      .meta({ id: 'PaymentChoice' }),
    success,
    refusals: { ...notOpen, return_url_not_allowed: bookingRefusals.return_url_not_allowed },
    example: { body: { method: 'simulated' } },
    handle: async (ctx, { actor, params: { id: sessionId }, body }) => {
      return bodyOf(choosePayment(ctx, actor, sessionId, body.method, body.returnUrl));
    },
  }),
  route({
    method: 'PUT',
    path: '/shopping-sessions/:id/promo-code',
    summary: 'Give a promo code',
    description:
      'What it takes off is in `total`; a ticket type that needs it may be chosen from here on. ' +
      'Where it is not valid for what is chosen, an issue says so. Null: none.',
    tag: 'Buying',
    access: { kind: 'owner', scope: 'orders:write' },
    params,
    body: z.strictObject({ promoCode: promoCode.nullable() }).meta({ id: 'PromoCodeChoice' }),
    success,
    refusals: notOpen,
    example: { body: { promoCode: 'EARLY-BIRD' } },
    handle: async (ctx, { actor, params: { id: sessionId }, body }) => {
      return bodyOf(changeSession(ctx, actor, sessionId, { promoCode: body.promoCode }));
    },
  }),
  route({
    method: 'PUT',
    path: '/shopping-sessions/:id/credit',
    summary: 'Pay a part with credit',
    description:
      'With the organizer’s credit that this code opens. `credit` says how much of the total it ' +
      'pays, `due` what is left; nothing of it is kept before the purchase. Null: none.',
    tag: 'Buying',
    access: { kind: 'owner', scope: 'orders:write' },
    params,
    body: z.strictObject({ code: creditCode.nullable() }).meta({ id: 'CreditChoice' }),
    success,
    refusals: { ...notOpen, credit_invalid: creditRefusals.credit_invalid },
    example: { body: { code: null } },
    handle: async (ctx, { actor, params: { id: sessionId }, body }) => {
      return bodyOf(chooseCredit(ctx, actor, sessionId, body.code));
    },
  }),
  route({
    method: 'POST',
    path: '/shopping-sessions/:id/purchase',
    summary: 'Purchase a shopping session',
    description:
      'Locks it and makes its order; the answer says how to pay. One purchase is under way at a ' +
      'time: asked again, from another tab or device too, it answers with the same. A declined ' +
      'payment opens the session again, with its places still held.',
    tag: 'Buying',
    access: { kind: 'owner', scope: 'orders:write' },
    idempotency: 'own',
    params,
    success: { status: 200, schema: sessionSchema, description: 'The session, with its order' },
    refusals: {
      ...bookingRefusals,
      ...notOpen,
      session_has_issues: { status: 409, title: 'Something is missing, or wrong: see the issues' },
    },
    handle: async (ctx, { actor, params: { id: sessionId }, once }) => {
      if (!once) return refused('idempotency_key_required');
      return bodyOf(purchaseSession(ctx, actor, sessionId, once.key));
    },
  }),
  route({
    method: 'DELETE',
    path: '/shopping-sessions/:id',
    summary: 'Leave',
    description: 'What was chosen is free at once; an unpaid order is given up.',
    tag: 'Buying',
    access: { kind: 'owner', scope: 'orders:write' },
    params,
    success: { status: 204, schema: null, description: 'Its places are free' },
    refusals: {
      session_ended: notOpen.session_ended,
      payment_in_progress: {
        status: 409,
        title: 'The payment is being taken at this moment',
        retryAfterSeconds: 2,
      },
    },
    handle: async (ctx, { actor, params: { id: sessionId } }) => {
      const left = await abandonSession(ctx, actor, sessionId);
      return left.ok ? ok({ body: null }) : left;
    },
  }),
];
