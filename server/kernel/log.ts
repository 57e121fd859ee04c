import { type Logger, pino } from 'pino';
import type { Config } from './config.ts';

/**
 * JSON lines on standard output. Credentials, buyers and payment secrets are cut out wherever they
 * might appear; bodies are not logged at all.
 */
export function createLog(config: Pick<Config, 'LOG_LEVEL'>): Logger {
  return pino({
    level: config.LOG_LEVEL,
    base: null,
    redact: {
      paths: [
        'req.headers.authorization',
        'req.headers.cookie',
        'req.headers["x-pass"]',
        'req.headers["x-device-token"]',
        'req.headers["idempotency-key"]',
        'req.headers["stripe-signature"]',
        ...[
          'email',
          'phone',
          'name',
          'accessToken',
          'clientSecret',
          'client_secret',
          'secret',
          'token',
        ].flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      ],
      censor: '(redacted)',
    },
    serializers: {
      // The query string may hold an access token.
      req: (req: { id: string; method: string; url: string; ip?: string }) => ({
        id: req.id,
        method: req.method,
        url: req.url?.replace(/\?.*/, ''),
        ip: req.ip,
      }),
    },
  });
}
