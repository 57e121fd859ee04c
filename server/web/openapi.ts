/**
 * The OpenAPI 3.1 document, made from the routes' own values and nothing else: a pure function, so
 * that the server, the Postman collection and the tests read the same document.
 */
import { z } from 'zod';
import { fullPath } from '../kernel/http-route.ts';
import { problemSchema } from '../kernel/problem.ts';
import type { Route } from '../kernel/route.ts';
import { VERSION } from '../version.ts';
import { acceptedOf, exampleOf, problemsOf, successOf } from './openapi-answers.ts';
import { operationIdOf, operationOf } from './openapi-operation.ts';
import type { Answer, JsonSchema, Operation, SchemaOf } from './openapi-types.ts';
import { type ProblemCode, problemCodesOf } from './problem-codes.ts';

export type OpenApi = {
  readonly openapi: '3.1.0';
  readonly info: Readonly<Record<string, unknown>>;
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string; readonly description?: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly responses: Readonly<Record<string, Answer>>;
    readonly headers: typeof headers;
    readonly examples: Readonly<Record<string, unknown>>;
    readonly securitySchemes: typeof securitySchemes;
  };
};

const info = {
  title: 'Fanfare',
  version: VERSION,
  description:
    'Sell tickets to fans at face value. Errors are RFC 9457 problems with a stable `code` ' +
    '(see [/docs/problems](/docs/problems)). Money is integer minor units. Send an ' +
    '`Idempotency-Key` with every POST: the same key and body get the same answer again.',
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
};

const securitySchemes = {
  key: { type: 'http', scheme: 'bearer', description: 'An API key, `fk_…`' },
  access: { type: 'http', scheme: 'bearer', description: 'A guest’s access token, `at_…`' },
  link: {
    type: 'apiKey',
    in: 'query',
    name: 'access',
    description: 'The same token in a mailed link',
  },
} as const;

/** In the order in which the document lists them. */
const tagTexts: Readonly<Record<string, string>> = {
  Events: 'What takes place, when and where, and its sale',
  Venues: 'Buildings and their floor plans, with versions and dates',
  'Ticket types': 'What is sold for an event, at what price, from which pool',
  Buying: 'From a hold to a booking',
  Orders: 'What was bought, and how it is given back',
  Approvals: 'What takes two people',
  Papers: 'Receipts, invoices and credit notes',
  People: 'Buyers with an account, and staff',
  Access: 'API keys, and the organizers they belong to',
  Reports: 'What the numbers say',
  Waitlist: 'Waiting for places of sold-out events, and what is offered',
  Webhooks: 'What the payment provider calls',
  'Webhooks to you': 'What Fanfare calls: facts, sent to an organizer’s own systems',
  Operating: 'For those who run the server',
  Sandbox: 'Only without real payment keys',
  Promotions: 'Promo codes of an event; credit with an organizer.',
};

const headers = {
  RequestId: { description: 'Names this request in the logs', schema: { type: 'string' } },
  RetryAfter: {
    description: 'Seconds to wait before trying again',
    schema: { type: 'integer', minimum: 0 },
  },
} as const;

export function openApiDocument(routes: readonly Route[], basePath: string): OpenApi {
  const named = new Map<string, JsonSchema>();
  const schemaOf = schemaReader(named);
  const problem = schemaOf(problemSchema, 'output');
  const codes = new Map<string, ProblemCode>();
  const shared = new Map<string, Answer>();
  const operationIds = new Set<string>();
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) {
    const path = fullPath(basePath, route.path).replace(/:([A-Za-z]+)/g, '{$1}');
    const own = problemCodesOf(route);
    for (const [code, entry] of own) if (!codes.has(code)) codes.set(code, entry);
    paths[path] = {
      ...paths[path],
      [route.method.toLowerCase()]: {
        operationId: operationIdOf(route.method, path, basePath, operationIds),
        ...operationOf(route, schemaOf),
        responses: {
          [route.success.status]: successOf(route, schemaOf),
          ...acceptedOf(route, schemaOf),
          ...problemsOf(route, own, problem, shared),
        },
      },
    };
  }
  return {
    openapi: '3.1.0',
    info,
    servers: [{ url: '/' }],
    tags: tagsOf(routes),
    paths,
    components: {
      schemas: byName(named),
      responses: byName(shared),
      headers,
      examples: byName(new Map([...codes].map(([code, entry]) => [code, exampleOf(code, entry)]))),
      securitySchemes,
    },
  };
}

function byName<T>(entries: ReadonlyMap<string, T>): Record<string, T> {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function tagsOf(routes: readonly Route[]): OpenApi['tags'] {
  const used = new Set(routes.map((route) => route.tag));
  const known = Object.entries(tagTexts).filter(([name]) => used.has(name));
  const others = [...used].filter((name) => !(name in tagTexts));
  return [
    ...known.map(([name, description]) => ({ name, description })),
    ...others.map((name) => ({ name })),
  ];
}

/** Converts schemas; those with a name of their own are put aside in `named` and referred to. */
function schemaReader(named: Map<string, JsonSchema>): SchemaOf {
  return (schema, io) => {
    const json: Record<string, unknown> = z.toJSONSchema(schema, {
      io,
      unrepresentable: 'any',
      override: ({ jsonSchema }) => {
        // What we answer may grow: a client that refuses unknown members would break at the next
        // release. What we are asked may not.
        if (io === 'output' && jsonSchema.additionalProperties === false) {
          delete jsonSchema.additionalProperties;
        }
        // Every whole number is one that JSON can carry: no news, and a poor example.
        if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
        if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      },
    });
    const { $schema: _dialect, $defs, ...rest } = withComponentRefs(json);
    // What zod has put aside: schemas by name.
    const definitions = Object.entries(($defs ?? {}) as Record<string, Record<string, unknown>>);
    for (const [name, { id: _name, ...plain }] of definitions) {
      const known = named.get(name);
      if (known && JSON.stringify(known) !== JSON.stringify(plain)) {
        throw new Error(`two different schemas are named ${name}`);
      }
      named.set(name, plain);
    }
    return rest;
  };
}

function withComponentRefs(json: Record<string, unknown>): Record<string, unknown> {
  // A JSON document stays one.
  return JSON.parse(JSON.stringify(json), (key, value) =>
    key === '$ref' && typeof value === 'string'
      ? value.replace('#/$defs/', '#/components/schemas/')
      : value,
  ) as Record<string, unknown>;
}
