import type { EventId, TicketTypeId } from '../../kernel/ids.ts';
import {
  bool,
  fragment,
  instant,
  instantOrNull,
  int,
  intOrNull,
  listOf,
  rows,
  text,
  textAs,
  textOrNull,
} from '../../kernel/sql.ts';
import type { PromoTerms } from './rules.ts';

const types = listOf(textAs<TicketTypeId>());

const columns = {
  code: text,
  kind: textAs<PromoTerms['kind']>(),
  value: int,
  ticketTypeIds: (raw: unknown) => (raw === null ? null : types(raw)),
  unlocks: bool,
  validFrom: instantOrNull,
  validUntil: instantOrNull,
  maxUses: intOrNull,
  maxTickets: intOrNull,
  used: int,
  version: int,
  batch: textOrNull,
  disabledAt: instantOrNull,
  madeAt: instant,
};

const codeSelect = fragment`code, kind, value, ticket_type_ids as "ticketTypeIds", unlocks,
    valid_from as "validFrom", valid_until as "validUntil", max_uses as "maxUses",
    max_tickets as "maxTickets", used, version, batch, disabled_at as "disabledAt",
    made_at as "madeAt"`;

export type PromoCodeRow = ReturnType<ReturnType<typeof selectCode>['decode']>;

/** What staff says of a code; of many at once where they are made together. */
export type PromoFields = PromoTerms & {
  readonly ticketTypeIds: readonly TicketTypeId[] | null;
  readonly validFrom: Date | null;
  readonly validUntil: Date | null;
  readonly maxUses: number | null;
  readonly maxTickets: number | null;
};

/** Those that are not there yet; the others are left as they are. */
export const insertCodes = (
  eventId: EventId,
  codes: readonly string[],
  f: PromoFields,
  batch: string | null,
) => rows(columns)`
  insert into promotions.promo_code (event_id, code, kind, value, ticket_type_ids, unlocks,
    valid_from, valid_until, max_uses, max_tickets, batch)
  select ${eventId}, c.code, ${f.kind}, ${f.value}, ${f.ticketTypeIds}::text[], ${f.unlocks},
    ${f.validFrom}, ${f.validUntil}, ${f.maxUses}, ${f.maxTickets}, ${batch}
  from unnest(${codes}::text[]) as c(code)
  on conflict (event_id, code) do nothing
  returning ${codeSelect}`;

/** Not where it was used more often than it should be allowed to. */
export const updateCode = (eventId: EventId, code: string, f: PromoFields) => rows(columns)`
  update promotions.promo_code
  set kind = ${f.kind}, value = ${f.value}, ticket_type_ids = ${f.ticketTypeIds}::text[],
    unlocks = ${f.unlocks}, valid_from = ${f.validFrom}, valid_until = ${f.validUntil},
    max_uses = ${f.maxUses}, max_tickets = ${f.maxTickets}, disabled_at = null,
    version = version + 1
  where event_id = ${eventId} and code = ${code}
    and (${f.maxUses}::int is null or used <= ${f.maxUses})
  returning ${codeSelect}`;

export const disableCode = (eventId: EventId, code: string, now: Date | null) => rows(columns)`
  update promotions.promo_code
  set disabled_at = coalesce(disabled_at, kernel.instant(${now}))
  where event_id = ${eventId} and code = ${code}
  returning ${codeSelect}`;

export const selectCode = (eventId: EventId, code: string) => rows(columns)`
  select ${codeSelect}
  from promotions.promo_code where event_id = ${eventId} and code = ${code}`;

/** By code, after one; of one batch where it is named. */
export const selectCodes = (
  eventId: EventId,
  batch: string | null,
  after: string | null,
  most: number,
) => rows(columns)`
  select ${codeSelect}
  from promotions.promo_code
  where event_id = ${eventId} and (${batch}::text is null or batch = ${batch})
    and (${after}::text is null or code > ${after})
  order by code limit ${most}`;

/** Whether an order could use it now, for so many tickets. */
export const selectRefusal = (
  eventId: EventId,
  code: string,
  quantity: number,
  version: number,
  now: Date | null,
) => rows({ refusal: textOrNull })`
  select promotions.code_refusal@v(${eventId}, ${code}, ${quantity}, ${version},
    kernel.instant(${now})) as refusal`;

/** How often a code was used, and for how many tickets: by orders that did not come to nothing. */
export const selectUses = (eventId: EventId, codes: readonly string[]) => rows({
  code: text,
  orders: int,
  tickets: int,
})`
  select u.code, count(*)::int as orders, sum(u.quantity)::int as tickets
  from promotions.code_use u
  where u.event_id = ${eventId} and u.code = any(${codes}::text[]) and not u.returned
  group by u.code`;
