import { z } from 'zod';
import { keyOf } from '../../kernel/actor.ts';
import { pageOf, pageQuery } from '../../kernel/page.ts';
import { ok } from '../../kernel/result.ts';
import { bodyOf, type Route, route } from '../../kernel/route.ts';
import { email, id, instant, line, timeOut } from '../../kernel/schemas.ts';
import { createApiKey, listApiKeys, revokeApiKey } from './api-keys.ts';
import { createOrganizer, listOrganizers } from './organizers.ts';
import { createPerson, listPeople, readPerson, replacePerson } from './people.ts';

const person = z
  .object({
    id: z.string(),
    organizerId: z.string(),
    name: z.string(),
    email: z.string(),
    createdAt: timeOut,
  })
  .meta({ id: 'User' });
const personIn = z.strictObject({ name: line(200), email }).meta({ id: 'UserInput' });
const personReplacement = z
  .strictObject({ id: id('usr').optional(), name: line(200), email })
  .meta({ id: 'UserReplacement' });
const organizer = z
  .object({ id: z.string(), name: z.string(), createdAt: timeOut })
  .meta({ id: 'Organizer' });
const apiKey = z
  .object({
    id: z.string(),
    organizerId: z.string(),
    userId: z.string().nullable(),
    name: z.string(),
    role: z.string(),
    scopes: z.array(z.string()),
    prefix: z.string().describe('The first characters, to recognise it by'),
    expiresAt: timeOut.nullable(),
    revokedAt: timeOut.nullable(),
    lastUsedAt: timeOut.nullable(),
    createdAt: timeOut,
  })
  .meta({ id: 'ApiKey' });

const emailTaken = { email_taken: { status: 409, title: 'This e-mail address is taken' } } as const;

const users: readonly Route[] = [
  route({
    method: 'POST',
    path: '/users',
    summary: 'Add a person',
    tag: 'People',
    access: { kind: 'scope', scope: 'users:write' },
    body: personIn,
    success: { status: 201, schema: person, description: 'The person' },
    refusals: emailTaken,
    example: {
      body: { name: 'Ada Lovelace', email: 'ada@example.org' },
      response: {
        id: 'usr_00vtdzt3j5k8m',
        organizerId: 'org_00vtdzq1a2b3c',
        name: 'Ada Lovelace',
        email: 'ada@example.org',
        createdAt: '2035-05-02T10:00:00.000Z',
      },
    },
    handle: (ctx, { actor, body }) => bodyOf(createPerson(ctx, keyOf(actor), body)),
  }),
  route({
    method: 'GET',
    path: '/users',
    summary: 'List people',
    tag: 'People',
    access: { kind: 'scope', scope: 'users:read' },
    query: z.strictObject({ ...pageQuery, email: email.optional() }),
    success: { status: 200, schema: pageOf(person), description: 'A page of people' },
    refusals: {},
    handle: (ctx, { actor, query }) => bodyOf(listPeople(ctx, keyOf(actor), query)),
  }),
  route({
    method: 'GET',
    path: '/users/:id',
    summary: 'Read a person',
    description: 'Staff reads the people of their organizer; a person reads only themselves.',
    tag: 'People',
    access: { kind: 'owner', scope: 'users:read' },
    params: z.object({ id: id('usr') }),
    success: { status: 200, schema: person, description: 'The person' },
    refusals: {},
    handle: async (ctx, { actor, params }) => {
      if (actor.kind !== 'key') return { ok: false, refusal: { code: 'not_found' } };
      return bodyOf(readPerson(ctx, actor, params.id));
    },
  }),
  route({
    method: 'PUT',
    path: '/users/:id',
    summary: 'Replace a person',
    description:
      'A person may change their e-mail address only to one that they have signed in with, or ' +
      'have added by `POST /sign-in` while they were signed in.',
    tag: 'People',
    access: { kind: 'owner', scope: 'users:write' },
    params: z.object({ id: id('usr') }),
    body: personReplacement,
    success: { status: 200, schema: person, description: 'The person' },
    refusals: {
      ...emailTaken,
      email_not_proved: { status: 409, title: 'They have not shown that this address is theirs' },
    },
    example: { body: { name: 'Ada King', email: 'ada@example.org' } },
    handle: async (ctx, { actor, params, body }) => {
      if (actor.kind !== 'key') return { ok: false, refusal: { code: 'not_found' } };
      return bodyOf(replacePerson(ctx, actor, params.id, body));
    },
  }),
];

