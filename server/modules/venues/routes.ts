import { z } from 'zod';
import { keyOf } from '../../kernel/actor.ts';
import { pageOf, pageQuery } from '../../kernel/page.ts';
import type { RefusalTable } from '../../kernel/problem.ts';
import { ok, refused } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { id, instant, line } from '../../kernel/schemas.ts';
import {
  configurationDetails,
  configurationSchema,
  configurationView,
  detailsView,
  differenceSchema,
  differenceView,
  savedSchema,
} from './configuration-view.ts';
import {
  addConfiguration,
  endConfiguration,
  findConfiguration,
  listConfigurations,
  publishConfiguration,
  readPlan,
  removeConfiguration,
  versionsLike,
} from './configurations.ts';
import { floorPlan } from './floor-plan.ts';
import { writeManifest } from './manifest.ts';
import { readPlanFile } from './read-plan-file.ts';
import {
  createVenue,
  findVenue,
  listVenues,
  removeVenue,
  replaceVenue,
  venueIn,
  venueReplacement,
  venueSchema,
  venueView,
} from './venues.ts';
import { writePretix } from './write-pretix.ts';

const PLAN_MAX_BYTES = 48 * 1024 * 1024;
const NAME_MAX_CHARS = 100;

const venueId = z.object({ id: id('ven') });
const configurationId = z.object({ id: id('cfg') });
const read = { kind: 'scope', scope: 'venues:read' } as const;
const write = { kind: 'scope', scope: 'venues:write' } as const;

const planRefusals = {
  plan_not_valid: { status: 422, title: 'The floor plan has errors' },
  overlapping_validity: { status: 409, title: 'Another version is valid in that time' },
} as const satisfies RefusalTable<string>;

const exampleVenue = {
  name: 'Halle Nord',
  timezone: 'Europe/Berlin',
  address: 'Am Speicher 4, Berlin',
  legalCapacity: 1_200,
};

const examplePlan = {
  size: { width: 400, height: 300 },
  focalPoint: { x: 200, y: 0 },
  categories: [{ name: 'Stalls', color: '#2255aa' }, { name: 'Floor' }],
  sections: [
    { name: 'Stalls', category: 'Stalls', rows: [{ label: 'A', seats: '1-10,12-16' }] },
    { name: 'Floor', category: 'Floor', standing: { capacity: 400 } },
  ],
};

const at = (x: number, y: number) => ({ x, y });
const exampleSeatingPlan = {
  name: 'Chamber hall',
  size: { width: 200, height: 150 },
  categories: [{ name: 'Stalls', color: '#2255aa' }],
  zones: [
    {
      name: 'Stalls',
      position: at(20, 30),
      areas: [],
      rows: [
        {
          row_number: '1',
          position: at(0, 0),
          seats: [
            { seat_guid: '1-1', seat_number: '1', position: at(0, 0), category: 'Stalls' },
            { seat_guid: '1-2', seat_number: '2', position: at(25, 0), category: 'Stalls' },
          ],
        },
      ],
    },
  ],
};

const validity = {
  validFrom: instant.optional().describe('Default: now'),
  validTo: instant.nullable().optional(),
  draft: z.boolean().optional().describe('May have errors; events cannot take it yet'),
};

/** Of another format: what it says and ours has no word for is kept, and read by nobody. */
const seatingPlan = z
  .looseObject({ name: z.string().max(500).optional() })
  .meta({ id: 'SeatingPlan', description: 'A seating plan of pretix' });

