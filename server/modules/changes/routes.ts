import { z } from 'zod';
import { keyOf } from '../../kernel/actor.ts';
import { pageQuery } from '../../kernel/page.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { id } from '../../kernel/schemas.ts';
import { eventSchema, sectionChoices } from '../catalog/index.ts';
import { moveEvent } from './move-event.ts';
import { conflictsSchema, readConflicts } from './read-conflicts.ts';

const PROPOSAL_MAX_CHARS = 100;

export const changesRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/configurations/:id/conflicts',
    summary: 'What a floor plan means for events that are there already',
    description:
      'The events to come in an older version of the same plan that take place when this one is ' +
      'valid, and those in this one that take place when it is not any more: which held, sold ' +
      'and kept seats are gone, moved or of another category there, with their orders, and who ' +
      'would get which other seats. A draft is taken as if it were published. Nothing is changed.',
    tag: 'Venues',
    access: { kind: 'scope', scope: 'venues:read' },
    params: z.object({ id: id('cfg') }),
    query: z.strictObject(pageQuery),
    success: { status: 200, schema: conflictsSchema, description: 'By event, the earliest first' },
    refusals: {},
    handle: (ctx, { actor, params, query }) =>
      bodyOf(readConflicts(ctx, keyOf(actor), params.id, query)),
  }),
  route({
    method: 'POST',
    path: '/events/:id/configuration',
    summary: 'Move an event to another version of its floor plan',
    description:
      'With everybody who has a place, in one transaction or not at all. Seats of the same name ' +
      'stay theirs; parties whose seats are gone, or sold in another pool, get those of the ' +
      '`proposal`, whose name the conflicts of the floor plan tell. Where the sale goes on ' +
      'meanwhile, a proposal may be outdated: read it again, or pause the sale.',
    tag: 'Events',
    access: { kind: 'scope', scope: 'events:write' },
    params: z.object({ id: id('evt') }),
    body: z
      .strictObject({
        configurationId: id('cfg'),
        sectionChoices: sectionChoices.optional().describe('Default: as chosen before'),
        proposal: z
          .string()
          .max(PROPOSAL_MAX_CHARS)
          .optional()
          .describe('Needed where somebody gets another seat'),
      })
      .meta({ id: 'EventMove' }),
    success: { status: 200, schema: eventSchema, description: 'The event' },
    refusals: {
      event_over: { status: 409, title: 'It was cancelled or archived' },
      no_floor_plan: { status: 409, title: 'The event has no floor plan' },
      proposal_outdated: { status: 409, title: 'Other seats would be given than were proposed' },
      not_enough_seats: { status: 409, title: 'Some parties cannot be given seats like theirs' },
      seats_in_use: { status: 409, title: 'Seats have changed hands meanwhile' },
      capacity_below_committed: { status: 409, title: 'Fewer places than are held and sold' },
      capacity_over_total: { status: 422, title: 'More places than the event may have' },
    },
    example: { body: { configurationId: 'cfg_2mxbf38s2vw9h' } },
    handle: (ctx, { actor, params, body }) => bodyOf(moveEvent(ctx, keyOf(actor), params.id, body)),
  }),
];
