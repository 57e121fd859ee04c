/** What a tie-out reads of the books, over many events; it locks nothing. */
import type { EventId, OrganizerId, PaymentId } from '../../kernel/ids.ts';
import {
  bool,
  command,
  fragment,
  instant,
  int,
  json,
  listOf,
  objectOf,
  rows,
  text,
  textAs,
  textOrNull,
} from '../../kernel/sql.ts';
import type { BalanceTransaction } from './provider.ts';

const entry = {
  eventId: textAs<EventId>(),
  organizerId: textAs<OrganizerId>(),
  kind: text,
  source: text,
  intentId: text,
  amountMinor: int,
  currency: text,
  at: instant,
};

/** Entries `t` on the account `provider` that have a line there, with their payment `p`. */
const entrySelect = fragment`t.event_id as "eventId", t.organizer_id as "organizerId", t.kind,
    t.source, coalesce(p.provider_id, '') as "intentId",
    case when t.debit = 'provider' then t.amount_minor else -t.amount_minor end as "amountMinor",
    t.currency, t.at`;

const ofEntry = fragment`
  left join payments.refund r on r.event_id = t.event_id and r.refund_id = t.reference
  left join payments.dispute d on d.event_id = t.event_id and d.dispute_id = t.reference
  join payments.payment p on p.event_id = t.event_id
    and p.payment_id = coalesce(r.payment_id, d.payment_id, t.reference)`;

/** Those of a time, of one account; by key, a slice of them. */
export const selectEntriesOfDay = (
  q: { readonly from: Date; readonly to: Date; readonly account: string | null },
  after: { readonly eventId: string; readonly kind: string; readonly source: string } | null,
  most: number,
) => rows(entry)`
  select ${entrySelect}
  from payments.transfer t ${ofEntry}
  where t.at >= ${q.from} and t.at < ${q.to} and t.kind <> 'provider_fee'
    and 'provider' in (t.debit, t.credit) and p.account is not distinct from ${q.account}
    and (t.event_id, t.kind, t.source)
      > (${after?.eventId ?? ''}, ${after?.kind ?? ''}, ${after?.source ?? ''})
  order by t.event_id, t.kind, t.source limit ${most}`;

export const selectEntries = (k: {
  readonly eventIds: readonly EventId[];
  readonly kinds: readonly string[];
  readonly sources: readonly string[];
}) => rows(entry)`
  select ${entrySelect}
  from unnest(${k.eventIds}::text[], ${k.kinds}::text[], ${k.sources}::text[])
    as k(event_id, kind, source)
  join payments.transfer t on t.event_id = k.event_id and t.kind = k.kind and t.source = k.source
  ${ofEntry}
  where 'provider' in (t.debit, t.credit)`;

/** Whose payments these intents are, in this account. */
export const selectByIntents = (intentIds: readonly string[], account: string | null) => rows({
  intentId: text,
  eventId: textAs<EventId>(),
  paymentId: textAs<PaymentId>(),
  organizerId: textAs<OrganizerId>(),
  isCaptured: bool,
})`
  select p.provider_id as "intentId", p.event_id as "eventId", p.payment_id as "paymentId",
    p.organizer_id as "organizerId", p.captured_minor > 0 as "isCaptured"
  from unnest(${intentIds}::text[]) as i(intent_id)
  join payments.payment p on p.provider_id = i.intent_id
  where p.account is not distinct from ${account}`;

/** Refunds of these payments that the provider has not ended. */
export const selectUnderWay = (k: {
  readonly eventIds: readonly EventId[];
  readonly paymentIds: readonly PaymentId[];
}) => rows({ providerId: text })`
  select r.provider_id as "providerId"
  from unnest(${k.eventIds}::text[], ${k.paymentIds}::text[]) as k(event_id, payment_id)
  join payments.refund r on r.event_id = k.event_id and r.payment_id = k.payment_id
  where r.status in ('submitted', 'pending') and r.provider_id is not null`;

/**
 * Accounts with entries of this time, those that were set, and those that were tied out in half a
 * year: the bank of a buyer has so long.
 */
export const selectAccounts = (from: Date, to: Date, livemode: boolean) => rows({
  account: textOrNull,
})`
  select distinct p.account as account
  from payments.transfer t ${ofEntry}
  where t.at >= ${from} and t.at < ${to} and 'provider' in (t.debit, t.credit)
  union
  select nullif(o.account, '') from payments.tie_out o
  where o.day >= ${from}::timestamptz::date - 180
  union
  select a.account from payments.account a where a.livemode = ${livemode} and a.account is not null
  union
  select null`;

/** Who has set this account, if anybody. */
export const selectOwner = (account: string | null, livemode: boolean) => rows({
  organizerId: textAs<OrganizerId>(),
})`
  select organizer_id as "organizerId" from payments.account
  where account = ${account} and livemode = ${livemode} limit 1`;

export const callPostFees = (eventId: EventId, fees: string) => command`
  select payments.post_fees@v(${eventId}, ${fees}::jsonb)`;

const tieOut = {
  organizerId: textAs<OrganizerId>(),
  account: text,
  day: text,
  currency: text,
  outcome: textAs<'even' | 'pending' | 'differs'>(),
  booksMinor: int,
  providerMinor: int,
  feesMinor: int,
  pendingMinor: int,
  differenceMinor: int,
  matched: int,
  unmatched: int,
  madeAt: instant,
};

export type TieOutRow = ReturnType<ReturnType<typeof selectTieOuts>['decode']>;

