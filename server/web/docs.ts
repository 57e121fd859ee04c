/**
 * `/openapi.json` and `/docs`: made from the routes' own values, served without any outside
 * request.
 */
import swagger, { type StaticDocumentSpec } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { facts } from '../facts/index.ts';
import type { Route } from '../kernel/route.ts';
import { asyncApiDocument } from './asyncapi.ts';
import { docsPage, docsScript, docsStyle } from './docs-page.ts';
import { factsPage } from './facts-page.ts';
import { openApiDocument } from './openapi.ts';
import { problemsPage } from './problems.ts';

export async function registerDocs(
  app: FastifyInstance,
  routes: readonly Route[],
  basePath: string,
): Promise<void> {
  // Made when somebody asks: it takes a fifth of the time in which a server has to be back.
  const document = once(() => openApiDocument(routes, basePath));
  const text = once(() => JSON.stringify(document()));
  await app.register(swagger, {
    mode: 'static',
    // In its place the page shows what `transformSpecification` gives it.
    specification: { document: PLACEHOLDER },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: CONTENT_SECURITY_POLICY,
    theme: {
      css: [{ filename: 'fanfare.css', content: docsStyle }],
      js: [{ filename: 'fanfare.js', content: docsScript }],
    },
    uiConfig: {
      layout: 'BaseLayout',
      docExpansion: 'list',
      // A link inside of a button, which is what it makes of each line, cannot be read out.
      deepLinking: false,
      syntaxHighlight: { theme: 'obsidian' },
      tryItOutEnabled: true,
      persistAuthorization: false,
      validatorUrl: null,
    },
    transformSpecification: () => document() as unknown as Record<string, unknown>,
    transformSpecificationClone: false,
    uiHooks: {
      // The plugin's own page says nothing of phones and shows its maker's name.
      preHandler: (request, reply, done) => {
        if (!/^\/docs\/?$/.test(request.routeOptions.url ?? '')) return done();
        reply.type('text/html; charset=utf-8').send(docsPage);
      },
    },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').serializer(asIs).send(text()),
  );
  app.get('/docs/problems', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(problemsPage(routes)),
  );
  registerFacts(app);
}

const PLACEHOLDER: StaticDocumentSpec['document'] = {
  openapi: '3.0.0',
  info: { title: 'Fanfare', version: '0' },
  paths: {},
};

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function registerFacts(app: FastifyInstance): void {
  const document = JSON.stringify(asyncApiDocument(facts));
  app.get('/asyncapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').serializer(asIs).send(document),
  );
  app.get('/docs/facts', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(factsPage(facts)),
  );
}

const asIs = (text: string): string => text;

/**
 * The page's own scripts, and no other; nothing is sent or fetched elsewhere. The plugin's default
 * also upgrades to https, which a server in a house network does not have.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');
