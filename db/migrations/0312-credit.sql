-- Credit: a balance with an organizer, spent by whoever has its code. It spans events, so it changes
-- in transactions of its own: reserved before a booking, then spent, released or returned by a job
-- that the event's transaction enqueued.

create table promotions.credit (
  credit_id text primary key,
  organizer_id text not null,
  -- The code itself is derived from the id and stored nowhere.
  code_hash bytea not null unique,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  -- What can be spent now: the sum of its entries.
  balance_minor bigint not null check (balance_minor >= 0),
  kind text not null check (kind in ('gift', 'refund', 'remedy')),
  source_event_id text,
  source_order_id text,
  -- The name that whoever issued it gave to doing so: it is issued once.
  key text not null,
  expires_at timestamptz,
  made_at timestamptz not null default clock_timestamp(),
  unique (organizer_id, key)
);
create index credit_page on promotions.credit (organizer_id, credit_id);
create index credit_expiring on promotions.credit (expires_at) where expires_at is not null;

-- Append-only. What comes in is more than 0, what goes out is less. A reservation that ends is
-- released, and where it ended in a purchase spent beside it.
create table promotions.credit_entry (
  credit_id text not null references promotions.credit,
  kind text not null check (kind in
    ('issued', 'reserved', 'released', 'spent', 'returned', 'expired')),
  -- What it is an entry of; once for each kind.
  source text not null,
  amount_minor bigint not null check (amount_minor <> 0),
  event_id text,
  order_id text,
  actor text not null,
  made_at timestamptz not null default clock_timestamp(),
  primary key (credit_id, kind, source),
  check ((kind in ('issued', 'released', 'returned')) = (amount_minor > 0))
);

create table promotions.credit_reservation (
  reservation_id text primary key,
  credit_id text not null references promotions.credit,
  event_id text not null,
  -- The booking that it is for: its order is found by them.
  caller text not null,
  key text not null,
  open_minor int not null check (open_minor >= 0),
  -- How often it was opened.
  attempt int not null default 1,
  -- From then on no order is placed on it.
  until timestamptz not null,
  order_id text,
  made_at timestamptz not null default clock_timestamp()
);
create index credit_reservation_of on promotions.credit_reservation (credit_id);
create index credit_reservation_open on promotions.credit_reservation (until) where open_minor > 0;

grant select, insert, update on promotions.credit, promotions.credit_reservation to fanfare_app;
grant select, insert on promotions.credit_entry to fanfare_app;
grant select on promotions.credit_entry, promotions.credit_reservation to fanfare_auditor;
grant select (credit_id, organizer_id, currency, balance_minor, kind, source_event_id,
  source_order_id, expires_at, made_at) on promotions.credit to fanfare_auditor;

alter table orders.order
  add credit_id text,
  add credit_reservation text,
  add check (credit_minor = 0 or (credit_id is not null and credit_reservation is not null));
-- To which credit it went back; null where whoever wrote it issues one.
alter table orders.credit_return add credit_id text;
grant select (promo_code, credit_id) on orders.order to fanfare_auditor;
grant select (credit_id) on orders.credit_return to fanfare_auditor;
