/** Bodies: JSON only, as it stands, read strictly; the raw bytes stay at hand for signatures. */
import { isUtf8 } from 'node:buffer';
import { errorCodes, type FastifyBodyParser, type FastifyInstance } from 'fastify';
import { ProblemError } from './http-problem.ts';
import { parseStrictJson } from './json.ts';
import type { Upload } from './route.ts';

/** A plan of 150,000 seats has some ten members for each. */
const UPLOAD_LIMITS = { maxDepth: 32, maxMembers: 5_000_000 };

declare module 'fastify' {
  interface FastifyContextConfig {
    upload?: Upload | undefined;
  }
}

export function acceptStrictJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addHook('preParsing', (request, reply, _payload, done) => {
    const encoding = request.headers['content-encoding'];
    if (encoding === undefined || encoding.toLowerCase() === 'identity') return done();
    // What unpacks to how much is not known before: nothing packed is taken.
    reply.header('accept-encoding', 'identity');
    done(
      new ProblemError({
        status: 415,
        code: 'unsupported_media_type',
        title: 'The body must not be compressed',
      }),
    );
  });
  const parse: FastifyBodyParser<Buffer> = (request, raw, done) => {
    request.rawBody = raw;
    if (raw.length === 0) return done(null, undefined);
    if (!isUtf8(raw)) return done(malformed('malformed_json', 'The body is not UTF-8.'));
    const limits = request.routeOptions.config.upload ? UPLOAD_LIMITS : undefined;
    const parsed = parseStrictJson(raw.toString('utf8'), limits);
    if (parsed.ok) return done(null, parsed.value);
    return done(malformed(parsed.refusal.code, parsed.refusal.detail));
  };
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, parse);
  app.addContentTypeParser(/^application\/[a-z.-]+\+json$/, { parseAs: 'buffer' }, parse);
  app.addContentTypeParser<Buffer>('text/csv', { parseAs: 'buffer' }, (request, raw, done) => {
    if (request.routeOptions.config.upload?.alsoTakes === 'text/csv') return done(null, raw);
    done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE('text/csv'));
  });
}

function malformed(code: string, detail: string | undefined): ProblemError {
  return new ProblemError({ status: 400, code, title: 'The body is not acceptable JSON', detail });
}
