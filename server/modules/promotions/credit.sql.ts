import type { CreditId, EventId, OrganizerId } from '../../kernel/ids.ts';
import type { Currency } from '../../kernel/money.ts';
import {
  bool,
  command,
  fragment,
  instant,
  instantOrNull,
  int,
  rows,
  text,
  textAs,
  textAsOrNull,
  textOrNull,
} from '../../kernel/sql.ts';

export type CreditKind = 'gift' | 'refund' | 'remedy';
export type EntryKind =
  | 'issued'
  | 'reserved'
  | 'released'
  | 'spent'
  | 'returned'
  | 'expired'
  | 'lost';

const columns = {
  creditId: textAs<CreditId>(),
  organizerId: textAs<OrganizerId>(),
  currency: textAs<Currency>(),
  balanceMinor: int,
  kind: textAs<CreditKind>(),
  sourceEventId: textAsOrNull<EventId>(),
  sourceOrderId: textOrNull,
  expiresAt: instantOrNull,
  madeAt: instant,
};

const creditSelect = fragment`credit_id as "creditId", organizer_id as "organizerId", currency,
    balance_minor as "balanceMinor", kind, source_event_id as "sourceEventId",
    source_order_id as "sourceOrderId", expires_at as "expiresAt", made_at as "madeAt"`;

export type CreditRow = ReturnType<ReturnType<typeof selectCredit>['decode']>;

export type NewCredit = {
  readonly creditId: CreditId;
  readonly organizerId: OrganizerId;
  readonly codeHash: Buffer;
  readonly currency: string;
  readonly amountMinor: number;
  readonly kind: CreditKind;
  readonly sourceEventId: EventId | null;
  readonly sourceOrderId: string | null;
  readonly key: string;
  readonly expiresAt: Date | null;
};

/** Nothing where one was issued under this key before. */
export const insertCredit = (c: NewCredit) => rows(columns)`
  insert into promotions.credit (credit_id, organizer_id, code_hash, currency, balance_minor, kind,
    source_event_id, source_order_id, key, expires_at)
  values (${c.creditId}, ${c.organizerId}, ${c.codeHash}, ${c.currency}, ${c.amountMinor},
    ${c.kind}, ${c.sourceEventId}, ${c.sourceOrderId}, ${c.key}, ${c.expiresAt})
  on conflict (organizer_id, key) do nothing
  returning ${creditSelect}`;

export const selectCreditByKey = (organizerId: OrganizerId, key: string) => rows(columns)`
  select ${creditSelect}
  from promotions.credit where organizer_id = ${organizerId} and key = ${key}`;

export const selectCredit = (creditId: CreditId) => rows(columns)`
  select ${creditSelect}
  from promotions.credit where credit_id = ${creditId}`;

export const selectCreditByCode = (codeHash: Buffer) => rows(columns)`
  select ${creditSelect}
  from promotions.credit where code_hash = ${codeHash}`;

/** Whoever changes a balance holds its row. */
export const lockCredit = (creditId: CreditId) => rows(columns)`
  select ${creditSelect}
  from promotions.credit where credit_id = ${creditId} for no key update`;

export const selectCredits = (
  organizerId: OrganizerId | null,
  after: string | null,
  most: number,
) => rows(columns)`
  select ${creditSelect}
  from promotions.credit
  where (${organizerId}::text is null or organizer_id = ${organizerId})
    and (${after}::text is null or credit_id > ${after})
  order by credit_id limit ${most}`;

export type NewEntry = {
  readonly creditId: CreditId;
  readonly kind: EntryKind;
  /** What it is an entry of: each kind of entry once. */
  readonly source: string;
  readonly amountMinor: number;
  readonly eventId: EventId | null;
  readonly orderId: string | null;
  readonly actor: string;
};

/** Nothing where it was written before. */
export const insertEntry = (e: NewEntry) => command`
  insert into promotions.credit_entry
    (credit_id, kind, source, amount_minor, event_id, order_id, actor)
  values (${e.creditId}, ${e.kind}, ${e.source}, ${e.amountMinor}, ${e.eventId}, ${e.orderId},
    ${e.actor})
  on conflict (credit_id, kind, source) do nothing`;