export const upsertTieOut = (r: TieOutRow, items: string) => command`
  insert into payments.tie_out (organizer_id, account, day, currency, outcome, books_minor,
    provider_minor, fees_minor, pending_minor, difference_minor, matched, unmatched, items, made_at)
  values (${r.organizerId}, ${r.account}, ${r.day}::date, ${r.currency}, ${r.outcome},
    ${r.booksMinor}, ${r.providerMinor}, ${r.feesMinor}, ${r.pendingMinor}, ${r.differenceMinor},
    ${r.matched}, ${r.unmatched}, ${items}::jsonb, ${r.madeAt})
  on conflict (organizer_id, day, account, currency) do update
  set outcome = excluded.outcome, books_minor = excluded.books_minor,
      provider_minor = excluded.provider_minor, fees_minor = excluded.fees_minor,
      pending_minor = excluded.pending_minor, difference_minor = excluded.difference_minor,
      matched = excluded.matched, unmatched = excluded.unmatched, items = excluded.items,
      made_at = excluded.made_at`;

const tieOutSelect = fragment`organizer_id as "organizerId", account, day::text, currency, outcome,
    books_minor as "booksMinor", provider_minor as "providerMinor", fees_minor as "feesMinor",
    pending_minor as "pendingMinor", difference_minor as "differenceMinor", matched, unmatched,
    made_at as "madeAt"`;

/** Newest days first; a cursor's three values name the row before. */
export const selectTieOuts = (
  organizerId: OrganizerId,
  after: readonly string[] | null,
  most: number,
) => rows(tieOut)`
  select ${tieOutSelect} from payments.tie_out
  where organizer_id = ${organizerId}
    and (${after?.[0] ?? null}::date is null or day < ${after?.[0] ?? null}::date
      or (day = ${after?.[0] ?? null}::date
        and (account, currency) > (${after?.[1] ?? ''}, ${after?.[2] ?? ''})))
  order by day desc, account, currency limit ${most}`;

/** Of a day; null: of the newest one. */
export const selectTieOutsOfDay = (organizerId: OrganizerId, day: string | null) => rows({
  ...tieOut,
  items: json,
})`
  select ${tieOutSelect}, items from payments.tie_out
  where organizer_id = ${organizerId} and day = coalesce(${day}::date, (
    select max(n.day) from payments.tie_out n where n.organizer_id = ${organizerId}))
  order by account, currency`;

export const upsertDay = (day: string, madeAt: Date) => command`
  insert into payments.tie_out_day (day, made_at) values (${day}::date, ${madeAt})
  on conflict (day) do update set made_at = excluded.made_at`;

/**
 * Days that are over for so long and were never tied out: yesterday, and of the last weeks those
 * since the first one that was, on which no server ran.
 */
export const selectDueDays = (now: Date | null, restSeconds: number, backDays: number) => rows({
  day: text,
})`
  with last as (
    select (kernel.instant(${now}) at time zone 'UTC'
      - make_interval(secs => ${restSeconds}))::date - 1 as day
  )
  select y.day::text as day
  from last l
  cross join lateral (select l.day - n as day from generate_series(0, ${backDays}::int - 1) as n) y
  where (y.day = l.day or y.day > (select min(d.day) from payments.tie_out_day d))
    and not exists (select from payments.tie_out_day d where d.day = y.day)
  order by y.day`;

/** What of the last weeks is not even is looked at again. */
export const selectUneven = (now: Date | null, restSeconds: number, backDays: number) => rows({
  day: text,
  account: textOrNull,
})`
  with t as (select kernel.instant(${now}) at time zone 'UTC' as now)
  select distinct o.day::text as day, nullif(o.account, '') as account
  from payments.tie_out o cross join t
  where o.outcome <> 'even' and o.day >= t.now::date - ${backDays}::int
    and o.made_at < t.now at time zone 'UTC' - make_interval(secs => ${restSeconds})`;

type PagesOf = { readonly account: string | null; readonly day: string };

export const insertPage = ({ account, day }: PagesOf, page: number, lines: string) => command`
  insert into payments.tie_out_page (account, day, page, lines)
  values (${account ?? ''}, ${day}::date, ${page}, ${lines}::jsonb)`;

/** How many pages with how many lines, and the last of these. */
export const countPages = ({ account, day }: PagesOf) => rows({
  pages: int,
  lines: int,
  after: textOrNull,
})`
  select count(*)::int as pages, coalesce(sum(jsonb_array_length(p.lines)), 0)::int as lines, (
      select l.lines -> -1 ->> 'id' from payments.tie_out_page l
      where l.account = ${account ?? ''} and l.day = ${day}::date order by l.page desc limit 1
    ) as after
  from payments.tie_out_page p where p.account = ${account ?? ''} and p.day = ${day}::date`;

const pageLine = objectOf({
  id: text,
  kind: textAs<BalanceTransaction['kind']>(),
  amountMinor: int,
  feeMinor: int,
  netMinor: int,
  currency: textAs<BalanceTransaction['currency']>(),
  sourceId: textOrNull,
  intentId: textOrNull,
  // JSON has it as text.
  createdAt: (raw: unknown) => new Date(text(raw)),
});

export const selectPages = ({ account, day }: PagesOf) => rows({ lines: listOf(pageLine) })`
  select lines from payments.tie_out_page
  where account = ${account ?? ''} and day = ${day}::date order by page`;

/** All; or where they were begun so long ago. */
export const deletePages = ({ account, day }: PagesOf, seconds: number | null) => command`
  delete from payments.tie_out_page p
  where p.account = ${account ?? ''} and p.day = ${day}::date
    and (${seconds}::int is null or exists (
      select from payments.tie_out_page f
      where f.account = p.account and f.day = p.day
        and f.made_at < kernel.instant(null) - make_interval(secs => ${seconds})))`;

export const countDifferences = () => rows({ differences: int })`
  select count(*)::int as differences from payments.tie_out where outcome = 'differs'`;
