/**
 * Every route, asked by everybody, for what is theirs and what is not. What must come of it is
 * derived from the access that the route declares, by the table of expected.ts. What is refused
 * must also change nothing, tell nobody's name, and look the same as what never was.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE_PATH, routes } from '../../server/app.ts';
import { testClock } from '../../server/kernel/clock.ts';
import type { Route } from '../../server/kernel/route.ts';
import { clockRoutes } from '../../server/sandbox/clock.ts';
import { openApiDocument } from '../../server/web/openapi.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { digestOf, rolesOf } from './digest.ts';
import { type Expected, expectedOf, mayReadPeopleOf, ROLES, type Variant } from './expected.ts';
import type { Made, Recipe } from './recipe.ts';
import { bodyFor, keyOfRoute, pathFor, recipes, unknownId } from './requests.ts';
import { type Asker, CANARIES, makeOrder, makeWorld, type World } from './world.ts';

const all: readonly Route[] = [...routes, ...clockRoutes(testClock(), Date.now)];

const { paths } = openApiDocument(all, BASE_PATH);

let app: TestApp;
let world: World;
let spareToken: string;
const asked = { cells: 0, granted: 0, routes: new Set<string>() };

beforeAll(async () => {
  app = await startApp();
  world = await makeWorld(app);
  spareToken = (await makeOrder(app, world.ours)).token;
});
afterAll(() => app.close());

type Cell = { readonly asker: Asker; readonly variant: Variant; readonly expected: Expected };
type Outcome = Cell & { readonly status: number; readonly text: string; readonly head: string };

function make(recipe: Recipe, variant: Variant): Promise<Made> {
  const organizer = variant === 'theirs' ? world.theirs : world.ours;
  return recipe.make(world, organizer, variant);
}

async function makeAll(recipe: Recipe): Promise<ReadonlyMap<Variant, Made>> {
  const made = new Map<Variant, Made>();
  for (const variant of recipe.variants) made.set(variant, await make(recipe, variant));
  const { ids } = made.get('unknown') ?? { ids: {} };
  const never = Object.fromEntries(Object.entries(ids).map(([k, id]) => [k, unknownId(id)]));
  made.set('unknown', { ...made.get('unknown'), ids: never });
  const ours = made.get('ours');
  const theirs = made.get('theirs');
  if (ours && theirs)
    made.set('mixed', { ...ours, ids: { ...theirs.ids, id: ours.ids['id'] ?? '' } });
  return made;
}

/** Of an answer that has no end, what comes at once. */
async function textOf(response: Response): Promise<string> {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
  if (!isStream || !response.body) return response.text();
  const reader = response.body.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}

