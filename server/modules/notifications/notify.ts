import type { Ctx } from '../../kernel/context.ts';
import { maybe, one, type Queryable } from '../../kernel/db.ts';
import type { EventId, OrderId, OrganizerId, UserId } from '../../kernel/ids.ts';
import { enqueue } from '../../kernel/jobs.ts';
import { sameMailbox } from '../../kernel/schemas.ts';
import type { Secrets } from '../../kernel/secrets.ts';
import { type Channel, type Kind, kindOf } from './kinds.ts';
import { insertMessage, takePlace } from './message.sql.ts';

export const SEND_JOB = 'send_message';
/** For what somebody is waiting for at this moment, such as a code: it passes all the others by. */
export const SEND_URGENT_JOB = 'send_urgent_message';
const KEY_CHARS = 32;
/** So many messages go out in a second, at most; the jobs of money run beside them. */
const SOON = { perSecond: 40, atOnce: 400 } as const;
const MASS = { perSecond: 20, atOnce: 100 } as const;

export type Notice = {
  readonly kind: Kind;
  /** What happened, named so that it is the same when it is told again. */
  readonly key: string;
  readonly organizerId: OrganizerId;
  readonly eventId: EventId | null;
  readonly orderId?: OrderId;
  readonly userId?: UserId | null;
  readonly email?: string | null;
  readonly phone?: string | null;
  /** Ids and times that the letter is written from; no words, nothing about a person. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly uselessAt?: Date | null;
};

/** Under which an address is counted and remembered. */
export function recipientKey(secrets: Secrets, channel: Channel, address: string): string {
  const same = channel === 'email' ? sameMailbox(address) : address;
  return secrets.derive(`recipient:${channel}`, same).slice(0, KEY_CHARS);
}

/**
 * Owes a message to somebody, in the transaction that makes it true; a job sends it. The same
 * (event, key, recipient, channel) is owed once, however often this is called. Without a committed
 * transaction there is none. Returns how many are new.
 */
export async function notify(ctx: Ctx, on: Queryable, notice: Notice): Promise<number> {
  let owed = 0;
  const { email, phone } = notice;
  if (email) owed += await oweBy(ctx, on, notice, 'email', email);
  const isText = kindOf(notice.kind).sms || !email;
  if (phone && isText) owed += await oweBy(ctx, on, notice, 'sms', phone);
  return owed;
}

async function oweBy(
  ctx: Ctx,
  on: Queryable,
  notice: Notice,
  channel: Channel,
  address: string,
): Promise<number> {
  const { kind, key, organizerId, orderId = null, userId = null, data = {} } = notice;
  const eventId = notice.eventId ?? '';
  const toKey = recipientKey(ctx.secrets, channel, address);
  const messageId = messageIdOf(ctx.secrets, [eventId, kind, key, orderId ?? '', channel, toKey]);
  const message = {
    ...{ eventId, messageId, kind, channel, recipient: address, recipientKey: toKey },
    ...{ organizerId, orderId, userId, data, uselessAt: notice.uselessAt ?? null },
  };
  if (!(await maybe(on, insertMessage(message, ctx.clock.now())))) return 0;
  const { isMass, isUrgent } = kindOf(kind);
  const pace = isMass ? MASS : SOON;
  const delaySeconds = isUrgent
    ? 0
    : (await one(on, takePlace(isMass ? 'mass' : 'soon', pace.perSecond, pace.atOnce))).seconds;
  await enqueue(on, {
    kind: isUrgent ? SEND_URGENT_JOB : SEND_JOB,
    key: `${eventId}/${messageId}`,
    data: { eventId, messageId },
    delaySeconds,
  });
  return 1;
}

function messageIdOf(secrets: Secrets, parts: readonly string[]): string {
  return `msg_${secrets.derive('message', parts.join('\n')).slice(0, KEY_CHARS)}`;
}
