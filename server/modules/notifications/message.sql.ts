import type { OrderId, OrganizerId, UserId } from '../../kernel/ids.ts';
import {
  command,
  fragment,
  instant,
  instantOrNull,
  int,
  json,
  real,
  rows,
  text,
  textAs,
  textAsOrNull,
  textOrNull,
} from '../../kernel/sql.ts';
import type { Channel } from './kinds.ts';

export type MessageState = 'waiting' | 'sending' | 'sent' | 'failed' | 'bounced' | 'dropped';

const columns = {
  eventId: text,
  messageId: text,
  kind: text,
  channel: textAs<Channel>(),
  recipient: text,
  recipientKey: text,
  organizerId: textAs<OrganizerId>(),
  orderId: textAsOrNull<OrderId>(),
  userId: textAsOrNull<UserId>(),
  // Written by `notify`, in this shape.
  data: (raw: unknown) => json(raw) as Readonly<Record<string, unknown>>,
  state: textAs<MessageState>(),
  reason: textOrNull,
  tries: int,
  madeAt: instant,
  uselessAt: instantOrNull,
  sentAt: instantOrNull,
};

const messageSelect = fragment`m.event_id as "eventId", m.message_id as "messageId", m.kind,
    m.channel, m.recipient, m.recipient_key as "recipientKey", m.organizer_id as "organizerId",
    m.order_id as "orderId", m.user_id as "userId", m.data, m.state, m.reason, m.tries,
    m.made_at as "madeAt", m.useless_at as "uselessAt", m.sent_at as "sentAt"`;

export type MessageRow = ReturnType<ReturnType<typeof selectMessage>['decode']>;

export const NEVER_DECIDED = 'never_decided';

type Added = Pick<
  MessageRow,
  | 'eventId'
  | 'messageId'
  | 'kind'
  | 'channel'
  | 'recipient'
  | 'recipientKey'
  | 'organizerId'
  | 'orderId'
  | 'userId'
  | 'data'
  | 'uselessAt'
>;

/**
 * Nothing where it is owed already. One that was given up because what it says was never decided
 * is owed anew: whoever asks for it knows that now.
 */
export const insertMessage = (m: Added, now: Date | null) => rows({ messageId: text })`
  insert into notifications.message as m (event_id, message_id, kind, channel, recipient,
    recipient_key, organizer_id, order_id, user_id, data, state, made_at, useless_at)
  values (${m.eventId}, ${m.messageId}, ${m.kind}, ${m.channel}, ${m.recipient},
    ${m.recipientKey}, ${m.organizerId}, ${m.orderId}, ${m.userId},
    ${JSON.stringify(m.data)}::jsonb, 'waiting', kernel.instant(${now}), ${m.uselessAt})
  on conflict (event_id, message_id) do update
  set state = 'waiting', reason = null, made_at = excluded.made_at, data = excluded.data
  where m.state = 'failed' and m.reason = ${NEVER_DECIDED}
  returning message_id as "messageId"`;

export const selectMessage = (eventId: string, messageId: string) => rows(columns)`
  select ${messageSelect} from notifications.message m
  where m.event_id = ${eventId} and m.message_id = ${messageId}`;

/** What was sent about an order, the oldest first. */
export const selectMessages = (eventId: string, orderId: string, most: number) => rows(columns)`
  select ${messageSelect} from notifications.message m
  where m.event_id = ${eventId} and m.order_id = ${orderId}
  order by m.made_at, m.message_id limit ${most}`;

/** Who wants one sent again waits for whoever does: what is counted next is all that there is. */
export const lockResending = (orderId: string) => command`
  select pg_advisory_xact_lock(hashtextextended('notifications.resend ' || ${orderId}, 0))`;

/** How often a buyer has had one sent again, lately. */
export const countResent = (eventId: string, orderId: string, since: Date) => rows({ sent: int })`
  select count(*)::int as sent from notifications.message m
  where m.event_id = ${eventId} and m.order_id = ${orderId} and m.data ? 'again'
    and m.made_at > ${since}`;

/** From now on somebody is at it; where the state is 'sending' before, somebody has died at it. */
export const startMessage = (eventId: string, messageId: string) => rows({ tries: int })`
  update notifications.message set state = 'sending', tries = tries + 1
  where event_id = ${eventId} and message_id = ${messageId} and state in ('waiting', 'sending')
  returning tries`;

/** Once more all of it was given and nothing was said. */
export const countUnanswered = (eventId: string, messageId: string) => rows({ unanswered: int })`
  update notifications.message set unanswered = unanswered + 1
  where event_id = ${eventId} and message_id = ${messageId}
  returning unanswered`;

