-- A hold with its lines in one row: one insert and three index entries for what took three tables
-- and eight. Nothing asks for a line without its hold. Servers of the version before must be
-- stopped first: they look for the lines where they were.

alter table inventory.hold
  add ticket_type_ids text[],
  add pool_ids text[],
  add quantities int[],
  add unit_prices int[],
  -- How many places of each line came back after they were sold.
  add returned int[],
  -- The keys that this hold is counted for; its rows in person_use are found by them.
  add person_keys text[] not null default '{}',
  -- The seat of each place, line after line, null for a place that is only counted; null as a whole
  -- where the hold has no seat.
  add seat_nos int[],
  -- Once, where a payment was under way when the time ran out.
  add extended boolean not null default false;
-- What was granted first, where a swap has changed the lines since.
alter table inventory.hold alter granted_items drop not null;

update inventory.hold h
set ticket_type_ids = l.ticket_type_ids, pool_ids = l.pool_ids, quantities = l.quantities,
    unit_prices = l.unit_prices, returned = l.returned
from (
  select i.event_id, i.hold_id, array_agg(i.ticket_type_id order by i.line) as ticket_type_ids,
    array_agg(i.pool_id order by i.line) as pool_ids,
    array_agg(i.quantity order by i.line) as quantities,
    array_agg(i.unit_price_minor order by i.line) as unit_prices,
    array_agg(i.returned order by i.line) as returned
  from inventory.hold_item i group by i.event_id, i.hold_id
) l
where h.event_id = l.event_id and h.hold_id = l.hold_id;
update inventory.hold h set person_keys = u.keys
from (
  select x.event_id, x.hold_id, array_agg(x.person_key) as keys
  from inventory.person_use x group by x.event_id, x.hold_id
) u
where h.event_id = u.event_id and h.hold_id = u.hold_id;

alter table inventory.hold
  alter ticket_type_ids set not null,
  alter pool_ids set not null,
  alter quantities set not null,
  alter unit_prices set not null,
  alter returned set not null,
  add constraint hold_lines check (
    cardinality(ticket_type_ids) between 1 and 100
    and cardinality(pool_ids) = cardinality(ticket_type_ids)
    and cardinality(quantities) = cardinality(ticket_type_ids)
    and cardinality(unit_prices) = cardinality(ticket_type_ids)
    and cardinality(returned) = cardinality(ticket_type_ids)
    and 0 < all (quantities) and 0 <= all (unit_prices) and 0 <= all (returned)
  ),
  -- Whoever writes a hold holds the lock of its event's sale row, which is therefore there; a check
  -- by trigger would cost more than the insert.
  drop constraint hold_event_id_fkey;

alter table inventory.ticket_type
  -- Whether any hold ever had it: such a type is withdrawn, never deleted.
  add ever_held boolean not null default false;
update inventory.ticket_type t set ever_held = exists (
  select from inventory.hold_item i
  where i.event_id = t.event_id and i.ticket_type_id = t.ticket_type_id
);
drop table inventory.hold_item;

alter table inventory.person_use drop constraint person_use_event_id_hold_id_fkey;
drop index inventory.person_use_hold;

alter table inventory.sale
  -- No active hold of this event lapses before; null where there is none. Kept instead of an index
  -- over all events, which every hold would have to be entered into.
  add oldest_expiry timestamptz,
  -- Before it, only the organizer may know of the sale; null: everybody.
  add public_at timestamptz;
update inventory.sale s set oldest_expiry = (
  select min(h.expires_at) from inventory.hold h
  where h.event_id = s.event_id and h.status = 'active'
);
create index sale_expiring on inventory.sale (oldest_expiry) where oldest_expiry is not null;
drop index inventory.hold_lapsing_anywhere;
drop index inventory.hold_lapsing;
create index hold_lapsing on inventory.hold (event_id, expires_at) where status = 'active';
-- One row that every batch changes: its versions must find room on its own page.
alter table inventory.sale set (fillfactor = 50);

-- The waitlist's share. `waiting` is how many places its takers want; what is freed is `reserved`
-- up to that, in the statement that frees it, and only offers draw on it.
alter table inventory.pool
  add waiting int not null default 0 check (waiting >= 0),
  set (fillfactor = 50);

-- As the guards of other tables, but without a log: holds are too many for one.
create function inventory.guard_made_holds() returns trigger language plpgsql as $$
begin
  if exists (select from new_rows n where n.status <> 'active') then
    raise exception 'illegal hold transition: a hold begins active'
      using errcode = 'check_violation', constraint = 'guard_state';
  end if;
  return null;
end $$;
create function inventory.guard_moved_holds() returns trigger language plpgsql
  -- Callers pin the planner to look-ups by key; here two sets are compared, by hash: a loop, which
  -- looks best for the few rows of the first statement and is kept for all later ones, makes the
  -- work grow with their square.
  set enable_hashjoin = on set enable_nestloop = off as $$
begin
  if exists (
    select from new_rows n
    join old_rows o on o.event_id = n.event_id and o.hold_id = n.hold_id
    where o.status <> n.status and not exists (
      select from kernel.transition t
      where t.machine = 'hold' and t.from_state = o.status and t.to_state = n.status
    )
  ) then
    raise exception 'illegal hold transition'
      using errcode = 'check_violation', constraint = 'guard_state';
  end if;
  return null;
end $$;
drop trigger hold_state on inventory.hold;
create trigger hold_made after insert on inventory.hold referencing new table as new_rows
  for each statement execute function inventory.guard_made_holds();
create trigger hold_moved after update on inventory.hold
  referencing old table as old_rows new table as new_rows
  for each statement execute function inventory.guard_moved_holds();
