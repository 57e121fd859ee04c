/**
 * Posts messages to addresses that people who use the server have chosen, so that nobody reaches
 * through it what they could not reach themselves. A name is resolved here, once; all its addresses
 * have to be public; the connection goes to the address that was checked, with the name in its TLS
 * and its Host header. What the name leads to a moment later does not matter. Redirects are answers
 * like any other, and proxies are not asked for.
 *
 * Names are resolved by DNS alone (c-ares): the system's resolver would block a thread of the
 * process for as long as somebody's name server is silent.
 */
import { Resolver } from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { isPublicAddress } from '../../kernel/public-address.ts';
import type {
  SendError,
  SendOutcome,
  WebhookMessage,
  WebhookPort,
} from '../../modules/webhooks/index.ts';

const SEND_MAX_MS = 15_000;
const RESOLVE_TRY_MS = 2_000;
const RESOLVE_TRIES = 2;
const RESPONSE_BYTES = 1_024;
const HEADERS_BYTES_MAX = 16_384;

/** All addresses of a name, or none. */
export type Resolve = (name: string) => Promise<readonly string[]>;

export type OutgoingOptions = {
  /** Addresses that are not public, too; for development and tests. */
  readonly allowPrivate: boolean;
  readonly resolve?: Resolve;
  readonly sendMaxMs?: number;
};

export function createWebhookPort(options: OutgoingOptions): WebhookPort {
  return { post: (message) => post(message, options) };
}

async function post(message: WebhookMessage, options: OutgoingOptions): Promise<SendOutcome> {
  const startedAt = performance.now();
  const latencyMs = () => Math.round(performance.now() - startedAt);
  const signal = AbortSignal.timeout(options.sendMaxMs ?? SEND_MAX_MS);
  try {
    const url = new URL(message.url);
    const address = await addressOf(url, options, signal);
    if (address === null) {
      return { kind: 'failed', error: 'address_refused', latencyMs: latencyMs() };
    }
    const response = await orAborted(send(url, address, message, signal), signal);
    const answeredMs = latencyMs();
    return {
      kind: 'answered',
      statusCode: response.statusCode ?? 0,
      retryAfter: response.headers['retry-after'] ?? null,
      response: await beginningOf(response),
      latencyMs: answeredMs,
    };
  } catch (error) {
    return { kind: 'failed', error: errorOf(error, signal), latencyMs: latencyMs() };
  }
}

/** The address to connect to; null where one of those that the name has is not allowed. */
async function addressOf(
  url: URL,
  { allowPrivate, resolve = resolveName }: OutgoingOptions,
  signal: AbortSignal,
): Promise<string | null> {
  // An IPv6 address stands in brackets; the parser has made 127.1 and 0x7f000001 an address, too.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(host) ? [host] : await orAborted(resolve(host), signal);
  if (!allowPrivate && !addresses.every(isPublicAddress)) return null;
  const [first] = addresses;
  if (first === undefined) throw Object.assign(new Error('no address'), { code: 'ENOTFOUND' });
  return first;
}

/** What is outside of this process ends when it likes; who waits for it waits so long. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return Promise.race([
    work,
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    }),
  ]);
}

async function resolveName(name: string): Promise<readonly string[]> {
  if (name === 'localhost') return ['127.0.0.1'];
  const resolver = new Resolver({ timeout: RESOLVE_TRY_MS, tries: RESOLVE_TRIES });
  const found = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  // IPv4 first: not every machine has a way out over IPv6.
  return found.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
}

function send(
  url: URL,
  address: string,
  message: WebhookMessage,
  signal: AbortSignal,
): Promise<http.IncomingMessage> {
  const isTls = url.protocol === 'https:';
  const name = url.hostname.replace(/^\[|\]$/g, '');
  const body = Buffer.from(message.body);
  return new Promise((resolve, reject) => {
    const request = (isTls ? https : http).request({
      host: address,
      port: url.port === '' ? (isTls ? 443 : 80) : Number(url.port),
      // The certificate has to be for the name. There is no SNI for an address.
      ...(isTls ? { servername: isIP(name) ? '' : name } : {}),
      method: 'POST',
      path: url.pathname + url.search,
      headers: {
        ...message.headers,
        host: url.host,
        'content-length': body.length,
        'accept-encoding': 'identity',
      },
      // A connection of its own: none is shared between addresses that were checked apart.
      agent: false,
      maxHeaderSize: HEADERS_BYTES_MAX,
      signal,
    });
    request.on('response', resolve);
    // A 101 is an answer like any other, and no reason to speak something else.
    request.on('upgrade', (response, socket) => {
      socket.destroy();
      response.destroy();
      resolve(response);
    });
    request.on('error', reject);
    // Where nothing else was said before: a connection may end without an error.
    request.on('close', () => {
      reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }));
    });
    request.end(body);
  });
}

/** As much as is kept. The rest is not waited for, and the connection ends. */
async function beginningOf(response: http.IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of response) {
      parts.push(part);
      size += part.length;
      if (size >= RESPONSE_BYTES) break;
    }
  } catch {
    // The status has come, and says all; what is missing of the body does not change it.
  }
  response.destroy();
  const text = Buffer.concat(parts).subarray(0, RESPONSE_BYTES).toString('utf8');
  // A table takes no zero byte, and a terminal no escape.
  return text.replace(/[^\P{Cc}\n\t]/gu, ' ');
}

const ERRORS: Readonly<Record<string, SendError>> = {
  ENOTFOUND: 'name_not_found',
  ENODATA: 'name_not_found',
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_lost',
  EPIPE: 'connection_lost',
  EPROTO: 'tls_failed',
};

function errorOf(error: unknown, signal: AbortSignal): SendError {
  if (signal.aborted) return 'timeout';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = ERRORS[code];
  if (known) return known;
  if (/CERT|TLS|SSL|SIGNATURE|ISSUER/.test(code)) return 'tls_failed';
  return /^HPE_/.test(code) ? 'not_http' : 'connection_failed';
}
