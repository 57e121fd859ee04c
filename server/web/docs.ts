/**
 * `/openapi.json` and `/docs`: made from the routes' own schemas, served without any outside
 * request.
 */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { fullPath } from '../kernel/http-route.ts';
import type { Route } from '../kernel/route.ts';
import { VERSION } from '../version.ts';
import { problemsPage } from './problems.ts';

export async function registerDocs(
  app: FastifyInstance,
  routes: readonly Route[],
  basePath: string,
): Promise<void> {
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info, servers: [{ url: '/' }], components: { securitySchemes } },
    transform: jsonSchemaTransform,
    transformObject: (input) => {
      // The transform keeps the document's shape; what is added below is plain OpenAPI.
      const document = jsonSchemaTransformObject(input) as unknown as Document;
      for (const route of routes) finishOperation(document, route, basePath);
      return document as unknown as ReturnType<typeof jsonSchemaTransformObject>;
    },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    theme: { title: 'Fanfare API' },
    uiConfig: { docExpansion: 'list', tryItOutEnabled: true, validatorUrl: null },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  app.get('/docs/problems', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(problemsPage(routes)),
  );
}

const info = {
  title: 'Fanfare',
  version: VERSION,
  description:
    'Sell tickets to fans at face value. Errors are RFC 9457 problems with a stable `code` ' +
    '(see /docs/problems). Money is integer minor units. Send an `Idempotency-Key` with every ' +
    'POST: the same key and body get the same answer again.',
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
};

const securitySchemes = {
  key: { type: 'http', scheme: 'bearer', description: 'An API key, `fk_…`' },
  access: { type: 'http', scheme: 'bearer', description: 'A guest’s access token, `at_…`' },
} as const;

type Operation = {
  parameters?: unknown[];
  security?: unknown[];
  requestBody?: { content: Record<string, { example?: unknown }>; required?: boolean };
  responses: Record<string, { description?: string; content?: unknown; headers?: unknown }>;
};
type Document = { paths: Record<string, Record<string, Operation>> };

const idempotencyKey = (required: boolean) => ({
  name: 'Idempotency-Key',
  in: 'header',
  required,
  description: 'Your name for this request: a repetition gets the first answer again.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
});

/** What the schemas alone do not say: who may call, the key, an example, an empty answer. */
function finishOperation(document: Document, route: Route, basePath: string): void {
  const path = fullPath(basePath, route.path).replace(/:([A-Za-z]+)/g, '{$1}');
  const operation = document.paths[path]?.[route.method.toLowerCase()];
  if (!operation) throw new Error(`the document lacks ${route.method} ${path}`);
  const { kind } = route.access;
  operation.security =
    kind === 'public' || kind === 'signed'
      ? [{}, { key: [] }, { access: [] }]
      : kind === 'owner'
        ? [{ key: [] }, { access: [] }]
        : [{ key: [] }];
  if (route.idempotency !== 'none') {
    const required =
      'idempotency_key_required' in route.refusals || route.idempotency === 'required';
    operation.parameters = [...(operation.parameters ?? []), idempotencyKey(required)];
  }
  const json = operation.requestBody?.content['application/json'];
  if (json && route.example?.body !== undefined) json.example = route.example.body;
  const success = operation.responses[String(route.success.status)];
  if (success && !route.success.schema) delete success.content;
  if (success) success.description = route.success.description;
  for (const [status, response] of Object.entries(operation.responses)) {
    if (status === '429' || status === '503') response.headers = retryAfter;
  }
}

const retryAfter = {
  'Retry-After': { description: 'Seconds', schema: { type: 'integer', minimum: 0 } },
};
