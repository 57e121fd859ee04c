/**
 * `/openapi.json` and `/docs`: made from the routes' own values, served without any outside
 * request.
 */
import swagger, { type StaticDocumentSpec } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import type { Route } from '../kernel/route.ts';
import { docsPage, docsScript, docsStyle } from './docs-page.ts';
import { openApiDocument } from './openapi.ts';
import { problemsPage } from './problems.ts';

export async function registerDocs(
  app: FastifyInstance,
  routes: readonly Route[],
  basePath: string,
): Promise<void> {
  const document = openApiDocument(routes, basePath);
  const text = JSON.stringify(document);
  await app.register(swagger, {
    mode: 'static',
    // The plugin's type is of OpenAPI 3.0 and writable; it only passes the document on.
    specification: { document: document as unknown as StaticDocumentSpec['document'] },
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
    uiHooks: {
      // The plugin's own page says nothing of phones and shows its maker's name.
      preHandler: (request, reply, done) => {
        if (!/^\/docs\/?$/.test(request.routeOptions.url ?? '')) return done();
        reply.type('text/html; charset=utf-8').send(docsPage);
      },
    },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').serializer(asIs).send(text),
  );
  app.get('/docs/problems', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(problemsPage(routes)),
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
