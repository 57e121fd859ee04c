/** The waitlist over HTTP. */
import { z } from 'zod';
import { languageFor, languages } from '../../kernel/language.ts';
import { ok, refused } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { email, id, instant, line } from '../../kernel/schemas.ts';
import { sessionSchema } from '../sessions/index.ts';
import { acceptOffer, declineOffer, offerRefusals } from './answer-offer.ts';
import { entrySchema, entryView, offerSchema, offerView } from './entry-view.ts';
import { findEntry, findOffer } from './find-entry.ts';
import { joinRefusals, joinWaitlist } from './join-waitlist.ts';
import { leaveWaitlist } from './leave-waitlist.ts';
import { listSchema, OFFER_MINUTES_DEFAULT, setList, showList } from './manage-list.ts';

const CHOICES_MAX = 50;

const ofEvent = z.object({ id: id('evt') });
const ofEntry = z.object({ id: id('wle') });
const ofOffer = z.object({ id: id('off') });

const exampleType = 'tt_00vtdzt3h1k4r00vtdzt3k7m2q9x4c5b8n3w6';
const exampleOffer = {
  id: 'off_00vtdzt3h1k4r00vtdzv8d3f6h1j4k7m9n2p5',
  entryId: 'wle_00vtdzt3h1k4r00vtdzv8d3f6h1j4k7m9n2p5',
  eventId: 'evt_00vtdzt3h1k4r',
  status: 'open',
  expiresAt: '2035-05-02T10:30:00.000Z',
  ticketTypeId: exampleType,
  quantity: 2,
  wanted: 2,
  apart: false,
};
const exampleEntry = {
  id: exampleOffer.entryId,
  eventId: exampleOffer.eventId,
  status: 'waiting',
  quantity: 2,
  acceptsFewer: false,
  ticketTypeIds: [exampleType],
  sections: null,
  position: 4,
  closesAt: '2035-06-01T16:00:00.000Z',
  placesOffered: 31,
  odds: 0.42,
  reason: null,
  offer: null,
};
const none = { entries: 0, places: 0 };
const exampleList = {
  eventId: exampleOffer.eventId,
  open: true,
  closesAt: exampleEntry.closesAt,
  offerMinutes: OFFER_MINUTES_DEFAULT,
  entries: {
    waiting: { entries: 12, places: 25 },
    offered: { entries: 1, places: 2 },
    converted: { entries: 8, places: 15 },
    left: { entries: 2, places: 4 },
    closed: none,
  },
  offers: { open: 1, accepted: 8, declined: 1, expired: 1, withdrawn: 0 },
  byTicketType: [{ id: exampleType, entries: 12, places: 25, reserved: 1 }],
  medianSecondsToOffer: 5_400,
  conversion: 0.8,
};

const lists: readonly Route[] = [
  route({
    method: 'POST',
    path: '/events/:id/waitlist',
    summary: 'Wait for places of a sold-out event',
    description:
      'Once for each person. Places that come back are held for whoever waits first and can ' +
      'use them: in the whole quantity and, of seats, next to each other; with `acceptsFewer` ' +
      'also for fewer. A guest keeps `accessToken`: it opens the entry and its offers. To be ' +
      'able to ask for a lost answer again with its token, send `X-Device-Token`.',
    tag: 'Waitlist',
    access: { kind: 'public' },
    idempotency: 'own',
    params: ofEvent,
    body: z
      .strictObject({
        email,
        name: line(200).optional(),
        language: z
          .enum(languages)
          .optional()
          .describe('Of the letters; default: what the browser asks for'),
        quantity: z.int().min(1).max(100).describe('At most what one order may have'),
        ticketTypeIds: z
          .array(id('tt'))
          .min(1)
          .max(CHOICES_MAX)
          .optional()
          .describe('Which would do, the best first; any that everybody may buy if not given'),
        sections: z
          .array(line(64))
          .min(1)
          .max(CHOICES_MAX)
          .optional()
          .describe('Of seats, only there'),
        acceptsFewer: z.boolean().default(false).describe('Rather fewer than none'),
      })
      .meta({ id: 'WaitlistInput' }),
    success: { status: 201, schema: entrySchema, description: 'The entry, with its position' },
    refusals: joinRefusals,
    example: {
      body: { email: 'ada@example.org', name: 'Ada Lovelace', quantity: 2 },
      response: {
        ...exampleEntry,
        accessToken: 'at_3v1Qm7Yx0pTzB5cLwR8kNs2dHf6gJa4eUiOyXbVqMnK',
      },
    },
    handle: async (ctx, { actor, params, body, once, request }) => {
      const input = {
        email: body.email,
        name: body.name ?? null,
        language: languageFor(actor, body.language, request.headers['accept-language']),
        quantity: body.quantity,
        acceptsFewer: body.acceptsFewer,
        ticketTypeIds: body.ticketTypeIds ?? null,
        sections: body.sections ?? null,
      };
      return bodyOf(joinWaitlist(ctx, actor, params.id, input, once));
    },
  }),
  route({
    method: 'GET',
    path: '/events/:id/waitlist',
    summary: 'How the waitlist of an event goes',
    tag: 'Waitlist',
    access: { kind: 'scope', scope: 'statistics:read' },
    params: ofEvent,
    success: { status: 200, schema: listSchema, description: 'Counted now' },
    refusals: {},
    example: { response: exampleList },
    handle: async (ctx, { actor, params }) => bodyOf(showList(ctx, actor, params.id)),
  }),
  route({
    method: 'PUT',
    path: '/events/:id/waitlist',
    summary: 'Set the terms of a waitlist, or close it',
    description:
      'Where it is closed, whoever waits is told so, and what was kept for them is on sale. ' +
      'Offers that were made keep their time.',
    tag: 'Waitlist',
    access: { kind: 'scope', scope: 'events:write' },
    params: ofEvent,
    body: z
      .strictObject({
        open: z.boolean().default(true),
        offerMinutes: z
          .int()
          .min(5)
          .max(1_440)
          .default(OFFER_MINUTES_DEFAULT)
          .describe('How long somebody has to answer an offer; offers end before the list'),
        waitlistClosesAt: instant
          .nullable()
          .default(null)
          .describe('At most the start; two hours before it, or at the doors, if not given'),
      })
      .meta({ id: 'WaitlistTerms' })
      .prefault({}),
    success: { status: 200, schema: listSchema, description: 'The waitlist as it is now' },
    refusals: { closes_too_late: { status: 422, title: 'It closes after the event has begun' } },
    example: { body: { offerMinutes: 60 }, response: exampleList },
    handle: async (ctx, { actor, params, body }) => {
      const { open, offerMinutes, waitlistClosesAt: closesAt } = body;
      return bodyOf(setList(ctx, actor, params.id, { open, offerMinutes, closesAt }));
    },
  }),
];