const keys: readonly Route[] = [
  route({
    method: 'POST',
    path: '/api-keys',
    summary: 'Make an API key',
    description: 'The secret is in this answer and never again. A fan’s key names its person.',
    tag: 'Access',
    access: { kind: 'scope', scope: 'keys:write' },
    body: z
      .strictObject({
        name: line(100),
        role: line(40),
        scopes: z.array(line(40)).max(40).optional(),
        userId: id('usr').optional(),
        organizerId: id('org').optional(),
        expiresAt: instant.optional(),
      })
      .meta({ id: 'ApiKeyInput' }),
    success: {
      status: 201,
      schema: apiKey
        .extend({ secret: z.string().optional().describe('Not in a replay') })
        .meta({ id: 'ApiKeyWithSecret' }),
      description: 'The key with its secret',
    },
    refusals: {
      unknown_role: { status: 422, title: 'There is no such role' },
      unknown_scope: { status: 422, title: 'The role has no such scope' },
      forbidden_role: { status: 403, title: 'A key cannot give more than it has' },
      unknown_person: { status: 422, title: 'There is no such person' },
      unknown_organizer: { status: 422, title: 'There is no such organizer' },
    },
    example: {
      body: { name: 'Web shop', role: 'box_office' },
      response: {
        id: 'key_00vtdzt3m2n5p',
        organizerId: 'org_00vtdzq1a2b3c',
        userId: null,
        name: 'Web shop',
        role: 'box_office',
        scopes: ['events:read', 'orders:read', 'orders:write', 'users:read'],
        prefix: 'fk_7q2m9x',
        expiresAt: null,
        revokedAt: null,
        lastUsedAt: null,
        createdAt: '2035-05-02T10:00:00.000Z',
        secret: 'fk_7q2m9xk4c5b8n3w6d1f0g2h5j8m4p7r9',
      },
    },
    handle: (ctx, { actor, body }) => bodyOf(createApiKey(ctx, keyOf(actor), body)),
  }),
  route({
    method: 'GET',
    path: '/api-keys',
    summary: 'List API keys',
    tag: 'Access',
    access: { kind: 'scope', scope: 'keys:write' },
    query: z.strictObject(pageQuery),
    success: { status: 200, schema: pageOf(apiKey), description: 'A page of keys, no secrets' },
    refusals: {},
    handle: (ctx, { actor, query }) => bodyOf(listApiKeys(ctx, keyOf(actor), query)),
  }),
  route({
    method: 'DELETE',
    path: '/api-keys/:id',
    summary: 'Revoke an API key',
    tag: 'Access',
    access: { kind: 'scope', scope: 'keys:write' },
    params: z.object({ id: id('key') }),
    success: { status: 204, schema: null, description: 'It opens nothing any more' },
    refusals: {},
    handle: async (ctx, { actor, params }) => {
      const done = await revokeApiKey(ctx, keyOf(actor), params.id);
      return done.ok ? ok({ body: null }) : done;
    },
  }),
  route({
    method: 'GET',
    path: '/me',
    summary: 'Whose key is this?',
    tag: 'Access',
    access: { kind: 'public' },
    success: {
      status: 200,
      schema: z.object({
        kind: z.enum(['anonymous', 'key']),
        role: z.string().nullable(),
        organizerId: z.string().nullable(),
        userId: z.string().nullable(),
        scopes: z.array(z.string()),
      }),
      description: 'The caller as the server sees them',
    },
    refusals: {},
    handle: async (_ctx, { actor }) => {
      const key = actor.kind === 'key' ? actor : null;
      return ok({
        body: {
          kind: actor.kind,
          role: key?.role ?? null,
          organizerId: key?.organizerId ?? null,
          userId: key?.userId ?? null,
          scopes: key ? [...key.scopes].sort() : [],
        },
      });
    },
  }),
];

const organizers: readonly Route[] = [
  route({
    method: 'POST',
    path: '/organizers',
    summary: 'Add an organizer',
    tag: 'Access',
    access: { kind: 'platform', scope: 'platform:write' },
    body: z.strictObject({ name: line(200) }).meta({ id: 'OrganizerInput' }),
    success: { status: 201, schema: organizer, description: 'The organizer' },
    refusals: {},
    example: { body: { name: 'Halle Nord Concerts' } },
    handle: (ctx, { body }) => bodyOf(createOrganizer(ctx, body.name)),
  }),
  route({
    method: 'GET',
    path: '/organizers',
    summary: 'List organizers',
    tag: 'Access',
    access: { kind: 'platform', scope: 'platform:write' },
    query: z.strictObject(pageQuery),
    success: { status: 200, schema: pageOf(organizer), description: 'A page of organizers' },
    refusals: {},
    handle: (ctx, { query }) => bodyOf(listOrganizers(ctx, query)),
  }),
];

export const identityRoutes: readonly Route[] = [...users, ...keys, ...organizers];
