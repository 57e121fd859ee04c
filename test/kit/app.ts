/** A whole server on a database of its own, listening on loopback, for flows and races. */

import { createWebhookPort } from '../../server/adapters/outgoing/index.ts';
import { assemble, type Parts } from '../../server/assemble.ts';
import { type TestClock, testClock } from '../../server/kernel/clock.ts';
import { readConfig } from '../../server/kernel/config.ts';
import type { Ctx } from '../../server/kernel/context.ts';
import { relayFacts } from '../../server/kernel/relay.ts';
import { ensureFirstAdmin } from '../../server/modules/identity/index.ts';
import { createPrinter } from '../../server/modules/papers/index.ts';
import { cloneDb, type TestDb } from './db.ts';

export const ADMIN_KEY = 'fk_admin_key_for_tests_0123456789';

export type Answer = {
  readonly status: number;
  // A test asserts what it reads of an answer.
  // biome-ignore lint/suspicious/noExplicitAny: answers are JSON of any shape
  readonly body: any;
  readonly headers: Headers;
};

export type Caller = {
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Answer>;
  readonly post: (
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer>;
  readonly put: (path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;
  readonly delete: (path: string, headers?: Record<string, string>) => Promise<Answer>;
};

export type TestApp = {
  readonly origin: string;
  readonly parts: Parts;
  readonly ctx: Ctx;
  readonly database: TestDb;
  readonly clock: TestClock;
  /** Calls with a credential: an API key or an access token; none for a guest. */
  readonly as: (credential?: string) => Caller;
  readonly admin: Caller;
  readonly guest: Caller;
  /** Runs all jobs that are due, until none is; answers how many. */
  readonly drainJobs: () => Promise<number>;
  /** Relays what was announced, and lets all consumers handle it. */
  readonly drainFacts: () => Promise<void>;
  readonly close: () => Promise<void>;
};

const NO_OTHER_PORTS = {
  webhooks: createWebhookPort({ allowPrivate: true }),
  home: null,
  mail: null,
  sms: null,
  printer: createPrinter(null),
};

export type TestAppOptions = {
  readonly env?: Readonly<Record<string, string>>;
  /** Jobs run by themselves, as in production; else only when a test drains them. */
  readonly worker?: boolean;
  readonly pause?: Ctx['pause'];
  /** Instead of the simulator. */
  readonly ports?: Pick<Ctx['ports'], 'payments'>;
  readonly database?: TestDb;
  /** What it shares with other processes; nothing, unless said. */
  readonly shared?: Ctx['shared'];
};

export async function startApp(options: TestAppOptions = {}): Promise<TestApp> {
  const database = options.database ?? (await cloneDb());
  const clock = testClock();
  const config = readConfig({
    LOG_LEVEL: 'silent',
    RATE_LIMIT: 'off',
    // A letter has the tickets attached, and drawing them is dear.
    NOTIFY: options.worker ? 'off' : 'on',
    BOOTSTRAP_API_KEY: ADMIN_KEY,
    // All servers of a run share what they can; each database is an installation of its own.
    ...(process.env['REDIS_URL_TEST'] ? { REDIS_URL: process.env['REDIS_URL_TEST'] } : {}),
    ...options.env,
  });
  const parts = await assemble({
    config,
    databaseUrl: database.url,
    override: {
      clock,
      ...(options.pause ? { pause: options.pause } : {}),
      ...(options.shared ? { shared: options.shared } : {}),
      ...(options.ports ? { ports: { ...NO_OTHER_PORTS, ...options.ports } } : {}),
    },
  });
  await parts.app.listen({ host: '127.0.0.1', port: 0 });
  const address = parts.app.server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  await parts.listening({ host: '127.0.0.1', port });
  await ensureFirstAdmin(parts.ctx, ADMIN_KEY);
  if (options.worker) parts.startWork();
  const origin = `http://127.0.0.1:${port}`;
  return {
    origin,
    parts,
    ctx: parts.ctx,
    database,
    clock,
    as: (credential) => caller(origin, credential),
    admin: caller(origin, ADMIN_KEY),
    guest: caller(origin),
    drainJobs: () => parts.worker.drain(),
    drainFacts: async () => {
      await relayFacts(parts.ctx);
      await parts.consumers.drain();
    },
    close: async () => {
      await parts.close();
      if (!options.database) await database.close();
    },
  };
}

function caller(origin: string, credential?: string): Caller {
  const send = async (
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const type = headers['content-type'] ?? 'application/json';
    const response = await fetch(
      origin + (path.startsWith('//') ? path.slice(1) : `/api/v1${path}`),
      {
        method,
        headers: {
          ...(credential ? { authorization: `Bearer ${credential}` } : {}),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : { body: /json/.test(type) ? JSON.stringify(body) : String(body) }),
      },
    );
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      body: isJson && text ? JSON.parse(text) : text,
      headers: response.headers,
    };
  };
  return {
    get: (path, headers) => send('GET', path, undefined, headers),
    post: (path, body, headers) => send('POST', path, body, headers),
    put: (path, body, headers) => send('PUT', path, body, headers),
    delete: (path, headers) => send('DELETE', path, undefined, headers),
  };
}
