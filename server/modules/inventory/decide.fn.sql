-- What a decision on places is made of. Only functions that hold the event's lock call these.

-- Gives back the places of holds that have lapsed, oldest first. The caller holds the event's lock.
-- p_pool null: of any pool. Returns how many holds lapsed.
create function inventory.reclaim_lapsed@v(
  p_event text, p_pool text, p_t timestamptz, p_most int
) returns int language plpgsql as $$
declare
  v_holds text[];
begin
  select array_agg(l.hold_id) into v_holds
  from (
    select h.hold_id
    from inventory.hold h
    where h.event_id = p_event and h.status = 'active' and h.expires_at <= p_t
      and (p_pool is null or exists (
        select from inventory.hold_item i
        where i.event_id = p_event and i.hold_id = h.hold_id and i.pool_id = p_pool
      ))
    order by h.expires_at
    limit p_most
  ) l;
  if v_holds is null then
    return 0;
  end if;
  update inventory.hold h set status = 'lapsed'
  from unnest(v_holds) as l(hold_id)
  where h.event_id = p_event and h.hold_id = l.hold_id;
  perform inventory.free_held@v(p_event, v_holds);
  insert into kernel.outbox (event_id, kind, data)
  select p_event, 'hold_lapsed', jsonb_build_object('holdId', l.hold_id)
  from unnest(v_holds) as l(hold_id);
  return cardinality(v_holds);
end $$;

-- Takes the places of these holds off the counters and off their people.
create function inventory.free_held@v(p_event text, p_holds text[]) returns void
  language plpgsql as $$
begin
  update inventory.pool p set held = p.held - f.quantity
  from (
    select i.pool_id, sum(i.quantity)::int as quantity
    from unnest(p_holds) as l(hold_id)
    join lateral (
      select x.pool_id, x.quantity from inventory.hold_item x
      where x.event_id = p_event and x.hold_id = l.hold_id
    ) i on true
    group by i.pool_id
  ) f
  where p.event_id = p_event and p.pool_id = f.pool_id;
  delete from inventory.person_use u using unnest(p_holds) as l(hold_id)
  where u.event_id = p_event and u.hold_id = l.hold_id;
  update inventory.sale set version = version + 1 where event_id = p_event;
end $$;

-- What a hold answers with, then and at every repetition.
create function inventory.hold_answer@v(p_event text, p_hold text) returns jsonb
  language sql stable as $$
  select jsonb_build_object(
    'verdict', 'granted',
    'holdId', h.hold_id,
    'expiresAt', h.granted_until,
    'currency', s.currency,
    'items', (
      select jsonb_agg(jsonb_build_object(
        'ticketTypeId', i.ticket_type_id, 'quantity', i.quantity,
        'unitPriceMinor', i.unit_price_minor) order by i.line)
      from inventory.hold_item i where i.event_id = p_event and i.hold_id = p_hold
    )
  )
  from inventory.hold h join inventory.sale s on s.event_id = h.event_id
  where h.event_id = p_event and h.hold_id = p_hold
$$;

-- Null where this person may have so many more; the refusal otherwise. Every key of the person
-- counts by itself. p_except: a hold that is about to be given up.
create function inventory.cap_refusal@v(
  p_event text, p_limit int, p_keys text[], p_more int, p_except text, p_t timestamptz
) returns text language plpgsql as $$
declare
  v_key text;
  v_used int;
begin
  if p_limit is null then
    return null;
  end if;
  if cardinality(p_keys) = 0 then
    return 'buyer_required';
  end if;
  foreach v_key in array p_keys loop
    select coalesce(sum(u.quantity), 0) into v_used
    from inventory.person_use u
    join lateral (
      select h.status, h.expires_at from inventory.hold h
      where h.event_id = p_event and h.hold_id = u.hold_id
    ) h on h.status in ('claimed', 'sold') or (h.status = 'active' and h.expires_at > p_t)
    where u.event_id = p_event and u.person_key = v_key and u.hold_id is distinct from p_except;
    if v_used + p_more > p_limit then
      return 'per_person_limit';
    end if;
  end loop;
  return null;
end $$;

-- Null where these lines may be sold now; the refusal otherwise. Windows and order limits.
create function inventory.line_refusal@v(
  p_event text, p_types text[], p_quantities int[], p_t timestamptz
) returns jsonb language plpgsql as $$
declare
  v_type inventory.ticket_type;
  v_code text;
