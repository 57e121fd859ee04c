/**
 * A sandbox on a listening socket with the official SDK in front of it, and a receiver of webhooks;
 * for this folder's tests. What a test waits for is an event, never a time.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import Stripe from 'stripe';
import { systemIds } from '../kernel/context.ts';
import type { Db } from '../kernel/db.ts';
import { secretsFrom } from '../kernel/secrets.ts';
import { API_PREFIX, createSandbox, type SandboxDeps } from './index.ts';

const silent = () => {};
export const silentLog = { info: silent, warn: silent, error: silent };

/** How an adapter points the SDK here: Node's client, with the prefix put before each path. */
export function sdkFor(port: number, key: string, more: Partial<Stripe.StripeConfig> = {}): Stripe {
  const node = Stripe.createNodeHttpClient();
  return new Stripe(key, {
    host: '127.0.0.1',
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
    httpClient: {
      getClientName: () => 'sandbox',
      makeRequest: (host, onPort, path, ...rest) =>
        node.makeRequest(host, onPort, `${API_PREFIX}${path}`, ...rest),
    },
    ...more,
  });
}

type OwnDb = { readonly db: Db; readonly close: () => Promise<void> };

/** Takes a database of the test's own, and closes it in the end. */
export async function openSandbox(test: OwnDb, more: Partial<SandboxDeps> = {}) {
  const clock = { offsetMs: 0 };
  const sandbox = createSandbox({
    db: test.db,
    ids: systemIds,
    nowMs: () => systemIds.nowMs() + clock.offsetMs,
    secrets: secretsFrom(Buffer.alloc(32, 7)),
    log: silentLog,
    retryBaseMs: 20,
    feeFor: () => 0,
    ...more,
  });
  const app = fastify({ forceCloseConnections: true });
  await app.register(sandbox.plugin);
  await app.listen({ port: 0, host: '127.0.0.1' });
  // An address of a TCP server that listens.
  const { port } = app.server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    db: test.db,
    clock,
    sandbox,
    origin,
    port,
    stripe: sdkFor(port, sandbox.secretKey),
    /** A call as curl would make it. */
    call: (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
      fetch(`${origin}${API_PREFIX}${path}`, {
        method,
        redirect: 'manual',
        headers: {
          authorization: `Bearer ${sandbox.secretKey}`,
          ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body }),
      }),
    close: async () => {
      await app.close();
      await test.close();
    },
  };
}

export type OpenSandbox = Awaited<ReturnType<typeof openSandbox>>;

/** The error that a call of the SDK ends in. */
export async function errorOf(promise: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  const error = await promise.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (!(error instanceof Stripe.errors.StripeError)) throw new Error('no Stripe error came');
  return error;
}

export type Received = { readonly body: string; readonly signature: string };

/** Receives webhooks; `answers` are the first statuses, then 200. */
export async function openReceiver(answers: readonly number[] = []) {
  const received: Received[] = [];
  const waiting: (() => void)[] = [];
  const left = [...answers];
  const server = createServer((request, response) => {
    void read(request).then((body) => {
      received.push({ body, signature: String(request.headers['stripe-signature']) });
      response.statusCode = left.shift() ?? 200;
      response.end();
      for (const look of waiting) look();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // An address of a TCP server that listens.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    /** Resolves as soon as what came satisfies `enough`. */
    until: (enough: (all: readonly Received[]) => boolean) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (enough(received)) resolve();
        };
        waiting.push(look);
        look();
      }),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function read(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
  return text;
}

export function typesOf(received: readonly Received[]): readonly string[] {
  // The body is an event, as the signature tests check.
  return received.map(({ body }) => (JSON.parse(body) as { type: string }).type);
}
