/** What leaves: what the schema of the answer knows, and nothing that does not fit it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { BASE_PATH, routes } from '../../server/app.ts';
import { createHttpServer } from '../../server/kernel/http.ts';
import { ok } from '../../server/kernel/result.ts';
import { type Route, route } from '../../server/kernel/route.ts';
import { authenticate } from '../../server/modules/identity/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

/** Kinds of schema that make another value of the one they are given. */
const CHANGING = new Set(['pipe', 'transform', 'codec', 'default', 'prefault', 'catch']);

function kindsIn(schema: z.ZodType): readonly string[] {
  const kinds: string[] = [];
  z.toJSONSchema(schema, {
    io: 'output',
    unrepresentable: 'any',
    override: ({ zodSchema }) => void kinds.push(zodSchema._zod.def.type),
  });
  return kinds;
}

describe('the schemas of answers', () => {
  it('only check', () => {
    const found = routes.flatMap(({ method, path, success }) =>
      success.schema
        ? kindsIn(success.schema)
            .filter((kind) => CHANGING.has(kind))
            .map((kind) => `${method} ${path}: ${kind}`)
        : [],
    );
    expect(found).toEqual([]);
    expect(routes.filter(({ success }) => success.schema).length).toBeGreaterThan(20);
  });

  it('would be found if they did more', () => {
    expect(kindsIn(z.object({ at: z.string().transform(Number) }))).toContain('pipe');
    expect(kindsIn(z.array(z.object({ a: z.string().default('x') })))).toContain('default');
  });
});

describe('an answer', () => {
  const thing = (body: { name: string }): Route =>
    route({
      method: 'GET',
      path: '/thing',
      summary: 'A thing',
      tag: 'Test',
      access: { kind: 'public' },
      success: { status: 200, schema: z.object({ name: z.string() }), description: 'It' },
      refusals: {},
      handle: async () => ok({ body }),
    });
  const ask = async (served: Route) => {
    const server = await createHttpServer(app.ctx, {
      ...{ routes: [served], basePath: BASE_PATH, authenticate, rates: null },
      ...{ trustProxy: undefined, logRequests: false },
    });
    const answer = await server.inject({ method: 'GET', url: `${BASE_PATH}/thing` });
    await server.close();
    return answer;
  };

  it('loses what its schema does not know', async () => {
    const inside = { name: 'Ada', secretHash: 'canary' };
    const answer = await ask(thing(inside));
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.json()).toEqual({ name: 'Ada' });
  });

  it('that does not fit is a fault of ours, and tells nothing', async () => {
    const wrong: unknown = { name: 17 };
    const answer = await ask(thing(wrong as { name: string }));
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toMatchObject({ code: 'internal_error' });
  });
});