begin
  for v_line in 1 .. cardinality(p_types) loop
    select * into v_type from inventory.ticket_type t
    where t.event_id = p_event and t.ticket_type_id = p_types[v_line];
    v_code := case
      when v_type.ticket_type_id is null or v_type.withdrawn_at is not null then 'unknown_ticket_type'
      when v_type.needs_code then 'code_required'
      when v_type.opens_at > p_t then 'sale_not_open'
      when v_type.closes_at <= p_t then 'sale_closed'
      when p_quantities[v_line] < v_type.min_per_order then 'below_order_minimum'
      when p_quantities[v_line] > v_type.max_per_order then 'above_order_maximum'
    end;
    if v_code is not null then
      return jsonb_build_object('verdict', v_code, 'line', v_line - 1,
        'minimum', v_type.min_per_order, 'maximum', v_type.max_per_order,
        'opensAt', v_type.opens_at);
    end if;
  end loop;
  return null;
end $$;

-- Takes the places of these lines from their pools, reclaiming lapsed holds where one is short.
-- 'granted', 'sold_out', or 'busy' where more lapsed holds remain than one call may reclaim.
create function inventory.take_places@v(
  p_event text, p_types text[], p_quantities int[], p_t timestamptz
) returns text language plpgsql as $$
declare
  c_reclaim_most constant int := 1000;
  v_need record;
  v_free int;
begin
  for v_need in
    select t.pool_id, sum(l.quantity)::int as quantity
    from unnest(p_types, p_quantities) as l(ticket_type_id, quantity)
    join lateral (
      select x.pool_id from inventory.ticket_type x
      where x.event_id = p_event and x.ticket_type_id = l.ticket_type_id
    ) t on true
    group by t.pool_id order by t.pool_id
  loop
    select p.capacity - p.held - p.claimed - p.sold - p.reserved - p.blocked into v_free
    from inventory.pool p where p.event_id = p_event and p.pool_id = v_need.pool_id
    for no key update;
    if v_free < v_need.quantity then
      if inventory.reclaim_lapsed@v(p_event, v_need.pool_id, p_t, c_reclaim_most) > 0 then
        select p.capacity - p.held - p.claimed - p.sold - p.reserved - p.blocked into v_free
        from inventory.pool p where p.event_id = p_event and p.pool_id = v_need.pool_id;
      end if;
    end if;
    if v_free < v_need.quantity then
      if exists (
        select from inventory.hold h
        where h.event_id = p_event and h.status = 'active' and h.expires_at <= p_t
          and exists (
            select from inventory.hold_item i
            where i.event_id = p_event and i.hold_id = h.hold_id and i.pool_id = v_need.pool_id
          )
      ) then
        return 'busy';
      end if;
      return 'sold_out';
    end if;
  end loop;
  -- Only now, when every pool has enough: a refusal must not leave half of it taken.
  update inventory.pool p set held = p.held + n.quantity
  from (
    select t.pool_id, sum(l.quantity)::int as quantity
    from unnest(p_types, p_quantities) as l(ticket_type_id, quantity)
    join lateral (
      select x.pool_id from inventory.ticket_type x
      where x.event_id = p_event and x.ticket_type_id = l.ticket_type_id
    ) t on true
    group by t.pool_id
  ) n
  where p.event_id = p_event and p.pool_id = n.pool_id;
  return 'granted';
end $$;

-- Writes the lines of a hold at today's prices and the people it counts for.
create function inventory.write_lines@v(
  p_event text, p_hold text, p_types text[], p_quantities int[], p_keys text[]
) returns void language plpgsql as $$
begin
  insert into inventory.hold_item
    (event_id, hold_id, line, ticket_type_id, pool_id, quantity, unit_price_minor)
  select p_event, p_hold, l.line - 1, l.ticket_type_id, t.pool_id, l.quantity, t.price_minor
  from unnest(p_types, p_quantities) with ordinality as l(ticket_type_id, quantity, line)
  join lateral (
    select x.pool_id, x.price_minor from inventory.ticket_type x
    where x.event_id = p_event and x.ticket_type_id = l.ticket_type_id
  ) t on true;
  insert into inventory.person_use (event_id, person_key, hold_id, quantity)
  select p_event, k.person_key, p_hold, (select sum(q)::int from unnest(p_quantities) q)
  from (select distinct k from unnest(p_keys) k) as k(person_key);
  update inventory.sale set version = version + 1 where event_id = p_event;
end $$;

-- Null where the event sells now; the refusal otherwise.
create function inventory.sale_refusal@v(p_sale inventory.sale, p_t timestamptz) returns text
  language sql immutable as $$
  select case
    when p_sale.event_id is null or p_sale.state = 'unpublished' then 'not_found'
    when p_sale.state = 'cancelled' then 'event_cancelled'
    when p_sale.state = 'closed' or p_sale.closes_at <= p_t or p_sale.ends_at <= p_t
      then 'sale_closed'
    when p_sale.opens_at > p_t then 'sale_not_open'
    when p_sale.state = 'paused' then 'sale_paused'
  end
$$;
