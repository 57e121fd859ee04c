/** The API objects in their table, each with its type. */
import { all, maybe, one, type Tx } from '../kernel/db.ts';
import type { DisputeReason } from './balance-objects.ts';
import type { ObjectType, ObjectTypes } from './objects.ts';
import {
  type Cursor,
  cursorOf,
  deleteObject,
  insertObject,
  type ListFilter,
  listChildren,
  listObjects,
  lockObject,
  selectObject,
  updateObject,
} from './store.sql.ts';
import { type Call, nowS } from './world.ts';

/** What the API never shows of an object. */
export type Hidden = {
  /** payment_method: the test card it was made from. */
  readonly sentinel?: string;
  /** charge: what its buyer will tell their bank. */
  readonly disputes?: { readonly reason: DisputeReason; readonly isInquiry: boolean };
  /** webhook_endpoint: for what happens in connected accounts, instead of in its own. */
  readonly connect?: boolean;
  /** payment_intent: where the hosted page leads back to; given by a holder of the secret key. */
  readonly returnUrl?: string;
  /** payment_intent: the Checkout Session that it pays. */
  readonly session?: string;
  /** checkout.session: what its payment will be made from. */
  readonly lines?: readonly { readonly name: string; readonly quantity: number }[];
  readonly intent?: {
    readonly captureMethod: ObjectTypes['payment_intent']['capture_method'];
    readonly metadata: Readonly<Record<string, string>>;
    readonly description: string | null;
    readonly receiptEmail: string | null;
  };
};

export type Stored<T> = { readonly owner: string; readonly data: T; readonly hidden: Hidden };
export type StoredObject<K extends ObjectType> = Stored<ObjectTypes[K]>;

/** Before everything there is. */
export const START: Cursor = { createdS: Number.MAX_SAFE_INTEGER, seq: Number.MAX_SAFE_INTEGER };

type Raw = { readonly owner: string; readonly data: unknown; readonly hidden: unknown };

// Rows of this type are written by `insert` and `save` alone, from values of this type.
function typed<K extends ObjectType>(raw: Raw): StoredObject<K> {
  return raw as StoredObject<K>;
}

/** The object, if the call's account owns it. */
export async function find<K extends ObjectType>(
  call: Pick<Call, 'tx' | 'owner'>,
  type: K,
  id: string,
): Promise<StoredObject<K> | null> {
  const raw = await maybe(call.tx, selectObject(type, id));
  return raw && raw.owner === call.owner ? typed<K>(raw) : null;
}

/** The same, locked until the end of the call. Lock order: session, intent, what hangs from it. */
export async function lock<K extends ObjectType>(
  call: Pick<Call, 'tx' | 'owner'>,
  type: K,
  id: string,
): Promise<StoredObject<K> | null> {
  const raw = await maybe(call.tx, lockObject(type, id));
  return raw && raw.owner === call.owner ? typed<K>(raw) : null;
}

/** Whoever owns it; only for callers that prove their right by another secret. */
export async function findAnyones<K extends ObjectType>(
  tx: Tx,
  type: K,
  id: string,
): Promise<StoredObject<K> | null> {
  const raw = await maybe(tx, selectObject(type, id));
  return raw ? typed<K>(raw) : null;
}

export async function insert<K extends ObjectType>(
  call: Call,
  type: K,
  data: ObjectTypes[K],
  more: { readonly parent?: string; readonly hidden?: Hidden } = {},
): Promise<StoredObject<K>> {
  const hidden = more.hidden ?? {};
  await one(
    call.tx,
    insertObject({
      id: data.id,
      type,
      owner: call.owner,
      parent: more.parent ?? null,
      createdS: nowS(call.world),
      data: JSON.stringify(data),
      hidden: JSON.stringify(hidden),
    }),
  );
  return { owner: call.owner, data, hidden };
}

/** The object with changed members, not written yet. */
export function changed<T>(before: Stored<T>, change: Partial<T>): Stored<T> {
  return { ...before, data: { ...before.data, ...change } };
}

/** Writes the object with changed members; returns it as it is now. */
export async function save<K extends ObjectType>(
  call: Call,
  _type: K,
  before: StoredObject<K>,
  change: Partial<ObjectTypes[K]>,
  hidden: Hidden = before.hidden,
): Promise<StoredObject<K>> {
  const data = { ...before.data, ...change };
  await one(call.tx, updateObject(data.id, JSON.stringify(data), JSON.stringify(hidden)));
  return { owner: before.owner, data, hidden };
}

export async function remove(call: Call, type: ObjectType, id: string): Promise<boolean> {
  return (await maybe(call.tx, deleteObject(type, id, call.owner))) !== null;
}

export type Listing = {
  /** What hangs from this PaymentIntent. */
  readonly parent?: string | undefined;
  readonly members?: ListFilter['members'] | undefined;
  readonly createdFromS?: number | undefined;
  readonly createdToS?: number | undefined;
  readonly startingAfter?: string | undefined;
  readonly limit: number;
};

/** Newest first; null: there is no object `startingAfter`. */
export async function list<K extends ObjectType>(
  call: Call,
  type: K,
  listing: Listing,
): Promise<readonly StoredObject<K>[] | null> {
  const { startingAfter, parent } = listing;
  const before =
    startingAfter === undefined
      ? START
      : await maybe(call.tx, cursorOf(type, call.owner, startingAfter));
  if (!before) return null;
  const filter: ListFilter = {
    type,
    owner: call.owner,
    members: listing.members ?? {},
    createdFromS: listing.createdFromS ?? 0,
    createdToS: listing.createdToS ?? Number.MAX_SAFE_INTEGER,
    before,
    limit: listing.limit,
  };
  const statement =
    parent === undefined ? listObjects(filter) : listChildren({ ...filter, parent });
  return (await all(call.tx, statement)).map((raw) => typed<K>(raw));
}
