-- What is on sale: pools and ticket types, under the event's lock.

-- Makes or changes a pool. Verdicts: done, capacity_below_committed, capacity_over_total, not_found.
create function inventory.set_pool@v(
  p_event text, p_pool text, p_name text, p_capacity int
) returns text language plpgsql as $$
declare
  v_sale inventory.sale;
  v_committed int;
  v_others int;
begin
  select * into v_sale from inventory.sale s where s.event_id = p_event for no key update;
  if v_sale.event_id is null then
    return 'not_found';
  end if;
  select p.held + p.claimed + p.sold + p.reserved + p.blocked into v_committed
  from inventory.pool p where p.event_id = p_event and p.pool_id = p_pool for no key update;
  if v_committed > p_capacity then
    return 'capacity_below_committed';
  end if;
  select coalesce(sum(p.capacity), 0) into v_others
  from inventory.pool p where p.event_id = p_event and p.pool_id <> p_pool;
  if v_others + p_capacity > v_sale.total_capacity then
    return 'capacity_over_total';
  end if;
  insert into inventory.pool as p (event_id, pool_id, name, capacity)
  values (p_event, p_pool, p_name, p_capacity)
  on conflict (event_id, pool_id) do update set name = excluded.name, capacity = excluded.capacity;
  update inventory.sale set version = version + 1 where event_id = p_event;
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'capacity_changed', jsonb_build_object('poolId', p_pool, 'capacity', p_capacity));
  return 'done';
end $$;

-- Changes the terms of an event's sale. Verdicts: done, capacity_below_committed (the pools
-- together are larger than the new total), not_found.
create function inventory.set_sale@v(
  p_event text, p_opens_at timestamptz, p_closes_at timestamptz, p_ends_at timestamptz,
  p_hold_ms int, p_person_limit int, p_total_capacity int
) returns text language plpgsql as $$
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  if not found then
    return 'not_found';
  end if;
  if p_total_capacity < (
    select coalesce(sum(p.capacity), 0) from inventory.pool p where p.event_id = p_event
  ) then
    return 'capacity_below_committed';
  end if;
  update inventory.sale
  set opens_at = p_opens_at, closes_at = p_closes_at, ends_at = p_ends_at, hold_ms = p_hold_ms,
      person_limit = p_person_limit, total_capacity = p_total_capacity, version = version + 1
  where event_id = p_event;
  return 'done';
end $$;

-- Opens, pauses, closes or cancels the sale. Verdicts: done, or the state that forbids it.
create function inventory.set_sale_state@v(p_event text, p_from text[], p_to text) returns text
  language plpgsql as $$
declare
  v_state text;
begin
  select s.state into v_state from inventory.sale s where s.event_id = p_event for no key update;
  if v_state is null then
    return 'not_found';
  elsif v_state = p_to then
    return 'done';
  elsif not v_state = any(p_from) then
    return v_state;
  end if;
  update inventory.sale set state = p_to, version = version + 1 where event_id = p_event;
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'sale_state_changed', jsonb_build_object('from', v_state, 'to', p_to));
  return 'done';
end $$;

-- Takes a ticket type off sale. Verdicts: deleted (nobody ever held one), withdrawn, not_found.
-- A pool that only this type drew on goes with it.
create function inventory.drop_ticket_type@v(p_event text, p_type text) returns text
  language plpgsql as $$
declare
  v_pool text;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  select t.pool_id into v_pool from inventory.ticket_type t
  where t.event_id = p_event and t.ticket_type_id = p_type and t.withdrawn_at is null;
  if v_pool is null then
    return 'not_found';
  end if;
  update inventory.sale set version = version + 1 where event_id = p_event;
  if exists (
    select from inventory.hold_item i where i.event_id = p_event and i.ticket_type_id = p_type
  ) then
    update inventory.ticket_type t set withdrawn_at = kernel.instant(null)
    where t.event_id = p_event and t.ticket_type_id = p_type;
    return 'withdrawn';
  end if;
  delete from inventory.ticket_type t where t.event_id = p_event and t.ticket_type_id = p_type;
  delete from inventory.pool p
  where p.event_id = p_event and p.pool_id = v_pool
    and not exists (
      select from inventory.ticket_type t where t.event_id = p_event and t.pool_id = v_pool
    );
  return 'deleted';
end $$;

-- Removes all of an event that nobody bought. Verdicts: deleted, event_has_sales, not_found.
create function inventory.drop_sale@v(p_event text) returns text language plpgsql as $$
begin
  perform from inventory.sale s where s.event_id = p_event for update;
  if not found then
    return 'not_found';
  end if;
  if exists (
    select from inventory.hold h
    where h.event_id = p_event and h.status in ('active', 'claimed', 'sold')
  ) or exists (
    select from inventory.hold_archive a
    where a.event_id = p_event and a.hold ->> 'status' = 'sold'
  ) then
    return 'event_has_sales';
  end if;
  delete from inventory.hold h where h.event_id = p_event;
  delete from inventory.ticket_type t where t.event_id = p_event;
  delete from inventory.pool p where p.event_id = p_event;
  delete from inventory.sale s where s.event_id = p_event;
  return 'deleted';
end $$;

-- Moves up to p_most ended holds of a past event to the archive. Returns how many moved.
create function inventory.archive_holds@v(p_event text, p_most int) returns int
  language plpgsql as $$
declare
  v_moved int;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  with gone as (
    select h.hold_id from inventory.hold h
    where h.event_id = p_event and h.status in ('sold', 'released', 'lapsed')
    order by h.hold_id limit p_most
  )
  insert into inventory.hold_archive (event_id, hold_id, hold, items)
  select p_event, h.hold_id, to_jsonb(h) - 'body_hash' - 'caller' - 'key',
    coalesce((
      select jsonb_agg(to_jsonb(i) - 'event_id' - 'hold_id' order by i.line)
      from inventory.hold_item i where i.event_id = p_event and i.hold_id = h.hold_id
    ), '[]')
  from gone join inventory.hold h on h.event_id = p_event and h.hold_id = gone.hold_id;
  get diagnostics v_moved = row_count;
  delete from inventory.hold h using inventory.hold_archive a
  where h.event_id = p_event and a.event_id = p_event and a.hold_id = h.hold_id;
  return v_moved;
end $$;
