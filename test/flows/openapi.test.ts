/** `/openapi.json`: valid, the same as the router, and true: its examples work as they stand. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { BASE_PATH, routes } from '../../server/app.ts';
import { testClock } from '../../server/kernel/clock.ts';
import { isId } from '../../server/kernel/ids.ts';
import type { Route } from '../../server/kernel/route.ts';
import { clockRoutes } from '../../server/sandbox/clock.ts';
import { type OpenApi, openApiDocument } from '../../server/web/openapi.ts';
import type { Answer, Operation } from '../../server/web/openapi-types.ts';
import { bodyFor, keyOfRoute, pathFor, recipes } from '../access/requests.ts';
import { makeWorld, type World } from '../access/world.ts';
import { ADMIN_KEY, startApp, type TestApp } from '../kit/app.ts';
import { addressesIn, objectsIn, openApiShape, pointersIn, resolve } from './openapi-shape.ts';

const all: readonly Route[] = [...routes, ...clockRoutes(testClock(), Date.now)];

let app: TestApp;
let world: World;
let served: OpenApi;

beforeAll(async () => {
  app = await startApp();
  world = await makeWorld(app);
  served = (await app.guest.get('//openapi.json')).body;
});
afterAll(() => app.close());

const addressOf = (route: Route) => pathOf(route).replace(/:(\w+)/g, '{$1}');
const pathOf = ({ path }: Route) => (path.startsWith('//') ? path.slice(1) : BASE_PATH + path);
const operations = () =>
  Object.entries(served.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

function operationOf(route: Route): Operation {
  const operation = served.paths[addressOf(route)]?.[route.method.toLowerCase()];
  if (!operation) throw new Error(`${keyOfRoute(route)} is not in the document`);
  return operation;
}

/** Pages for people, and the payment provider's own API in the sandbox: no part of ours. */
const NOT_OURS =
  /^GET (\/|\/style\.css|\/(openapi|asyncapi)\.json|\/docs(\/.*)?)$|^[A-Z]+ \/(sandbox\/(stripe|pay|mailbox)|sign-in|unsubscribe)\b/;

describe('the document', () => {
  it('is what the routes say, served as JSON', async () => {
    expect(served).toEqual(JSON.parse(JSON.stringify(openApiDocument(all, BASE_PATH))));
    const plain = await app.guest.get('//openapi.json');
    expect(plain.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect((await app.guest.get('//docs/json')).body).toEqual(served);
  });

  it('knows every address that the server answers, and no other', () => {
    const tree = app.parts.app.printRoutes({ commonPrefix: false, includeHooks: false });
    const known = addressesIn(tree).filter((address) => !NOT_OURS.test(address));
    const documented = operations().map(
      ({ method, path }) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
    );
    expect(known.sort()).toEqual(documented.sort());
    expect(documented.length).toBe(all.length);
  });

  it('has the shape of OpenAPI 3.1', () => {
    expect(openApiShape.parse(served)).toEqual(served);
  });

  it('refers to nothing that is missing, and has nothing that nobody refers to', () => {
    const pointers = new Set(pointersIn(served));
    expect([...pointers].filter((pointer) => resolve(served, pointer) === undefined)).toEqual([]);
    const parts = (['schemas', 'responses', 'headers', 'examples'] as const).flatMap((kind) =>
      Object.keys(served.components[kind]).map((name) => `#/components/${kind}/${name}`),
    );
    expect(parts.filter((pointer) => !pointers.has(pointer))).toEqual([]);
  });

  it('names each operation, its tag and the parameters of its path', () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const tag of served.tags) expect(tag.description, tag.name).toBeTruthy();
    for (const { path, operation } of operations()) {
      expect(operation.summary.length, path).toBeGreaterThan(3);
      const inPath = (operation.parameters ?? []).filter((p) => p.in === 'path');
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(inPath.map(({ name }) => name)).toEqual(names);
    }
  });

  it('says who may call, and with which key', () => {
    for (const route of all) {
      const schemes = operationOf(route).security.map((way) => Object.keys(way).join());
      const expected = {
        public: ['', 'key', 'access'],
        signed: [],
        scope: ['key'],
        platform: ['key'],
        owner: ['key', 'access', 'link'],
      }[route.access.kind];
      expect(schemes, keyOfRoute(route)).toEqual(expected);
    }
  });

  it('asks for the Idempotency-Key with every POST of ours, where it must be with force', () => {
    const needed = operations().flatMap(({ method, path, operation }) => {
      const key = operation.parameters?.find(({ name }) => name === 'Idempotency-Key');
      if (method !== 'post') expect(key).toBeUndefined();
      else if (!/webhooks|sandbox/.test(path)) expect(key, path).toBeDefined();
      return key?.required ? [path.replace(BASE_PATH, '')] : [];
    });
    expect(needed.sort()).toEqual([
      '/events/{id}/bookings',
      '/events/{id}/complimentary',
      '/events/{id}/holds',
      '/orders/{id}/refunds',
      '/organizers/{id}/credits',
      '/shopping-sessions/{id}/purchase',
    ]);
  });

  it('documents a problem for every refusal of every route', () => {
    for (const route of all) {
      const { responses } = operationOf(route);
      for (const [code, { status }] of Object.entries(route.refusals)) {
        const answer = responses[String(status)] as Answer | undefined;
        expect(answer?.description, `${keyOfRoute(route)} ${code}`).toContain(`\`${code}\``);
        expect(answer?.content?.['application/problem+json']?.examples).toHaveProperty(code);
      }
      expect(responses[String(route.success.status)]).toBeDefined();
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(['401', '429', '503']));
    }
  });

  it('has no body where there is none', () => {
    const empty = all.filter(({ success }) => success.status === 204);
    expect(empty.length).toBeGreaterThan(2);
    for (const route of empty) {
      expect(operationOf(route).responses['204']).not.toHaveProperty('content');
    }
  });
});