async function ask(route: Route, cell: Cell, made: Made, token: string): Promise<Outcome> {
  const body = bodyFor(route, made);
  const search = cell.asker.search?.(token);
  const response = await fetch(
    app.origin + pathFor(route, made.ids) + (search ? `?${search}` : ''),
    {
      method: route.method,
      headers: {
        ...cell.asker.headers(token),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(route.method === 'POST' ? { 'idempotency-key': randomUUID() } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    },
  );
  const { 'x-request-id': _id, date: _date, ...headers } = Object.fromEntries(response.headers);
  return {
    ...cell,
    status: response.status,
    text: await textOf(response),
    head: JSON.stringify(headers),
  };
}

function isAsExpected(route: Route, { expected, status }: Outcome): boolean {
  switch (expected) {
    case 'done':
      return status === route.success.status;
    case 'unsigned':
      return status === 400;
    default:
      return status === expected;
  }
}

/** What differs from one request to the next although nothing does. */
function withoutRequest({ text, head }: Outcome): string {
  const problem = JSON.parse(text);
  return JSON.stringify([{ ...problem, requestId: '', instance: '' }, head, text.length]);
}

/** Whose buyers an answer names although this caller, on this route, may not read them. */
function leaks(route: Route, { asker, text, expected }: Outcome): readonly string[] {
  const isOpen = route.access.kind === 'public' || expected !== 'done';
  const may = isOpen ? [] : mayReadPeopleOf(asker.kind);
  return (['ours', 'theirs'] as const).filter(
    (side) =>
      !may.includes(side) &&
      (text.includes(CANARIES[side].email) || text.includes(CANARIES[side].phone)),
  );
}

async function runRoute(route: Route, recipe: Recipe): Promise<readonly Outcome[]> {
  const made = await makeAll(recipe);
  const token = made.get('ours')?.token ?? spareToken;
  const cells = world.askers.flatMap((asker) =>
    recipe.variants.map((variant) => ({
      asker,
      variant,
      expected: expectedOf(route, recipe, asker.kind, variant),
    })),
  );
  const outcomes: Outcome[] = [];
  const before = await digestOf(app);
  for (const cell of cells.filter(({ expected }) => expected !== 'done')) {
    outcomes.push(await ask(route, cell, made.get(cell.variant) ?? { ids: {} }, token));
  }
  expect(await digestOf(app), 'what is refused changes nothing').toEqual(before);
  for (const cell of cells.filter(({ expected }) => expected === 'done')) {
    const own = recipe.isUsedUp || route.method === 'POST';
    const thing = own ? await make(recipe, cell.variant) : made.get(cell.variant);
    outcomes.push(await ask(route, cell, thing ?? { ids: {} }, thing?.token ?? token));
  }
  return outcomes;
}

const statusesOf = (outcomes: readonly Outcome[]) => new Set(outcomes.map((o) => String(o.status)));
/** As the document writes addresses. */
const PARAMETERS = {
  id: '{id}',
  poolId: '{poolId}',
  ticketTypeId: '{ticketTypeId}',
  allocationId: '{allocationId}',
  ticketId: '{ticketId}',
  number: '{number}',
  code: '{code}',
  creditId: '{creditId}',
};

describe('who may call what', () => {
  it('knows the same roles as the database', async () => {
    const known = Object.entries(ROLES).map(([role, scopes]) => [role, [...scopes].sort()]);
    expect(Object.fromEntries(await rolesOf(app))).toEqual(Object.fromEntries(known));
  });

  it.each(all.map((route) => [keyOfRoute(route), route] as const))('%s', async (key, route) => {
    const recipe = recipes[key];
    if (!recipe) throw new Error(`${key} is not in requests.ts: nobody checks who may call it`);
    const outcomes = await runRoute(route, recipe);
    expect(outcomes).toHaveLength(world.askers.length * recipe.variants.length);
    const wrong = outcomes.filter((outcome) => !isAsExpected(route, outcome));
    const told = wrong.map(
      ({ asker, variant, expected, status, text }) =>
        `${asker.name}, ${variant}: ${status} instead of ${expected} ${text.slice(0, 300)}`,
    );
    expect(told).toEqual([]);
    expect(outcomes.filter((outcome) => leaks(route, outcome).length > 0)).toEqual([]);
    const address = pathFor(route, PARAMETERS);
    const documented = Object.keys(paths[address]?.[route.method.toLowerCase()]?.responses ?? {});
    expect(documented).toEqual(expect.arrayContaining([...statusesOf(outcomes)]));
    for (const asker of world.askers) {
      const missing = outcomes.filter((o) => o.asker === asker && o.status === 404);
      expect(new Set(missing.map(withoutRequest)).size, asker.name).toBeLessThanOrEqual(1);
    }
    asked.routes.add(key);
    asked.cells += outcomes.length;
    asked.granted += outcomes.filter(({ expected }) => expected === 'done').length;
  });

  it('is the same for HEAD as for GET', async () => {
    for (const route of all.filter(({ method }) => method === 'GET')) {
      const recipe = recipes[keyOfRoute(route)];
      const variant = recipe?.variants.at(0);
      if (!recipe || !variant) throw new Error(`${keyOfRoute(route)} is not in requests.ts`);
      const made = await make(recipe, variant);
      for (const asker of world.askers) {
        const expected = expectedOf(route, recipe, asker.kind, variant);
        const token = made.token ?? spareToken;
        const head = await ask(
          { ...route, method: 'HEAD' as 'GET' },
          { asker, variant, expected },
          made,
          token,
        );
        expect(isAsExpected(route, head), `${asker.name}: ${route.path} ${head.status}`).toBe(true);
        expect(head.text).toBe('');
      }
    }
  });

  it('has asked for every route, and knows no other', () => {
    expect([...asked.routes].sort()).toEqual(all.map(keyOfRoute).sort());
    expect(Object.keys(recipes).sort()).toEqual(all.map(keyOfRoute).sort());
    const { cells, granted } = asked;
    const { length } = world.askers;
    process.stdout.write(
      `access: ${cells} cells (${all.length} routes, ${length} callers), ${granted} of them granted\n`,
    );
    expect(cells).toBeGreaterThan(2_000);
    expect(granted).toBeGreaterThan(300);
  });
});
