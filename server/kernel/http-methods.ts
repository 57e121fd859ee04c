import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from './http-problem.ts';
import type { CountRequest } from './http-rates.ts';

/**
 * 404 for an unknown address; 405 with `Allow` for a known one asked in another way. Both before a
 * body is read: what it is made of does not matter there.
 */
export function methodGuard(app: FastifyInstance, count: CountRequest): void {
  const known = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    const entry = known.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
    for (const name of Array.isArray(method) ? method : [method]) entry.methods.add(name);
    known.set(url, entry);
  });
  const refuse = (request: FastifyRequest, reply: FastifyReply): never => {
    count(request, reply);
    const path = request.url.replace(/\?.*/s, '');
    const allowed = [...known.values()].filter((entry) => entry.pattern.test(path));
    if (allowed.length === 0) {
      throw new ProblemError({ status: 404, code: 'not_found', title: 'Not found' });
    }
    reply.header('allow', [...new Set(allowed.flatMap((e) => [...e.methods]))].join(', '));
    throw new ProblemError({
      status: 405,
      code: 'method_not_allowed',
      title: `${request.method} is not possible here`,
    });
  };
  app.addHook('onRequest', (request, reply, done) => {
    if (request.is404) refuse(request, reply);
    done();
  });
  app.setNotFoundHandler(refuse);
}

function patternOf(url: string): RegExp {
  const escaped = url.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace(/:[A-Za-z]+/g, '[^/]+').replace(/\*/g, '.*')}$`);
}