const entries: readonly Route[] = [
  route({
    method: 'GET',
    path: '/waitlist/:id',
    summary: 'Read a waitlist entry',
    tag: 'Waitlist',
    access: { kind: 'owner', scope: 'orders:read' },
    params: ofEntry,
    success: { status: 200, schema: entrySchema, description: 'The entry, with its offer' },
    refusals: {},
    example: { response: exampleEntry },
    handle: async (ctx, { actor, params }) => {
      const entry = await findEntry(ctx, actor, params.id, 'orders:read');
      return entry ? ok({ body: await entryView(ctx, entry) }) : refused('not_found');
    },
  }),
  route({
    method: 'DELETE',
    path: '/waitlist/:id',
    summary: 'Leave the waitlist',
    description: 'What was offered, and not accepted, goes to the next.',
    tag: 'Waitlist',
    access: { kind: 'owner', scope: 'orders:write' },
    params: ofEntry,
    success: { status: 204, schema: null, description: 'It waits no more' },
    refusals: {
      waitlist_entry_ended: { status: 409, title: 'The offer of this entry was accepted' },
    },
    handle: async (ctx, { actor, params }) => {
      const left = await leaveWaitlist(ctx, actor, params.id);
      return left.ok ? ok({ body: null }) : left;
    },
  }),
];

const offers: readonly Route[] = [
  route({
    method: 'GET',
    path: '/offers/:id',
    summary: 'Read an offer',
    tag: 'Waitlist',
    access: { kind: 'owner', scope: 'orders:read' },
    params: ofOffer,
    success: { status: 200, schema: offerSchema, description: 'The offer' },
    refusals: {},
    example: { response: exampleOffer },
    handle: async (ctx, { actor, params }) => {
      const offer = await findOffer(ctx, actor, params.id, 'orders:read');
      return offer ? ok({ body: await offerView(ctx, offer) }) : refused('not_found');
    },
  }),
  route({
    method: 'POST',
    path: '/offers/:id/accept',
    summary: 'Accept an offer',
    description:
      'It becomes a shopping session with the places already held. Its countdown is what is ' +
      'left of the offer, or the event’s `shoppingMinutes` where that is more, and ends before ' +
      'the waitlist closes. Asked again it answers with the same session.',
    tag: 'Waitlist',
    access: { kind: 'owner', scope: 'orders:write' },
    idempotency: 'own',
    params: ofOffer,
    success: { status: 200, schema: sessionSchema, description: 'The session, and its token' },
    refusals: {
      ...offerRefusals,
      sale_paused: { status: 409, title: 'The sale is paused' },
    },
    handle: async (ctx, { actor, params }) => {
      return bodyOf(acceptOffer(ctx, actor, params.id));
    },
  }),
  route({
    method: 'POST',
    path: '/offers/:id/decline',
    summary: 'Decline an offer',
    description: 'Its places go to the next, and the entry ends. Joining again is a new entry.',
    tag: 'Waitlist',
    access: { kind: 'owner', scope: 'orders:write' },
    idempotency: 'own',
    params: ofOffer,
    success: { status: 200, schema: offerSchema, description: 'The offer as it is now' },
    refusals: offerRefusals,
    example: { response: { ...exampleOffer, status: 'declined' } },
    handle: async (ctx, { actor, params }) => {
      return bodyOf(declineOffer(ctx, actor, params.id));
    },
  }),
];

export const waitlistRoutes: readonly Route[] = [...lists, ...entries, ...offers];
