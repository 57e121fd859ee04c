-- What buyers get where an event is cancelled or moved, and how that goes on: a row for each change
-- of an event, which is also the work that it makes, and a row for each order that is concerned.

-- A buyer's remedy. The latest change of their event is the one that counts.
create table orders.remedy (
  event_id text not null,
  order_id text not null,
  change_no int not null,
  status text not null check (status in ('offered', 'chosen', 'done', 'withdrawn')),
  choices text[] not null check (cardinality(choices) >= 1),
  -- What applies where nobody has chosen in time.
  fallback text not null,
  choose_by timestamptz not null,
  -- What was to be had in general, and not for this order: no such place is left.
  missing text[] not null default '{}',
  -- Places that are kept at the other event for the voucher, and what they cost there.
  hold_id text,
  hold_lines jsonb,
  chosen text check (chosen in ('refund', 'credit', 'voucher', 'keep')),
  -- buyer, staff; deadline (nobody chose in time), only (there was nothing to choose).
  chosen_by text check (chosen_by in ('buyer', 'staff', 'deadline', 'only')),
  chosen_at timestamptz,
  -- Of the refund, or of the value that left the order as credit or voucher.
  refund_id text,
  value_minor int check (value_minor >= 0),
  credit_id text,
  new_order_id text,
  made_at timestamptz not null,
  primary key (event_id, order_id, change_no),
  foreign key (event_id, order_id) references orders.order,
  check (fallback = any (choices)),
  check ((chosen is null) = (chosen_by is null)),
  check (status <> 'offered' or chosen is null),
  check (status in ('offered', 'withdrawn') or chosen is not null)
);
create index remedy_open on orders.remedy (event_id, change_no, order_id)
  where status in ('offered', 'chosen');
grant select, insert, update on orders.remedy to fanfare_app, fanfare_lane;
grant select (event_id, order_id, change_no, status, choices, fallback, choose_by, missing, hold_id,
  chosen, chosen_by, chosen_at, refund_id, value_minor, credit_id, new_order_id,
  made_at)
  on orders.remedy to fanfare_auditor;

create function orders.guard_remedy() returns trigger language plpgsql
  set enable_hashjoin = on set enable_nestloop = off as $$
declare
  v_events text[];
  v_objects text[];
  v_from text[];
  v_to text[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.event_id), array_agg(n.order_id), array_agg(null::text), array_agg(n.status)
    into v_events, v_objects, v_from, v_to from new_rows n;
  else
    select array_agg(n.event_id), array_agg(n.order_id), array_agg(o.status), array_agg(n.status)
    into v_events, v_objects, v_from, v_to
    from new_rows n
    join old_rows o on o.event_id = n.event_id and o.order_id = n.order_id
      and o.change_no = n.change_no
    where o.status <> n.status;
  end if;
  if v_objects is not null then
    perform kernel.move_states('remedy', v_events, v_objects, v_from, v_to, v_objects);
  end if;
  return null;
end $$;
create trigger remedy_made after insert on orders.remedy referencing new table as new_rows
  for each statement execute function orders.guard_remedy();
create trigger remedy_moved after update on orders.remedy
  referencing old table as old_rows new table as new_rows
  for each statement execute function orders.guard_remedy();

insert into kernel.transition (machine, from_state, to_state) values
  ('remedy', '', 'offered'), ('remedy', 'offered', 'chosen'), ('remedy', 'offered', 'done'),
  ('remedy', 'offered', 'withdrawn'),
  ('remedy', 'chosen', 'done'), ('remedy', 'chosen', 'withdrawn');

create schema changes;
grant usage on schema changes to fanfare_app, fanfare_lane, fanfare_auditor;

-- An event that was cancelled, or moved to another date. The row is the work, too: whoever does it
-- has it until leased_until, and goes on after position; a worker that dies loses it in seconds.
create table changes.change (
  event_id text not null,
  change_no int not null,
  kind text not null check (kind in ('cancellation', 'reschedule')),
  remedies text[] not null,
  fallback text not null,
  choose_by timestamptz not null,
  -- Where vouchers are for; and by ticket type, which one there, where names do not tell.
  voucher_event_id text,
  ticket_types jsonb not null default '{}',
  made_at timestamptz not null,
  -- The last order that was seen.
  position text not null default '',
  leased_until timestamptz not null default '-infinity',
  -- When to look again; null: when choose_by is over.
  next_at timestamptz default clock_timestamp(),
  -- Since when every order has its offer or its remedy.
  offered_at timestamptz,
  -- Since when there is nothing left to do.
  settled_at timestamptz,
  -- A later change of the same event took over.
  superseded_at timestamptz,
  primary key (event_id, change_no),
  check ((voucher_event_id is not null) = ('voucher' = any (remedies)))
);
create index change_open on changes.change (choose_by) where settled_at is null;
grant select, insert, update on changes.change to fanfare_app;
grant select on changes.change to fanfare_lane, fanfare_auditor;

-- Cancellations that are under way go on as one of these.
insert into changes.change (event_id, change_no, kind, remedies, fallback, choose_by, made_at)
select j.data ->> 'eventId', 1, 'cancellation', '{refund}', 'refund', j.made_at, j.made_at
from kernel.job j where j.kind = 'cancel_event_orders';
delete from kernel.job where kind = 'cancel_event_orders';
