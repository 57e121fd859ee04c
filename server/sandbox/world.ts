/**
 * What the simulator stands on (`World`), and one call in its transaction (`Call`): an API call, a
 * click on the hosted page, or something that happens by itself because its time has come.
 */
import type { Db, Tx, TxScope } from '../kernel/db.ts';
import type { IdSource } from '../kernel/ids.ts';
import type { Refusal, Result } from '../kernel/result.ts';
import type { Secrets } from '../kernel/secrets.ts';
import type { Faults } from './api/faults.ts';
import type { ErrorBody } from './objects.ts';

/** The API version whose shapes are sent; the one that the official SDK pins. */
export const API_VERSION = '2026-10-28.endive';

export type Log = Record<'info' | 'warn' | 'error', (about: object, message: string) => void>;

/** Of an amount as it is charged, in the currency's code in small letters. */
export type FeeFor = (amountMinor: number, currency: string) => number;

export type World = {
  readonly db: Db;
  readonly ids: IdSource;
  /** The simulator's clock: it dates objects and decides what is due. Leases use the database's. */
  readonly nowMs: () => number;
  readonly log: Log;
  readonly faults: Faults;
  readonly secretKey: string;
  readonly publishableKey: string;
  /** The signing secret of a webhook endpoint; derived, so it is stored nowhere. */
  readonly webhookSecretOf: (endpointId: string) => string;
  /** The address under which people reach this instance; null: the one that the request came to. */
  readonly baseUrl: () => string | null;
  /** What the provider keeps of a captured amount. */
  readonly feeFor: FeeFor;
  /** Tells the delivery of this process that there is something to deliver. */
  readonly wake: () => void;
};

/** Something that happened, with the object as it was then. */
type Happening = { readonly type: string; readonly owner: string; readonly object: object };

export type Call = {
  readonly tx: Tx;
  readonly world: World;
  /** The connected account that the call is made for; '' is the account itself. */
  readonly owner: string;
  readonly access: 'secret' | 'publishable';
  readonly requestId: string | null;
  readonly idempotencyKey: string | null;
  readonly baseUrl: string;
  /** Collected while the call runs; written once, at its end (webhooks/events.ts). */
  readonly happened: Happening[];
};

export type Answer = { readonly status: number; readonly body: object };

/** A refusal of the API, with the HTTP status and the error object that a client gets. */
export type ApiError = Refusal & {
  readonly code: 'stripe_error';
  readonly status: number;
  readonly error: ErrorBody;
  /** Whether the endpoint had begun to run: only then is the answer kept under its key. */
  readonly began: boolean;
};

export type Outcome<T> = Result<T, ApiError>;

/** What a transaction of the simulator runs as. */
export function scopeOf(world: World, requestId: string | null = null): TxScope {
  return { db: world.db, actor: 'sandbox', requestId, once: null };
}

export function nowS(world: World): number {
  return Math.floor(world.nowMs() / 1000);
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

export function chance(ids: IdSource, chars: number): string {
  let text = '';
  for (const byte of ids.bytes(chars)) text += ALPHABET.charAt(byte % ALPHABET.length);
  return text;
}

/** `pi_` and 24 characters of chance; Stripe's are as opaque. */
export function newId(world: World, prefix: string): string {
  return `${prefix}_${chance(world.ids, 24)}`;
}

/** The part of a derived secret that may stand in a key: letters and digits. */
export function keyChars(secrets: Secrets, purpose: string, value: string): string {
  return secrets.derive(purpose, value).replace(/[^A-Za-z0-9]/g, '');
}
