/**
 * Public ids: a prefix that says what the thing is, then Crockford base 32.
 *
 * A root id (`evt_`, `org_`, `usr_`, …) is 40 bits of time and 25 bits of chance: 13 characters.
 * An event-scoped id (`ord_`, `hld_`, `tkt_`, …) carries its event: the event's 13 characters, then
 * 40 bits of time and 80 of chance (24 characters). So any id alone leads to the one shard that
 * holds it, and no event-scoped id can be guessed. Clients treat all of it as opaque.
 */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const EPOCH_MS = Date.UTC(2024, 0, 1);
const TIME_CHARS = 8;
const ROOT_CHARS = TIME_CHARS + 5;
const LOCAL_CHARS = TIME_CHARS + 16;

const ROOT_PREFIXES = ['org', 'usr', 'evt', 'key', 'ven', 'cfg', 'crd', 'whe'] as const;
const SCOPED_PREFIXES = [
  'tt',
  'pool',
  'hld',
  'ord',
  'tkt',
  'ssn',
  'pay',
  'ref',
  'wle',
  'off',
  'alc',
  'apr',
  'whd',
] as const;

export type RootPrefix = (typeof ROOT_PREFIXES)[number];
export type ScopedPrefix = (typeof SCOPED_PREFIXES)[number];
export type Id<P extends RootPrefix | ScopedPrefix> = string & { readonly __id: P };
export type EventId = Id<'evt'>;
export type OrganizerId = Id<'org'>;
export type UserId = Id<'usr'>;
export type TicketTypeId = Id<'tt'>;
export type PoolId = Id<'pool'>;
export type HoldId = Id<'hld'>;
export type OrderId = Id<'ord'>;
export type TicketId = Id<'tkt'>;
export type PaymentId = Id<'pay'>;
export type RefundId = Id<'ref'>;
export type CreditId = Id<'crd'>;
export type SessionId = Id<'ssn'>;
/** An endpoint for webhooks, and one delivery to it: this id carries its endpoint, not an event. */
export type EndpointId = Id<'whe'>;
export type DeliveryId = Id<'whd'>;

/** Where ids get their time and chance from; a seeded one makes a run repeatable. */
export type IdSource = { readonly nowMs: () => number; readonly bytes: (n: number) => Uint8Array };

function encodeTime(nowMs: number): string {
  let rest = Math.max(0, nowMs - EPOCH_MS);
  let text = '';
  for (let i = 0; i < TIME_CHARS; i++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

function encodeChance(source: IdSource, chars: number): string {
  let text = '';
  for (const byte of source.bytes(chars)) text += ALPHABET.charAt(byte & 31);
  return text;
}

export function newRootId<P extends RootPrefix>(source: IdSource, prefix: P): Id<P> {
  const chance = encodeChance(source, ROOT_CHARS - TIME_CHARS);
  // Built to the shape that `isId` checks.
  return `${prefix}_${encodeTime(source.nowMs())}${chance}` as Id<P>;
}

export function newScopedId<P extends ScopedPrefix>(
  source: IdSource,
  prefix: P,
  root: EventId | EndpointId,
): Id<P> {
  const chance = encodeChance(source, LOCAL_CHARS - TIME_CHARS);
  // Built to the shape that `isId` checks.
  return `${prefix}_${root.slice(4)}${encodeTime(source.nowMs())}${chance}` as Id<P>;
}

/** Whether `text` has the shape of such an id; says nothing about whether the thing exists. */
export function isId<P extends RootPrefix | ScopedPrefix>(prefix: P, text: string): text is Id<P> {
  const chars = (ROOT_PREFIXES as readonly string[]).includes(prefix)
    ? ROOT_CHARS
    : ROOT_CHARS + LOCAL_CHARS;
  if (text.length !== prefix.length + 1 + chars || !text.startsWith(`${prefix}_`)) return false;
  for (let i = prefix.length + 1; i < text.length; i++) {
    if (!ALPHABET.includes(text.charAt(i))) return false;
  }
  return true;
}

/** The event that an event-scoped id belongs to. */
export function eventOf(id: Id<ScopedPrefix>): EventId {
  const start = id.indexOf('_') + 1;
  // A scoped id was checked by `isId` or built here, so these characters are an event's.
  return `evt_${id.slice(start, start + ROOT_CHARS)}` as EventId;
}

/** The endpoint that a delivery belongs to. */
export function endpointOf(id: DeliveryId): EndpointId {
  // Checked by `isId` or built here, as above.
  return `whe_${id.slice(4, 4 + ROOT_CHARS)}` as EndpointId;
}