export const addToBalance = (creditId: CreditId, amountMinor: number) => command`
  update promotions.credit set balance_minor = balance_minor + ${amountMinor}
  where credit_id = ${creditId}`;

/** What comes back can be spent for a while, also where the rest of it would have ended. */
export const keepUntil = (creditId: CreditId, until: Date) => command`
  update promotions.credit set expires_at = greatest(expires_at, ${until})
  where credit_id = ${creditId} and expires_at is not null`;

export const selectEntries = (creditId: CreditId) => rows({
  kind: textAs<EntryKind>(),
  amountMinor: int,
  eventId: textAsOrNull<EventId>(),
  orderId: textOrNull,
  madeAt: instant,
})`
  select kind, amount_minor as "amountMinor", event_id as "eventId", order_id as "orderId",
    made_at as "madeAt"
  from promotions.credit_entry where credit_id = ${creditId} order by made_at, kind, source`;

/**
 * Credit that came from no event, and credit that ends, in the books; they are kept by event, and
 * for what is of none by organizer. What an order spends and gets back it books itself.
 */
export const postCredit = (p: {
  readonly organizerId: OrganizerId;
  readonly kind: 'credit_issued' | 'credit_spent';
  readonly debit: 'losses' | 'credit_liability';
  readonly credit: 'credit_liability' | 'sales' | 'losses';
  readonly amountMinor: number;
  readonly currency: string;
  readonly creditId: CreditId;
  readonly source: string;
}) => rows({ posted: bool })`
  select payments.post_transfer@v(${p.organizerId}, ${p.organizerId}, ${p.kind}, ${p.debit},
    ${p.credit}, ${p.amountMinor}, ${p.currency}, ${p.creditId}, ${p.source}) as posted`;

/** What is left of those whose time is over ends with it. */
export const expireDue = (now: Date | null, most: number) => rows({
  creditId: textAs<CreditId>(),
  organizerId: textAs<OrganizerId>(),
  currency: text,
  amountMinor: int,
  source: text,
  /** Not where it stood for a voucher that never became an order: the books do not know of it. */
  isOwed: bool,
})`
  with due as (
    select c.credit_id, c.organizer_id, c.currency, c.balance_minor, c.source_event_id,
      c.source_order_id
    from promotions.credit c
    where c.expires_at <= kernel.instant(${now}) and c.balance_minor > 0
    order by c.expires_at limit ${most} for no key update skip locked
  ), ended as (
    update promotions.credit c set balance_minor = 0
    from due d where c.credit_id = d.credit_id
  ), written as (
    insert into promotions.credit_entry (credit_id, kind, source, amount_minor, actor)
    select d.credit_id, 'expired', kernel.instant(${now})::text, - d.balance_minor, 'system'
    from due d returning credit_id, source
  )
  select d.credit_id as "creditId", d.organizer_id as "organizerId", d.currency,
    d.balance_minor as "amountMinor", w.source, d.source_event_id is null
      or payments.became_credit@v(d.source_event_id, d.source_order_id) as "isOwed"
  from due d join written w on w.credit_id = d.credit_id`;

/**
 * Whether a bank is asked whose the money is that became the credit of this order: its own, or that
 * of an order whose credit, such as a voucher, has paid for it, and so on.
 */
export const selectIsDisputed = (eventId: EventId, orderId: string) => rows({
  isDisputed: bool,
})`
  with recursive behind as (
    select ${eventId}::text as event_id, ${orderId}::text as order_id
    union
    select c.source_event_id, c.source_order_id
    from behind b
    join promotions.credit_entry e
      on e.order_id = b.order_id and e.event_id = b.event_id and e.kind = 'spent'
    join promotions.credit c on c.credit_id = e.credit_id and c.source_order_id is not null
  )
  select coalesce(bool_or(payments.is_disputed@v(b.event_id, b.order_id)), false) as "isDisputed"
  from behind b`;