const venues: readonly Route[] = [
  route({
    method: 'POST',
    path: '/venues',
    summary: 'Create a venue',
    tag: 'Venues',
    access: write,
    body: venueIn,
    success: { status: 201, schema: venueSchema, description: 'The venue' },
    refusals: {},
    example: { body: exampleVenue },
    handle: (ctx, { actor, body }) => bodyOf(createVenue(ctx, keyOf(actor), body)),
  }),
  route({
    method: 'GET',
    path: '/venues',
    summary: 'List venues',
    tag: 'Venues',
    access: read,
    query: z.strictObject(pageQuery),
    success: { status: 200, schema: pageOf(venueSchema), description: 'A page' },
    refusals: {},
    handle: (ctx, { actor, query }) => bodyOf(listVenues(ctx, keyOf(actor), query)),
  }),
  route({
    method: 'GET',
    path: '/venues/:id',
    summary: 'Read a venue',
    tag: 'Venues',
    access: read,
    params: venueId,
    success: { status: 200, schema: venueSchema, description: 'The venue' },
    refusals: {},
    handle: async (ctx, { actor, params }) => {
      const row = await findVenue(ctx, keyOf(actor), params.id);
      return row ? ok({ body: venueView(row) }) : refused('not_found');
    },
  }),
  route({
    method: 'PUT',
    path: '/venues/:id',
    summary: 'Replace a venue',
    description: 'The whole object, with the `version` that was read.',
    tag: 'Venues',
    access: write,
    params: venueId,
    body: venueReplacement,
    success: { status: 200, schema: venueSchema, description: 'The venue' },
    refusals: { version_conflict: { status: 409, title: 'Somebody else has changed it since' } },
    example: { body: { ...exampleVenue, legalCapacity: 1_250, version: 1 } },
    handle: (ctx, { actor, params, body }) =>
      bodyOf(replaceVenue(ctx, keyOf(actor), params.id, body)),
  }),
  route({
    method: 'DELETE',
    path: '/venues/:id',
    summary: 'Delete a venue with its floor plans',
    tag: 'Venues',
    access: write,
    params: venueId,
    success: { status: 204, schema: null, description: 'Deleted' },
    refusals: { venue_in_use: { status: 409, title: 'An event has taken a plan of it' } },
    handle: (ctx, { actor, params }) => bodyOf(removeVenue(ctx, keyOf(actor), params.id)),
  }),
];

