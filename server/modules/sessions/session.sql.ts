/** Sessions: one row each, changed only by whoever names the version that they have read. */
import type {
  CreditId,
  EventId,
  HoldId,
  OrderId,
  OrganizerId,
  SessionId,
  UserId,
} from '../../kernel/ids.ts';
import type { Language } from '../../kernel/language.ts';
import type { Currency } from '../../kernel/money.ts';
import {
  bool,
  command,
  fragment,
  instant,
  int,
  intOrNull,
  listOf,
  objectOf,
  rows,
  text,
  textAs,
  textAsOrNull,
  textOrNull,
} from '../../kernel/sql.ts';
import { bookAnswers, type PaymentMethod } from '../shopping/index.ts';
import type { SessionState } from './states.ts';

/** What a session knows of people is deleted with it, so many days after its end. */
const KEPT_DAYS = 7;

const LOOK_AGAIN_SECONDS = 10;
/** No session that goes on is looked at later: none lasts longer. */
const LONGEST_MINUTES = 61;

const buyer = objectOf({
  ...{ name: text, email: text, phone: textOrNull },
  language: textAsOrNull<Language>(),
});
const attendees = listOf(objectOf({ name: text, email: textOrNull }));

const columns = {
  eventId: textAs<EventId>(),
  sessionId: textAs<SessionId>(),
  organizerId: textAs<OrganizerId>(),
  currency: textAs<Currency>(),
  userId: textAsOrNull<UserId>(),
  status: textAs<SessionState>(),
  version: int,
  madeAt: instant,
  expiresAt: instant,
  caller: text,
  holdId: textAsOrNull<HoldId>(),
  holdNo: int,
  // One that was named before there were languages has none.
  buyer: (raw: unknown) => (raw === null ? null : buyer({ language: null, ...raw })),
  attendees: (raw: unknown) => (raw === null ? null : attendees(raw)),
  method: textAsOrNull<PaymentMethod>(),
  returnUrl: textOrNull,
  promoCode: textOrNull,
  creditId: textAsOrNull<CreditId>(),
  overLimit: intOrNull,
  declineCode: textOrNull,
  orderId: textAsOrNull<OrderId>(),
  isOver: bool,
  secondsLeft: int,
  /** Nobody asks for it any more. */
  isOld: bool,
};

/** Its time is counted by the clock of the database; `now` is null but for the test clock. */
const sessionSelect = fragment`
    s.event_id as "eventId", s.session_id as "sessionId", s.organizer_id as "organizerId",
    s.currency, s.user_id as "userId", s.status, s.version, s.made_at as "madeAt",
    s.expires_at as "expiresAt", s.caller, s.hold_id as "holdId", s.hold_no as "holdNo", s.buyer,
    s.attendees, s.method, s.return_url as "returnUrl",
    s.promo_code as "promoCode", s.credit_id as "creditId", s.over_limit as "overLimit", s.decline_code as "declineCode",
    s.order_id as "orderId"`;

export type SessionRow = ReturnType<ReturnType<typeof selectSession>['decode']>;

/** In whole milliseconds, so that its holds, which are told their end, end with it. */
export const insertSession = (
  s: {
    readonly eventId: EventId;
    readonly sessionId: SessionId;
    readonly organizerId: OrganizerId;
    readonly currency: string;
    readonly userId: UserId | null;
    readonly caller: string;
    readonly key: string | null;
    readonly minutes: number;
  },
  now: Date | null,
) => command`
  insert into sessions.session (event_id, session_id, organizer_id, currency, user_id, status,
    made_at, expires_at, caller, key, look_at)
  select ${s.eventId}, ${s.sessionId}, ${s.organizerId}, ${s.currency}, ${s.userId}, 'open',
    t.made_at, t.expires_at, ${s.caller}, ${s.key}, t.expires_at
  from (
    select i.at as made_at,
      date_trunc('milliseconds', i.at + make_interval(mins => ${s.minutes})) as expires_at
    from (select kernel.instant(${now}) as at) i
  ) t
  on conflict do nothing`;

export const selectSession = (eventId: EventId, sessionId: SessionId, now: Date | null) => rows(
  columns,
)`
  select ${sessionSelect}, s.expires_at <= i.at as "isOver",
    greatest(0, floor(extract(epoch from s.expires_at - i.at)))::int as "secondsLeft",
    s.expires_at + make_interval(days => ${KEPT_DAYS}) <= i.at as "isOld"
  from sessions.session s cross join (select kernel.instant(${now}) as at) i
  where s.event_id = ${eventId} and s.session_id = ${sessionId}`;

export const selectSessionByKey = (eventId: EventId, caller: string, key: string) => rows({
  sessionId: textAs<SessionId>(),
})`
  select session_id as "sessionId" from sessions.session
  where event_id = ${eventId} and caller = ${caller} and key = ${key} and key is not null`;

/** What changes of a session. */
export type SessionParts = Pick<
  SessionRow,
  | 'status'
  | 'holdId'
  | 'holdNo'
  | 'buyer'
  | 'attendees'
  | 'method'
  | 'returnUrl'
  | 'promoCode'
  | 'creditId'
  | 'overLimit'
  | 'declineCode'
>;

/** Only where it is as it was read; to `open` only while there is time. */
export const updateSession = (
  { eventId, sessionId, version }: SessionRow,
  to: SessionParts,
  now: Date | null,
) => command`
  update sessions.session s
  set status = ${to.status}, hold_id = ${to.holdId}, hold_no = ${to.holdNo},
      buyer = ${asJson(to.buyer)}::jsonb, attendees = ${asJson(to.attendees)}::jsonb,
      method = ${to.method}, return_url = ${to.returnUrl},
      promo_code = ${to.promoCode}, credit_id = ${to.creditId}, over_limit = ${to.overLimit}, decline_code = ${to.declineCode},
      version = s.version + 1
  where s.event_id = ${eventId} and s.session_id = ${sessionId} and s.version = ${version}
    and (${to.status} <> 'open' or s.expires_at > kernel.instant(${now}))`;

const asJson = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));

/** Lane function: the event, the instant (null: the database's clock), the batch as JSON. */
export const callPurchaseBatch = (eventId: EventId, now: Date | null, requests: string) => rows(
  bookAnswers,
)`
  select sessions.purchase_batch@v(${eventId}, ${now}, ${requests}::jsonb) as answers`;

export const selectDueSessions = (now: Date | null, most: number) => rows({
  sessionId: textAs<SessionId>(),
})`
  select session_id as "sessionId" from sessions.session
  where look_at <= kernel.instant(${now}) order by look_at limit ${most}`;

/** One that has ended, when it is to be deleted; one that is being paid, soon. */
export const lookLater = (
  { eventId, sessionId }: SessionRow,
  hasEnded: boolean,
  now: Date | null,
) => command`
  update sessions.session
  set look_at = case when ${hasEnded}::boolean
    then expires_at + make_interval(days => ${KEPT_DAYS})
    else kernel.instant(${now}) + make_interval(secs => ${LOOK_AGAIN_SECONDS}) end
  where event_id = ${eventId} and session_id = ${sessionId}`;

export const deleteSession = ({ eventId, sessionId }: SessionRow) => command`
  delete from sessions.session
  where event_id = ${eventId} and session_id = ${sessionId}
    and status in ('completed', 'expired', 'abandoned')`;

export const countOpenSessions = (now: Date | null) => rows({ open: int })`
  select count(*)::int as open from sessions.session
  where look_at > kernel.instant(${now})
    and look_at < kernel.instant(${now}) + make_interval(mins => ${LONGEST_MINUTES})
    and status in ('open', 'purchasing')`;
