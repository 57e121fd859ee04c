/** Connections to a Kafka cluster: addresses, TLS, credentials, patience; and its errors. */
import { readFileSync } from 'node:fs';
import kafkajs, { type Kafka, type RetryOptions, type SASLOptions } from 'kafkajs';
import type { Logger } from 'pino';

export type KafkaOptions = {
  /** host:port of some of the brokers; the others are learned from them. */
  readonly brokers: readonly string[];
  /** Before the names of topics and groups, with a dot; where installations share a cluster. */
  readonly prefix: string | null;
  readonly tls: { readonly caFile: string | null } | null;
  readonly sasl: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  } | null;
  readonly topics: readonly string[];
  readonly log: Logger;
  /** Told whether the last thing that was asked of the cluster was done. */
  readonly onUp?: (isUp: boolean) => void;
};

const CONNECT_MAX_MS = 3_000;
const REQUEST_MAX_MS = 8_000;
/** Few tries: whoever asks tries again, and must be able to stop in between. */
export const RETRY: RetryOptions = { retries: 2, initialRetryTime: 200, maxRetryTime: 2_000 };
const CLIENT_ID = 'fanfare';

export function connectTo({ brokers, tls, sasl, log }: KafkaOptions): Kafka {
  return new kafkajs.Kafka({
    clientId: CLIENT_ID,
    brokers: [...brokers],
    connectionTimeout: CONNECT_MAX_MS,
    authenticationTimeout: CONNECT_MAX_MS,
    requestTimeout: REQUEST_MAX_MS,
    retry: RETRY,
    ...(tls ? { ssl: tls.caFile === null ? true : { ca: [readFileSync(tls.caFile)] } } : {}),
    // The mechanism chooses among members that are the same for those that we take.
    ...(sasl ? { sasl: { ...sasl } as SASLOptions } : {}),
    logLevel: kafkajs.logLevel.WARN,
    // Whatever fails is told by whoever asked; the library says the same several times before.
    logCreator:
      () =>
      ({ namespace, log: entry }) =>
        log.debug({ kafka: namespace }, entry.message),
  });
}

/** Longer than all tries together: the library has lost what it was waiting for. */
export const ANSWER_MAX_MS = 45_000;

/** Rejects with `late` where there is no outcome in time, or where `signal` is aborted before. */
export function inTime<T>(what: Promise<T>, ms: number, late: Error, signal?: AbortSignal) {
  return new Promise<T>((resolve, reject) => {
    const end = () => reject(late);
    const timer = setTimeout(end, ms);
    if (signal?.aborted) end();
    signal?.addEventListener('abort', end);
    what.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
    });
  });
}

/** A cluster that is away answers nobody who leaves. */
export const GOODBYE_MAX_MS = 3_000;

/** Waits for it, but not for ever; whatever becomes of it is all the same. */
export async function withinMs(what: Promise<unknown> | undefined, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([what?.catch(() => {}), enough]);
  clearTimeout(timer);
}

/** No longer try can help: the message itself is refused. */
const REFUSED = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD']);
const CAUSES_MAX = 5;

/** What the cluster says of an error, by its own names; those of its causes too. */
export function typesOf(error: unknown, depth = 0): readonly string[] {
  if (typeof error !== 'object' || error === null || depth > CAUSES_MAX) return [];
  // Whatever these are on an error of another kind, they are looked at before they are used.
  const { type, cause, originalError, errors } = error as Readonly<Record<string, unknown>>;
  const inner = [cause, originalError, ...(Array.isArray(errors) ? errors : [])];
  return [
    ...(typeof type === 'string' ? [type] : []),
    ...inner.flatMap((each) => typesOf(each, depth + 1)),
  ];
}

export function isRefused(error: unknown): boolean {
  return typesOf(error).some((type) => REFUSED.has(type));
}

export function messageOfError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