describe('its schemas', () => {
  it('say a type everywhere, and have no pattern that nobody can read', () => {
    const wordy: string[] = [];
    for (const [at, schema] of objectsIn(served)) {
      const { pattern } = schema;
      if (typeof pattern === 'string' && pattern.length > 40) wordy.push(`${at}: ${pattern}`);
      if (/\/(schema|items)$/.test(at)) expect(Object.keys(schema), at).not.toEqual([]);
      const isField = /\/properties\/[^/]+$/.test(at);
      const says = ['type', '$ref', 'anyOf', 'enum', 'const'].some((key) => key in schema);
      const isIgnored = String(schema['description']).startsWith('Ignored');
      if (isField && !isIgnored) expect(says, `${at} ${JSON.stringify(schema)}`).toBe(true);
    }
    expect(wordy).toEqual([]);
  });

  it('describe what is taken as text: times, names, addresses, ids', () => {
    const event = resolve(served, '#/components/schemas/EventInput') as Shape;
    expect(event.properties['startsAt']).toMatchObject({ type: 'string', format: 'date-time' });
    expect(event.properties['name']).toEqual({ type: 'string', minLength: 1, maxLength: 200 });
    expect(event.properties['timezone']).toMatchObject({ type: 'string' });
    expect(event.additionalProperties).toBe(false);
    const person = resolve(served, '#/components/schemas/UserInput') as Shape;
    expect(person.properties['email']).toMatchObject({ type: 'string', format: 'email' });
    const path = served.paths['/api/v1/events/{id}']?.['get']?.parameters?.[0];
    expect(path?.schema).toEqual({ type: 'string', pattern: '^evt_[0-9a-z]+$', maxLength: 64 });
  });

  it('leave room in answers for what comes later', () => {
    const order = resolve(served, '#/components/schemas/Order') as Shape;
    expect(order).not.toHaveProperty('additionalProperties');
  });
});

type Shape = {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly additionalProperties?: unknown;
};

/** A schema of the document as a checker, with everything that it refers to. */
function checker(schema: unknown): z.ZodType {
  const local = JSON.stringify({ ...(schema as object), $defs: served.components.schemas });
  return z.fromJSONSchema(JSON.parse(local.replaceAll('#/components/schemas/', '#/$defs/')));
}

describe('its examples', () => {
  const withBody = all.filter(({ body, access }) => body && access.kind !== 'signed');

  it('are there for every request that has a body, and fit its schema', () => {
    for (const route of withBody) {
      const json = operationOf(route).requestBody?.content['application/json'];
      expect(json?.example, keyOfRoute(route)).toBeDefined();
      expect(checker(json?.schema).safeParse(json?.example)).toMatchObject({ success: true });
    }
  });

  /** Routes whose body is a secret. */
  const SECRETS = ['POST /credits/balance', 'POST /sign-in/verify'];

  it.each(withBody.map((route) => [keyOfRoute(route), route] as const))(
    '%s works as its example stands, and answers as documented',
    async (key, route) => {
      const recipe = recipes[key];
      if (!recipe) throw new Error(`${key} is not in test/access/requests.ts`);
      const { body: other, ...rest } = await recipe.make(world, world.ours, 'ours');
      // No example opens anything.
      const made = SECRETS.includes(key) && other ? { ...rest, body: other } : rest;
      const response = await fetch(app.origin + pathFor(route, made.ids), {
        method: route.method,
        headers: {
          authorization: `Bearer ${ADMIN_KEY}`,
          'content-type': 'application/json',
          'idempotency-key': randomUUID(),
        },
        body: JSON.stringify(bodyFor(route, made)),
      });
      const body: unknown = await response.json();
      expect(response.status, JSON.stringify(body)).toBe(route.success.status);
      const answer = operationOf(route).responses[String(response.status)] as Answer;
      const schema = answer.content?.['application/json']?.schema;
      expect(checker(schema).safeParse(body)).toMatchObject({ success: true });
    },
  );

  it('name ids of the shape that ids have', () => {
    const ids = [
      ...JSON.stringify(all.map(({ example }) => example)).matchAll(
        /"((?!fk_)[a-z]+)_([0-9a-z]{13,})"/g,
      ),
    ];
    expect(ids.length).toBeGreaterThan(20);
    const wrong = ids.filter(
      ([, prefix = '', rest = '']) => !isId(prefix as 'ord', `${prefix}_${rest}`),
    );
    expect(wrong.map(([id]) => id)).toEqual([]);
  });

  it('of answers are answers: they have exactly the members that the route gives', () => {
    const answered = all.filter(({ example }) => example?.response !== undefined);
    expect(answered.length).toBeGreaterThanOrEqual(6);
    for (const { success, example, method, path } of answered) {
      // What a schema does not know, parsing drops.
      expect(success.schema?.parse(example?.response), `${method} ${path}`).toEqual(
        example?.response,
      );
    }
  });
});
