-- Orders and their tickets.

create schema orders;
grant usage on schema orders to fanfare_app, fanfare_lane, fanfare_auditor;

create table orders.order (
  event_id text not null,
  order_id text not null,
  organizer_id text not null,
  hold_id text not null,
  user_id text,
  buyer_name text not null,
  buyer_email text not null,
  buyer_phone text,
  status text not null default 'pending' check (status in
    ('pending', 'confirmed', 'failed', 'cancelled', 'partially_refunded', 'refunded')),
  end_reason text,
  expires_at timestamptz not null,
  -- Until when its buyer may take their money back: as it was promised when they bought.
  refundable_until timestamptz,
  total_minor int not null check (total_minor >= 0),
  currency text not null,
  method text not null,
  caller text not null,
  key text not null,
  body_hash bytea not null,
  made_at timestamptz not null,
  confirmed_at timestamptz,
  primary key (event_id, order_id),
  unique (event_id, hold_id),
  unique (event_id, caller, key)
);
create index order_expiring on orders.order (expires_at) where status = 'pending';
create index order_page on orders.order (organizer_id, order_id);
create index order_of_person on orders.order (user_id, order_id) where user_id is not null;

create table orders.order_item (
  event_id text not null,
  order_id text not null,
  line int not null,
  ticket_type_id text not null,
  quantity int not null check (quantity >= 1),
  unit_price_minor int not null check (unit_price_minor >= 0),
  primary key (event_id, order_id, line),
  foreign key (event_id, order_id) references orders.order
);

create table orders.ticket (
  event_id text not null,
  ticket_id text not null,
  order_id text not null,
  ticket_type_id text not null,
  price_minor int not null check (price_minor >= 0),
  complimentary boolean not null default false,
  status text not null check (status in ('pending_capture', 'valid', 'redeemed', 'listed', 'void')),
  void_reason text,
  refund_id text,
  made_at timestamptz not null default clock_timestamp(),
  primary key (event_id, ticket_id),
  foreign key (event_id, order_id) references orders.order,
  check ((status = 'void') = (void_reason is not null))
);
create index ticket_of_order on orders.ticket (event_id, order_id);

create trigger order_state before insert or update of status on orders.order
  for each row execute function kernel.guard_state('order', 'order_id', 'status', 'log');
create trigger ticket_state before insert or update of status on orders.ticket
  for each row execute function kernel.guard_state('ticket', 'ticket_id', 'status', 'log');

grant select, insert, update on orders.order, orders.ticket to fanfare_app, fanfare_lane;
grant select, insert on orders.order_item to fanfare_app, fanfare_lane;
-- The auditor counts and adds up; it never needs to know who.
grant select on orders.order_item, orders.ticket to fanfare_auditor;
grant select (event_id, order_id, organizer_id, hold_id, status, end_reason, expires_at,
  total_minor, currency, method, made_at, confirmed_at) on orders.order to fanfare_auditor;

insert into kernel.transition (machine, from_state, to_state) values
  ('order', '', 'pending'),
  ('order', 'pending', 'confirmed'), ('order', 'pending', 'failed'),
  ('order', 'pending', 'cancelled'), ('order', 'cancelled', 'confirmed'),
  ('order', 'confirmed', 'partially_refunded'), ('order', 'confirmed', 'refunded'),
  ('order', 'confirmed', 'cancelled'),
  ('order', 'partially_refunded', 'refunded'), ('order', 'partially_refunded', 'cancelled'),
  ('ticket', '', 'pending_capture'), ('ticket', '', 'valid'),
  ('ticket', 'pending_capture', 'valid'), ('ticket', 'pending_capture', 'void'),
  ('ticket', 'valid', 'redeemed'), ('ticket', 'valid', 'listed'), ('ticket', 'valid', 'void'),
  ('ticket', 'listed', 'valid'), ('ticket', 'listed', 'void'),
  ('ticket', 'redeemed', 'void');
