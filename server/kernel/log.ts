import { type DestinationStream, destination, type Logger, pino } from 'pino';
import type { Config } from './config.ts';

const HEADERS = [
  'authorization',
  'cookie',
  'x-pass',
  'x-device-token',
  'idempotency-key',
  'stripe-signature',
];
const FIELDS = [
  'email',
  'phone',
  'name',
  'buyer',
  'body',
  'rawBody',
  'password',
  'apiKey',
  'accessToken',
  'clientSecret',
  'client_secret',
  'secret',
  'token',
];
/** A cause of a cause of a cause says nothing more. */
const CAUSES_MAX = 3;
const STACK_LINES_MAX = 20;

/**
 * JSON lines on standard output. Credentials, buyers and payment secrets are cut out wherever they
 * might appear; bodies are not logged at all, and of an error only what is listed in `errorLine`:
 * what a database or a provider says of a failure repeats the values that it failed on.
 */
export function createLog(config: Pick<Config, 'LOG_LEVEL'>, to?: DestinationStream): Logger {
  const options = {
    level: config.LOG_LEVEL,
    base: null,
    redact: {
      paths: [
        ...HEADERS.flatMap((name) => [`headers["${name}"]`, `*.headers["${name}"]`]),
        ...FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      ],
      censor: '(redacted)',
    },
    serializers: {
      // The query string may hold an access token.
      req: (req: { id: string; method: string; url: string; ip?: string }) => ({
        id: req.id,
        method: req.method,
        url: req.url?.replace(/\?.*/s, ''),
        ip: req.ip,
      }),
      err: errorLine,
    },
  };
  return pino(options, to ?? standardOutput());
}

let shared: DestinationStream | null = null;

function standardOutput(): DestinationStream {
  shared ??= inTurns(destination(1), (flush) => void process.once('exit', flush));
  return shared;
}

/**
 * What one turn of the event loop says is written at its end, together: under load a system call
 * for each line costs more than the line. A process that is killed loses one turn's lines at most.
 */
export function inTurns(
  to: DestinationStream,
  atExit: (flush: () => void) => void,
): DestinationStream {
  let lines = '';
  const flush = () => {
    const said = lines;
    lines = '';
    if (said) to.write(said);
  };
  atExit(flush);
  return {
    write: (line) => {
      if (lines === '') setImmediate(flush);
      lines += line;
    },
  };
}

type Asked = { readonly id: string; readonly method: string; readonly url: string; ip?: string };

/**
 * One line for each request: of all lines the one there are most of. Its members are listed here
 * and none of them can hold what must be cut out, so nobody looks for that at each request.
 */
export function requestLog(log: Logger): (req: Asked, status: number, tookMs: number) => void {
  const plain = log.child({}, { redact: [] });
  return (req, status, tookMs) => {
    plain.info({ req, status, ms: Math.round(tookMs * 10) / 10 }, 'request');
  };
}

/** What is told of an error: kind, codes, where it came from; its message without its values. */
function errorLine(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { message: scrub(String(error)) };
  // The driver's and the provider's errors carry these; on others they are undefined.
  const { code, constraint, table, column, routine, statusCode, requestId } = error as Error &
    Record<'code' | 'constraint' | 'table' | 'column' | 'routine', string | undefined> &
    Record<'statusCode' | 'requestId', unknown>;
  const told = { code, constraint, table, column, routine, statusCode, requestId };
  const isFromDatabase = typeof routine === 'string';
  const message = isFromDatabase ? error.message.replace(/"[^"]*"/g, '"…"') : error.message;
  return {
    type: error.name,
    message: scrub(message),
    ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined)),
    stack: placesOf(error),
    ...(error.cause && depth < CAUSES_MAX ? { cause: errorLine(error.cause, depth + 1) } : {}),
  };
}

/** The stack without its first lines, which repeat the message. */
function placesOf(error: Error): string {
  const lines = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return lines.slice(0, STACK_LINES_MAX).join('\n');
}

/** Mail addresses, and whatever is shaped like one of our secrets or the provider's. */
function scrub(message: string): string {
  return message
    .replace(/[^\s"'<>(),:;=]+@[^\s"'<>(),:;]+/g, '(redacted)')
    .replace(/\b(?:fk|at|sk|rk|whsec)_[A-Za-z0-9_-]{8,}|\b\w+_secret_\w+/g, '(redacted)')
    .replace(/\b(Bearer|Basic)\s+\S+/gi, '$1 (redacted)');
}
