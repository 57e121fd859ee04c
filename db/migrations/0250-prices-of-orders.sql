-- What an order costs may differ from what its hold says: a code lowers the price of a place, credit
-- pays a part of the total. What the price contains is kept as it was when the buyer agreed to it.

alter table orders.order
  -- So much of the total is paid by credit; the payment takes the rest.
  add credit_minor int not null default 0,
  -- The fees and the tax that prices contain; null where none were named.
  add charges jsonb,
  add check (credit_minor between 0 and total_minor);

alter table orders.order_item
  -- Of one place, before anything lowered it.
  add list_price_minor int;
update orders.order_item set list_price_minor = unit_price_minor;
alter table orders.order_item
  alter list_price_minor set not null,
  add check (unit_price_minor <= list_price_minor);

alter table orders.ticket
  -- What was kept of its price when it was taken back: a fee that does not go back.
  add kept_minor int not null default 0,
  add check (kept_minor between 0 and price_minor),
  add check (kept_minor = 0 or status = 'void');

-- Value that left an order as credit instead of money.
create table orders.credit_return (
  event_id text not null,
  refund_id text not null,
  order_id text not null,
  amount_minor int not null check (amount_minor > 0),
  reason text not null check (length(reason) between 1 and 200),
  made_at timestamptz not null,
  primary key (event_id, refund_id),
  foreign key (event_id, order_id) references orders.order
);
create index credit_return_of on orders.credit_return (event_id, order_id);
grant select, insert on orders.credit_return to fanfare_app, fanfare_lane;
grant select on orders.credit_return to fanfare_auditor;
grant select (credit_minor) on orders.order to fanfare_auditor;
