-- Codes that lower a price or open a ticket type, event by event. A use is counted under the event's
-- lock, in the transaction that makes its order.

create schema promotions;
grant usage on schema promotions to fanfare_app, fanfare_lane, fanfare_auditor;

create table promotions.promo_code (
  event_id text not null,
  -- As it is compared: in capitals.
  code text not null check (code ~ '^[A-Z0-9][A-Z0-9_-]{2,39}$'),
  kind text not null check (kind in ('percent', 'amount', 'fixed_price', 'unlock')),
  -- Per cent, or minor units; 0 for one that only opens.
  value int not null check (value between 0 and 99999999),
  -- What it is for; null: every ticket type.
  ticket_type_ids text[] check (cardinality(ticket_type_ids) between 1 and 100),
  -- Whether it opens those of them that need a code.
  unlocks boolean not null,
  valid_from timestamptz,
  valid_until timestamptz check (valid_until > valid_from),
  -- By how many orders it may be used; null: any number.
  max_uses int check (max_uses >= 1),
  -- How many tickets of one order it may be for.
  max_tickets int check (max_tickets >= 1),
  used int not null default 0 check (used >= 0),
  -- Counts the changes: whoever booked at other terms is told to look again.
  version int not null default 1,
  -- What codes that were made together are called.
  batch text check (length(batch) between 1 and 100),
  disabled_at timestamptz,
  made_at timestamptz not null default clock_timestamp(),
  primary key (event_id, code),
  constraint promo_code_never_overused check (used <= max_uses),
  check (kind <> 'percent' or value between 1 and 100),
  check (kind <> 'amount' or value >= 1),
  check (kind <> 'unlock' or (value = 0 and unlocks))
);
alter table promotions.promo_code set (fillfactor = 50);

-- Which order has used which code. One that came to nothing gave its use back.
create table promotions.code_use (
  event_id text not null,
  order_id text not null,
  code text not null,
  quantity int not null check (quantity >= 1),
  made_at timestamptz not null,
  returned boolean not null default false,
  primary key (event_id, order_id),
  foreign key (event_id, code) references promotions.promo_code
);
create index code_use_of on promotions.code_use (event_id, code);

grant select, insert, update, delete on promotions.promo_code to fanfare_app;
grant select, update on promotions.promo_code to fanfare_lane;
grant select, insert, update on promotions.code_use to fanfare_app, fanfare_lane;
grant select on all tables in schema promotions to fanfare_auditor;

-- The code that lowered its prices, as it was used.
alter table orders.order add promo_code text;
-- The code that its buyer gave: an order on a hold with places that need one has to use it.
alter table inventory.hold add promo_code text;