export const endMessage = (
  eventId: string,
  messageId: string,
  state: MessageState,
  reason: string | null,
  now: Date | null,
) => command`
  update notifications.message
  set state = ${state}, reason = ${reason},
    sent_at = case when ${state} = 'sent' then kernel.instant(${now}) end
  where event_id = ${eventId} and message_id = ${messageId} and state in ('waiting', 'sending')`;

/**
 * Takes the next place of a lane: how long until its time has come. After a rest so many may go at
 * once.
 */
export const takePlace = (lane: 'soon' | 'mass', perSecond: number, atOnce: number) => rows({
  seconds: real,
})`
  update notifications.pace
  set next_at = greatest(next_at, kernel.instant(null)
        - make_interval(secs => ${atOnce}::float8 / ${perSecond}::float8))
      + make_interval(secs => 1 / ${perSecond}::float8)
  where lane = ${lane}
  returning greatest(0, extract(epoch from next_at - kernel.instant(null)))::float8 as seconds`;

const LIMITED_HOUR = fragment`interval '1 hour'`;

/** Nothing where the recipient has got that many within the hour. */
export const takeAllowance = (recipientKey: string, now: Date | null, most: number) => rows({
  sent: int,
})`
  insert into notifications.recipient as r (recipient_key, hour_from, hour_sent)
  values (${recipientKey}, kernel.instant(${now}), 1)
  on conflict (recipient_key) do update
  set hour_from = case when r.hour_from > kernel.instant(${now}) - ${LIMITED_HOUR}
        then r.hour_from else kernel.instant(${now}) end,
      hour_sent = case when r.hour_from > kernel.instant(${now}) - ${LIMITED_HOUR}
        then r.hour_sent + 1 else 1 end
  where r.hour_from <= kernel.instant(${now}) - ${LIMITED_HOUR} or r.hour_sent < ${most}
  returning r.hour_sent as sent`;

export const selectRecipient = (recipientKey: string) => rows({
  hourFrom: instant,
  bouncedAt: instantOrNull,
  bounceReason: textOrNull,
  optedOutAt: instantOrNull,
})`
  select greatest(hour_from, timestamptz '1970-01-01 00:00:00Z') as "hourFrom",
    bounced_at as "bouncedAt", bounce_reason as "bounceReason", opted_out_at as "optedOutAt"
  from notifications.recipient where recipient_key = ${recipientKey}`;

export const markBounced = (recipientKey: string, reason: string, now: Date | null) => command`
  insert into notifications.recipient (recipient_key, bounced_at, bounce_reason)
  values (${recipientKey}, kernel.instant(${now}), ${reason})
  on conflict (recipient_key) do update
  set bounced_at = excluded.bounced_at, bounce_reason = excluded.bounce_reason`;

export const forgetBounce = (recipientKey: string) => command`
  update notifications.recipient set bounced_at = null, bounce_reason = null
  where recipient_key = ${recipientKey} and bounced_at is not null`;

export const setOptedOut = (recipientKey: string, isOut: boolean, now: Date | null) => command`
  insert into notifications.recipient (recipient_key, opted_out_at)
  values (${recipientKey}, case when ${isOut}::boolean then kernel.instant(${now}) end)
  on conflict (recipient_key) do update
  set opted_out_at = case when ${isOut}::boolean
    then coalesce(recipient.opted_out_at, excluded.opted_out_at) end`;

export const countOpen = () => rows({ open: int })`
  select count(*)::int as open from (
    select from notifications.message m where m.state in ('waiting', 'sending') limit 100000) s`;

const KEPT_DAYS = 90;

/** Whom something was sent to is nobody's business for longer. */
export const deleteOldMessages = (now: Date | null, most: number) => command`
  delete from notifications.message m
  using (
    select o.event_id, o.message_id from notifications.message o
    where o.made_at < kernel.instant(${now}) - make_interval(days => ${KEPT_DAYS})
      and o.state not in ('waiting', 'sending')
    order by o.made_at limit ${most}
  ) old
  where m.event_id = old.event_id and m.message_id = old.message_id`;

export const selectSender = (organizerId: string) => rows({
  language: textAs<'en' | 'de'>(),
  replyTo: textOrNull,
})`
  select language, reply_to as "replyTo" from notifications.sender
  where organizer_id = ${organizerId}`;

export const upsertSender = (
  organizerId: string,
  s: { readonly language: string; readonly replyTo: string | null },
) => command`
  insert into notifications.sender (organizer_id, language, reply_to)
  values (${organizerId}, ${s.language}, ${s.replyTo})
  on conflict (organizer_id) do update
  set language = excluded.language, reply_to = excluded.reply_to`;
