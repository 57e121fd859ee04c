-- What other rooms compose into their one transaction: claim, sell, un-claim, return. A hold is
-- sold to an opaque buyer: inventory never knows an order.

-- Before a capture is asked for: the places stop lapsing. Verdicts: claimed (also when it was),
-- sold, lapsed (the time is over or the places are gone), event_cancelled, not_found.
create function inventory.claim_hold@v(p_event text, p_hold text, p_now timestamptz) returns text
  language plpgsql as $$
declare
  v_state text;
  v_status text;
  v_expires_at timestamptz;
begin
  select s.state into v_state from inventory.sale s where s.event_id = p_event for no key update;
  select h.status, h.expires_at into v_status, v_expires_at from inventory.hold h
  where h.event_id = p_event and h.hold_id = p_hold for no key update;
  if v_status is null then
    return 'not_found';
  elsif v_status in ('claimed', 'sold') then
    return v_status;
  elsif v_state = 'cancelled' then
    return 'event_cancelled';
  elsif v_status <> 'active' or v_expires_at <= kernel.instant(p_now) then
    return 'lapsed';
  end if;
  update inventory.hold h set status = 'claimed'
  where h.event_id = p_event and h.hold_id = p_hold;
  update inventory.pool p set held = p.held - i.quantity, claimed = p.claimed + i.quantity
  from (
    select x.pool_id, sum(x.quantity)::int as quantity from inventory.hold_item x
    where x.event_id = p_event and x.hold_id = p_hold group by x.pool_id
  ) i
  where p.event_id = p_event and p.pool_id = i.pool_id;
  update inventory.sale set version = version + 1 where event_id = p_event;
  return 'claimed';
end $$;

-- A claimed hold ends: sold for good, or released because no money came. Verdicts: sold, released,
-- or the status that forbids it.
create function inventory.end_claim@v(p_event text, p_hold text, p_to text) returns text
  language plpgsql as $$
declare
  v_status text;
  v_quantity int;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  select h.status into v_status from inventory.hold h
  where h.event_id = p_event and h.hold_id = p_hold for no key update;
  if v_status is distinct from 'claimed' then
    return coalesce(v_status, 'not_found');
  end if;
  update inventory.hold h set status = p_to where h.event_id = p_event and h.hold_id = p_hold;
  update inventory.pool p
  set claimed = p.claimed - i.quantity,
      sold = p.sold + case when p_to = 'sold' then i.quantity else 0 end
  from (
    select x.pool_id, sum(x.quantity)::int as quantity from inventory.hold_item x
    where x.event_id = p_event and x.hold_id = p_hold group by x.pool_id
  ) i
  where p.event_id = p_event and p.pool_id = i.pool_id;
  if p_to = 'released' then
    delete from inventory.person_use u where u.event_id = p_event and u.hold_id = p_hold;
  end if;
  update inventory.sale set version = version + 1 where event_id = p_event;
  select sum(i.quantity)::int into v_quantity from inventory.hold_item i
  where i.event_id = p_event and i.hold_id = p_hold;
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, case when p_to = 'sold' then 'places_sold' else 'hold_released' end,
    jsonb_build_object('holdId', p_hold, 'quantity', v_quantity));
  return p_to;
end $$;

-- Sold places come back on sale: p_types[i] gives back p_quantities[i] places of this hold.
-- Returns how many came back; fails where more would come back than were sold.
create function inventory.return_places@v(
  p_event text, p_hold text, p_types text[], p_quantities int[]
) returns int language plpgsql as $$
declare
  v_total int := 0;
  v_pool text;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  for v_line in 1 .. cardinality(p_types) loop
    update inventory.hold_item i set returned = i.returned + p_quantities[v_line]
    where i.event_id = p_event and i.hold_id = p_hold and i.ticket_type_id = p_types[v_line]
      and i.returned + p_quantities[v_line] <= i.quantity
      and exists (
        select from inventory.hold h
        where h.event_id = p_event and h.hold_id = p_hold and h.status = 'sold'
      )
    returning i.pool_id into v_pool;
    if not found then
      raise exception 'hold % cannot return % places', p_hold, p_quantities[v_line]
        using errcode = 'check_violation';
    end if;
    update inventory.pool p set sold = p.sold - p_quantities[v_line]
    where p.event_id = p_event and p.pool_id = v_pool;
    v_total := v_total + p_quantities[v_line];
  end loop;
  update inventory.person_use u set quantity = u.quantity - v_total
  where u.event_id = p_event and u.hold_id = p_hold;
  update inventory.sale set version = version + 1 where event_id = p_event;
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'places_returned', jsonb_build_object('holdId', p_hold, 'quantity', v_total));
  return v_total;
end $$;

-- For a transaction that composes several rooms: the event's lock comes before any other.
create function inventory.lock_sale@v(p_event text) returns void language plpgsql as $$
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
end $$;

-- Whether a hold is still in the live tables.
create function inventory.has_hold@v(p_event text, p_hold text) returns boolean
  language sql stable as $$
  select exists (select from inventory.hold h where h.event_id = p_event and h.hold_id = p_hold)
$$;