type Named = { readonly eventId: EventId; readonly orderId: string };

/** What the first order became is lost, as far as what was paid for the second one is. */
export const markLost = (source: Named, paid: Named) => rows({ creditId: textAs<CreditId>() })`
  update promotions.credit c
  set lost_minor = greatest(c.lost_minor, payments.lost_beyond@v(${paid.eventId}, ${paid.orderId}))
  where c.source_event_id = ${source.eventId} and c.source_order_id = ${source.orderId}
  returning c.credit_id as "creditId"`;

/** What is lost of a credit is taken out of it, as far as it is there; nothing where it is not. */
export const takeLost = (creditId: CreditId, actor: string) => rows({
  creditId: textAs<CreditId>(),
  organizerId: textAs<OrganizerId>(),
  currency: text,
  amountMinor: int,
  source: text,
})`
  with due as (
    select c.credit_id, c.organizer_id, c.currency,
      least(c.balance_minor, c.lost_minor - c.taken_minor) as amount_minor
    from promotions.credit c
    where c.credit_id = ${creditId} and c.lost_minor > c.taken_minor and c.balance_minor > 0
    for no key update
  ), taken as (
    update promotions.credit c
    set balance_minor = c.balance_minor - d.amount_minor,
      taken_minor = c.taken_minor + d.amount_minor
    from due d where c.credit_id = d.credit_id
    returning c.credit_id, c.taken_minor
  ), written as (
    -- So much is gone with it: each time it is more.
    insert into promotions.credit_entry (credit_id, kind, source, amount_minor, actor)
    select d.credit_id, 'lost', t.taken_minor::text, - d.amount_minor, ${actor}
    from due d join taken t on t.credit_id = d.credit_id returning credit_id, source
  )
  select d.credit_id as "creditId", d.organizer_id as "organizerId", d.currency,
    d.amount_minor as "amountMinor", w.source
  from due d join written w on w.credit_id = d.credit_id`;

const reservationColumns = {
  reservationId: text,
  creditId: textAs<CreditId>(),
  eventId: textAs<EventId>(),
  caller: text,
  key: text,
  openMinor: int,
  attempt: int,
  until: instant,
  orderId: textOrNull,
};

const reservationSelect = fragment`reservation_id as "reservationId", credit_id as "creditId",
    event_id as "eventId", caller, key, open_minor as "openMinor", attempt, until,
    order_id as "orderId"`;

export type ReservationRow = ReturnType<ReturnType<typeof selectReservation>['decode']>;

export const selectReservation = (reservationId: string) => rows(reservationColumns)`
  select ${reservationSelect}
  from promotions.credit_reservation where reservation_id = ${reservationId}`;

export const openReservation = (
  r: Pick<ReservationRow, 'reservationId' | 'creditId' | 'eventId' | 'caller' | 'key'>,
  amountMinor: number,
  until: Date,
) => rows({ attempt: int })`
  insert into promotions.credit_reservation as r
    (reservation_id, credit_id, event_id, caller, key, open_minor, until)
  values (${r.reservationId}, ${r.creditId}, ${r.eventId}, ${r.caller}, ${r.key}, ${amountMinor},
    ${until})
  on conflict (reservation_id) do update
    set open_minor = excluded.open_minor, until = excluded.until, attempt = r.attempt + 1
  returning attempt`;

export const keepReservation = (reservationId: string, until: Date) => command`
  update promotions.credit_reservation set until = ${until}
  where reservation_id = ${reservationId}`;

export const endReservation = (reservationId: string, orderId: string | null) => command`
  update promotions.credit_reservation
  set open_minor = 0, order_id = coalesce(${orderId}, order_id)
  where reservation_id = ${reservationId}`;

/** Those that no booking can be placed on any more, the oldest first. */
export const selectDueReservations = (before: Date, most: number) => rows(reservationColumns)`
  select ${reservationSelect}
  from promotions.credit_reservation
  where open_minor > 0 and until < ${before}
  order by until limit ${most}`;