const configurations: readonly Route[] = [
  route({
    method: 'POST',
    path: '/venues/:id/configurations',
    summary: 'Add a floor plan, or a new version of one',
    description:
      'Versions of one floor plan share its `name`; a new one ends the one before it at its own ' +
      '`validFrom`. Rows without positions are laid out. A plan is taken whole or not at all: ' +
      'errors are listed with their places. A published version never changes.',
    tag: 'Venues',
    access: write,
    params: venueId,
    body: z
      .strictObject({ name: line(NAME_MAX_CHARS), ...validity, ...floorPlan.shape })
      .meta({ id: 'ConfigurationInput' }),
    upload: { maxBytes: PLAN_MAX_BYTES },
    success: {
      status: 201,
      schema: savedSchema,
      description: 'The version, and what is odd about it',
    },
    refusals: planRefusals,
    example: { body: { name: 'End stage', validFrom: '2035-01-01T00:00:00Z', ...examplePlan } },
    handle: async (ctx, { actor, params, body }) => {
      const { name, validFrom, validTo, draft, ...plan } = body;
      const wanted = { name, validFrom, validTo: validTo ?? null, draft: draft ?? false };
      return bodyOf(addConfiguration(ctx, keyOf(actor), params.id, wanted, plan));
    },
  }),
  route({
    method: 'POST',
    path: '/venues/:id/configurations/import',
    summary: 'Import a floor plan',
    description:
      'The body is a seating plan of pretix or a plan of our own (`application/json`), or ' +
      '`text/csv` with the columns `section,row,seat[,category,x,y]`. Otherwise as above.',
    tag: 'Venues',
    access: write,
    params: venueId,
    query: z.strictObject({
      name: line(NAME_MAX_CHARS).optional().describe('Default: its own name'),
      validFrom: validity.validFrom,
      validTo: instant.optional(),
      draft: z.enum(['true', 'false']).optional(),
    }),
    body: seatingPlan,
    upload: { maxBytes: PLAN_MAX_BYTES, alsoTakes: 'text/csv' },
    success: {
      status: 201,
      schema: savedSchema,
      description: 'The version, and what is odd about it',
    },
    refusals: {
      ...planRefusals,
      plan_not_readable: { status: 422, title: 'This is no floor plan of a known form' },
    },
    example: { body: exampleSeatingPlan },
    handle: async (ctx, { actor, params, query, body }) => {
      // Not parsed where it is no JSON: the bytes of a table.
      const file: unknown = body;
      const found = readPlanFile(file);
      if (!found.ok) return found;
      const { validFrom, validTo, draft } = query;
      const wanted = {
        name: query.name ?? (Buffer.isBuffer(file) ? 'Imported' : (body.name ?? 'Imported')),
        validFrom,
        validTo: validTo ?? null,
        draft: draft === 'true',
      };
      const { plan, findings } = found.value;
      const staff = keyOf(actor);
      return bodyOf(addConfiguration(ctx, staff, params.id, wanted, plan, findings));
    },
  }),
  route({
    method: 'GET',
    path: '/venues/:id/configurations',
    summary: 'The floor plans of a venue',
    description: 'By name, the newest version first.',
    tag: 'Venues',
    access: read,
    params: venueId,
    success: {
      status: 200,
      schema: z.object({ data: z.array(configurationSchema) }),
      description: 'All of them',
    },
    refusals: {},
    handle: async (ctx, { actor, params }) => {
      const found = await listConfigurations(ctx, keyOf(actor), params.id);
      return found ? ok({ body: { data: found.map(configurationView) } }) : refused('not_found');
    },
  }),
  route({
    method: 'GET',
    path: '/configurations/:id',
    summary: 'Read a floor plan',
    description: 'What it comes to; the plan itself is at `/configurations/{id}/plan`.',
    tag: 'Venues',
    access: read,
    params: configurationId,
    success: { status: 200, schema: configurationDetails, description: 'The floor plan' },
    refusals: {},
    handle: async (ctx, { actor, params }) => {
      const row = await findConfiguration(ctx, keyOf(actor), params.id);
      if (!row) return refused('not_found');
      return ok({ body: detailsView(row, await readPlan(ctx, params.id)) });
    },
  }),
  route({
    method: 'GET',
    path: '/configurations/:id/plan',
    summary: 'The plan itself',
    description:
      '`form=own` (default) as it is created, `form=pretix` as a seating plan of pretix, ' +
      '`form=csv` as a table of seats.',
    tag: 'Venues',
    access: read,
    params: configurationId,
    query: z.strictObject({ form: z.enum(['own', 'pretix', 'csv']).optional() }),
    success: {
      status: 200,
      schema: z.string(),
      description: 'The plan',
      contentType: 'application/json; charset=utf-8',
    },
    refusals: {},
    handle: async (ctx, { actor, params, query }) => {
      const row = await findConfiguration(ctx, keyOf(actor), params.id);
      if (!row) return refused('not_found');
      const { plan } = await readPlan(ctx, params.id);
      if (query.form === 'csv') {
        const headers = { 'content-type': 'text/csv; charset=utf-8' };
        return ok({ body: writeManifest(plan), headers });
      }
      return ok({
        body: JSON.stringify(query.form === 'pretix' ? writePretix(plan, row.name) : plan),
      });
    },
  }),
  route({
    method: 'GET',
    path: '/configurations/:id/difference',
    summary: 'What a version changes',
    description: 'Compared with `from`, or with the version before it; seats by their names.',
    tag: 'Venues',
    access: read,
    params: configurationId,
    query: z.strictObject({ from: id('cfg').optional() }),
    success: { status: 200, schema: differenceSchema, description: 'The difference' },
    refusals: {
      no_version_before: { status: 409, title: 'It is the first version: name another' },
    },
    handle: async (ctx, { actor, params, query }) => {
      const staff = keyOf(actor);
      const to = await findConfiguration(ctx, staff, params.id);
      if (!to) return refused('not_found');
      const from = query.from
        ? await findConfiguration(ctx, staff, query.from)
        : (await versionsLike(ctx.db, to)).find(({ version }) => version < to.version);
      if (!from) return refused(query.from ? 'not_found' : 'no_version_before');
      const before = await readPlan(ctx, from.configurationId);
      const after = await readPlan(ctx, to.configurationId);
      return ok({ body: differenceView(from, to, [before, after]) });
    },
  }),
  route({
    method: 'POST',
    path: '/configurations/:id/publish',
    summary: 'Publish a draft',
    tag: 'Venues',
    access: write,
    params: configurationId,
    success: { status: 200, schema: configurationSchema, description: 'The floor plan' },
    refusals: planRefusals,
    handle: (ctx, { actor, params }) => bodyOf(publishConfiguration(ctx, keyOf(actor), params.id)),
  }),
  route({
    method: 'PUT',
    path: '/configurations/:id',
    summary: 'End a floor plan',
    description: 'From `validTo` on the building does not look like this any more.',
    tag: 'Venues',
    access: write,
    params: configurationId,
    body: z.strictObject({ validTo: instant.nullable() }).meta({ id: 'ConfigurationEnd' }),
    example: { body: { validTo: '2036-01-01T00:00:00Z' } },
    success: { status: 200, schema: configurationSchema, description: 'The floor plan' },
    refusals: planRefusals,
    handle: (ctx, { actor, params, body }) =>
      bodyOf(endConfiguration(ctx, keyOf(actor), params.id, body.validTo)),
  }),
  route({
    method: 'DELETE',
    path: '/configurations/:id',
    summary: 'Delete a floor plan that no event has taken',
    tag: 'Venues',
    access: write,
    params: configurationId,
    success: { status: 204, schema: null, description: 'Deleted' },
    refusals: { configuration_in_use: { status: 409, title: 'An event has taken it' } },
    handle: (ctx, { actor, params }) => bodyOf(removeConfiguration(ctx, keyOf(actor), params.id)),
  }),
];

export const venueRoutes: readonly Route[] = [...venues, ...configurations];
