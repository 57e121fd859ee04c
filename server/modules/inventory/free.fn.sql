-- How places become free again, and how a late payment gets them back. Only functions that hold the
-- event's lock call these, under the planner's switches of the batch function that they serve
-- (docs/locking.md).

-- Takes places off one counter. While the waitlist has takers, they become reserved in this same
-- statement; only the rest is free. p_from: held, claimed, sold or blocked. p_seats: the numbers of
-- the seats among them.
create function inventory.give_back@v(
  p_event text, p_from text, p_pools text[], p_quantities int[], p_seats int[]
) returns void language plpgsql as $$
declare
  v_pool record;
  v_kept int;
  v_seats int[];
begin
  for v_pool in
    select g.pool_id, sum(g.quantity)::int as quantity
    from unnest(p_pools, p_quantities) as g(pool_id, quantity) group by g.pool_id order by g.pool_id
  loop
    select least(v_pool.quantity, greatest(0, p.waiting - p.reserved)) into v_kept
    from inventory.pool p where p.event_id = p_event and p.pool_id = v_pool.pool_id;
    update inventory.pool p
    set held = p.held - case when p_from = 'held' then v_pool.quantity else 0 end,
        claimed = p.claimed - case when p_from = 'claimed' then v_pool.quantity else 0 end,
        sold = p.sold - case when p_from = 'sold' then v_pool.quantity else 0 end,
        blocked = p.blocked - case when p_from = 'blocked' then v_pool.quantity else 0 end,
        reserved = p.reserved + v_kept
    where p.event_id = p_event and p.pool_id = v_pool.pool_id;
    if p_seats is not null then
      select array_agg(n.seat_no order by n.seat_no) into v_seats
      from unnest(p_seats) as n(seat_no)
      where (
        select x.pool_id from inventory.seat x where x.event_id = p_event and x.seat_no = n.seat_no
      ) = v_pool.pool_id;
      update inventory.seat s
      set status = case when s.seat_no <= v_seats[v_kept] then 'reserved' else 'free' end,
          hold_id = null, expires_at = null
      where s.event_id = p_event and s.seat_no = any (v_seats);
    end if;
  end loop;
end $$;

-- Ends active holds, as released or lapsed: their places, seats and people are free.
create function inventory.end_active@v(p_event text, p_holds text[], p_to text) returns void
  language plpgsql as $$
begin
  perform inventory.free_holds@v(p_event, p_holds, 'held', p_to);
  insert into kernel.outbox (event_id, kind, data)
  select p_event, 'hold_' || p_to, inventory.places_of@v(h)
  from inventory.hold h where h.event_id = p_event and h.hold_id = any (p_holds);
end $$;

-- The places of a hold as facts tell them: its ticket types, how many of each, its seats.
create function inventory.places_of@v(p_hold inventory.hold) returns jsonb
  language sql immutable as $$
  select jsonb_build_object('holdId', p_hold.hold_id, 'ticketTypeIds', p_hold.ticket_type_ids,
    'quantities', p_hold.quantities) || case when p_hold.seat_nos is null then '{}'
      else jsonb_build_object('seatNos', p_hold.seat_nos) end
$$;

-- Gives back what holds had, off the counter p_from, and lets their people have as much again.
create function inventory.free_holds@v(p_event text, p_holds text[], p_from text, p_to text)
  returns void language plpgsql as $$
declare
  v_pools text[];
  v_quantities int[];
  v_seats int[];
begin
  select array_agg(i.pool_id), array_agg(i.quantity) into v_pools, v_quantities
  from inventory.hold h cross join lateral unnest(h.pool_ids, h.quantities) as i(pool_id, quantity)
  where h.event_id = p_event and h.hold_id = any (p_holds);
  select array_agg(n.seat_no) into v_seats
  from inventory.hold h cross join lateral unnest(h.seat_nos) as n(seat_no)
  where h.event_id = p_event and h.hold_id = any (p_holds);
  perform inventory.give_back@v(p_event, p_from, v_pools, v_quantities, v_seats);
  perform inventory.forget_people@v(p_event, p_holds);
  update inventory.hold h set status = p_to
  where h.event_id = p_event and h.hold_id = any (p_holds);
  perform inventory.note_ended@v(p_event, p_holds);
end $$;

-- What these holds counted for their people counts no more.
create function inventory.forget_people@v(p_event text, p_holds text[]) returns void
  language plpgsql volatile as $$
begin
  delete from inventory.person_use u
  where u.event_id = p_event and u.hold_id = any (p_holds) and u.person_key = any (array(
    select k.person_key
    from inventory.hold h cross join lateral unnest(h.person_keys) as k(person_key)
    where h.event_id = p_event and h.hold_id = any (p_holds)));
end $$;

-- Gives back the places of holds that have lapsed, oldest first. Returns how many holds lapsed.
create function inventory.reclaim_lapsed@v(p_event text, p_t timestamptz, p_most int)
  returns int language plpgsql as $$
declare
  v_oldest constant timestamptz := (
    select s.oldest_expiry from inventory.sale s where s.event_id = p_event);
  v_holds text[];
begin
  select array_agg(l.hold_id) into v_holds
  from (
    select h.hold_id from inventory.hold h
    where h.event_id = p_event and h.expires_at > '-infinity' and h.status = 'active'
      and h.expires_at >= v_oldest and h.expires_at <= p_t
    order by h.expires_at limit p_most
  ) l;
  if v_holds is not null then
    perform inventory.end_active@v(p_event, v_holds, 'lapsed');
  end if;
  perform inventory.note_oldest@v(p_event);
  return coalesce(cardinality(v_holds), 0);
end $$;

-- Ends the holds that have lapsed on these seats, whose state is read afterwards: a seat may have
-- become the waitlist's.
create function inventory.end_lapsed_on@v(p_event text, p_seats int[], p_t timestamptz)
  returns void language plpgsql as $$
declare
  v_lapsed text[];
begin
  select array_agg(distinct l.hold_id) into v_lapsed
  from (
    select (
      select s.hold_id from inventory.seat s
      where s.event_id = p_event and s.seat_no = n.seat_no
        and s.status = 'held' and s.expires_at <= p_t) as hold_id
    from unnest(p_seats) as n(seat_no)
  ) l
  where l.hold_id is not null;
  if v_lapsed is not null then
    perform inventory.end_active@v(p_event, v_lapsed, 'lapsed');
    perform inventory.note_oldest@v(p_event);
  end if;
end $$;

-- Money came after the time was over: what these holds had is taken again, if it can still be had,
-- the same seats and as many counted places; claimed at once, so that it cannot lapse again. It is
-- no new sale: a pause does not refuse it, and prices and limits of an order are as they were. The
-- holds are decided in their order. One word for each: claimed (also when it was), or why not:
-- not_found, active, sold, event_cancelled, sale_closed, per_person_limit, buyer_required,
-- seat_taken, sold_out, `again` (lapsed holds remain to be reclaimed before anybody can say).
create function inventory.revive_holds@v(p_event text, p_holds text[], p_t timestamptz)
  returns text[] language plpgsql as $$
declare
  v_sale inventory.sale;
  v_lapsed text[];
  v_verdicts text[] := '{}';
begin
  select * into v_sale from inventory.sale s where s.event_id = p_event;
  -- What they still have goes back first: while people wait, it is theirs.
  select array_agg(distinct h.hold_id) into v_lapsed from inventory.hold h
  where h.event_id = p_event and h.hold_id = any (p_holds)
    and h.status = 'active' and h.expires_at <= p_t;
  if v_lapsed is not null then
    perform inventory.end_active@v(p_event, v_lapsed, 'lapsed');
    perform inventory.note_oldest@v(p_event);
  end if;
  for i in 1 .. cardinality(p_holds) loop
    v_verdicts[i] := inventory.revive_hold@v(p_event, p_holds[i], v_sale, p_t);
  end loop;
  return v_verdicts;
end $$;

create function inventory.revive_hold@v(
  p_event text, p_hold text, p_sale inventory.sale, p_t timestamptz
) returns text language plpgsql as $$
declare
  c_reclaim_most constant int := 1000;
  v_hold inventory.hold;
  v_total int;
  v_swept int;
  v_code text;
  m record;
begin
  select * into v_hold from inventory.hold h
  where h.event_id = p_event and h.hold_id = p_hold for no key update;
  if v_hold.hold_id is null then
    return 'not_found';
  elsif v_hold.status not in ('lapsed', 'released') then
    return v_hold.status;
  end if;
  v_total := (select sum(q) from unnest(v_hold.quantities) as q);
  v_code := coalesce(inventory.too_late@v(p_event, v_hold, p_sale, p_t), inventory.cap_refusal@v(
    p_event, p_sale.person_limit, v_hold.person_keys, v_total, p_hold, p_t));
  if v_code is null then
    perform inventory.end_lapsed_on@v(p_event, v_hold.seat_nos, p_t);
    v_code := inventory.gone_of@v(p_event, v_hold);
  end if;
  if v_code = 'sold_out' then
    v_swept := inventory.reclaim_lapsed@v(p_event, p_t, c_reclaim_most);
    v_code := inventory.gone_of@v(p_event, v_hold);
    if v_code = 'sold_out' and v_swept = c_reclaim_most then
      return 'again';
    end if;
  end if;
  if v_code is not null then
    return v_code;
  end if;
  for m in
    select i.pool_id, sum(i.quantity)::int as quantity
    from unnest(v_hold.pool_ids, v_hold.quantities) as i(pool_id, quantity)
    group by i.pool_id order by i.pool_id
  loop
    update inventory.pool p set claimed = p.claimed + m.quantity
    where p.event_id = p_event and p.pool_id = m.pool_id;
  end loop;
  update inventory.seat s set status = 'claimed', hold_id = p_hold
  where s.event_id = p_event and s.seat_no = any (v_hold.seat_nos);
  insert into inventory.person_use (event_id, person_key, hold_id, quantity)
  select p_event, d.key, p_hold, v_total
  from (select distinct k as key from unnest(v_hold.person_keys) as k) d;
  update inventory.hold h set status = 'claimed'
  where h.event_id = p_event and h.hold_id = p_hold;
  update inventory.sale s set version = s.version + 1 where s.event_id = p_event;
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'hold_revived', inventory.places_of@v(v_hold));
  return 'claimed';
end $$;

-- Null where what this hold had is still on sale at all; the refusal otherwise.
create function inventory.too_late@v(
  p_event text, p_hold inventory.hold, p_sale inventory.sale, p_t timestamptz
) returns text language plpgsql stable as $$
begin
  return case
    when p_sale.state = 'cancelled' then 'event_cancelled'
    when p_sale.state in ('closed', 'unpublished') or p_sale.closes_at <= p_t
      or p_sale.ends_at <= p_t then 'sale_closed'
    when exists (
      select from unnest(p_hold.ticket_type_ids) as l(ticket_type_id)
      where (
        select t.withdrawn_at is null and coalesce(t.closes_at > p_t, true)
        from inventory.ticket_type t
        where t.event_id = p_event and t.ticket_type_id = l.ticket_type_id) is not true
    ) then 'sale_closed'
  end;
end $$;

-- Null where all that an ended hold had is free: its seats, where they are, and the counted places.
-- What is reserved for the waitlist is not.
create function inventory.gone_of@v(p_event text, p_hold inventory.hold) returns text
  language plpgsql as $$
declare
  m record;
begin
  for m in
    select w.quantity, p.seated,
      p.capacity - p.held - p.claimed - p.sold - p.reserved - p.blocked as room, (
      select count(*) from unnest(p_hold.seat_nos) as n(seat_no)
      where (
        select s.status = 'free' and s.pool_id = w.pool_id from inventory.seat s
        where s.event_id = p_event and s.seat_no = n.seat_no)) as free_seats
    from (
      select i.pool_id, sum(i.quantity)::int as quantity
      from unnest(p_hold.pool_ids, p_hold.quantities) as i(pool_id, quantity) group by i.pool_id
    ) w
    cross join lateral (
      select x.seated, x.capacity, x.held, x.claimed, x.sold, x.reserved, x.blocked
      from inventory.pool x where x.event_id = p_event and x.pool_id = w.pool_id offset 0
    ) p
  loop
    if m.seated and m.free_seats <> m.quantity then
      return 'seat_taken';
    elsif m.quantity > m.room then
      return 'sold_out';
    end if;
  end loop;
  return null;
end $$;

-- Writes down when the next hold of the event lapses, for the sweeper, and that places changed.
-- None was active before what was written down last: what had ended by then is not read again.
create function inventory.note_oldest@v(p_event text) returns void language plpgsql volatile
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off as $$
begin
  update inventory.sale s
  set version = s.version + 1,
      oldest_expiry = (
        select h.expires_at from inventory.hold h
        where h.event_id = p_event and h.expires_at > '-infinity' and h.status = 'active'
          and h.expires_at >= s.oldest_expiry
        order by h.expires_at limit 1
      )
  where s.event_id = p_event;
end $$;

-- The sweeper's turn on one event: what has lapsed becomes free. Each request: most. Answers how
-- many holds lapsed.
create function inventory.sweep_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_answers jsonb := '[]';
  v_most int;
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  for v_most in select r.most from jsonb_to_recordset(p_requests) as r(most int) loop
    v_answers := v_answers
      || to_jsonb(inventory.reclaim_lapsed@v(p_event, kernel.instant(p_now), v_most));
  end loop;
  return v_answers;
end $$;

-- As reclaim_lapsed, where there may be something to reclaim.
create function inventory.reclaim_due@v(p_event text, p_t timestamptz) returns void
  language plpgsql as $$
begin
  perform inventory.reclaim_lapsed@v(p_event, p_t, 1000)
  from inventory.sale s where s.event_id = p_event and s.oldest_expiry <= p_t;
end $$;

-- What the waitlist has to know of the sale: why nothing is sold at p_t, if so.
create function inventory.sale_now@v(
  p_event text, p_t timestamptz, out organizer_id text, out refusal text, out person_limit int,
  out version bigint, out currency text, out plan_version int
) language plpgsql stable as $$
begin
  select s.organizer_id, inventory.sale_refusal@v(s, 'any', p_t), s.person_limit, s.version,
    s.currency, s.plan_version
  into organizer_id, refusal, person_limit, version, currency, plan_version
  from inventory.sale s where s.event_id = p_event;
  if not found then
    refusal := 'not_found';
  end if;
end $$;

-- Of which pools there are seats in these sections, and how many are free.
create function inventory.sections_now@v(p_event text, p_sections text[])
  returns table (pool_id text, section text, room int) language sql stable as $$
  select s.pool_id, s.section, count(*) filter (where s.status = 'free')::int
  from inventory.seat s
  where s.event_id = p_event and s.section = any (p_sections) and s.status <> 'gone'
  group by s.pool_id, s.section
$$;

-- The numbers of all seats of these pools that are reserved.
create function inventory.reserved_nos@v(p_event text, p_pools text[]) returns int[]
  language sql stable as $$
  select coalesce(array_agg(s.seat_no order by s.seat_no), '{}') from inventory.seat s
  where s.event_id = p_event and s.pool_id = any (p_pools) and s.status = 'reserved'
$$;

-- Where these seats are.
create function inventory.seats_at@v(p_event text, p_seats int[]) returns table (
  seat_no int, pool_id text, section text, row_no int, place int, distance float8, special text
) language sql stable as $$
  select s.seat_no, s.pool_id, s.section, s.row_no, s.place, s.distance::float8, s.special
  from inventory.seat s where s.event_id = p_event and s.seat_no = any (p_seats)
$$;

-- Reserved seats that nobody who waits could use are free again.
create function inventory.unreserve_seats@v(p_event text, p_seats int[]) returns void
  language plpgsql as $$
begin
  update inventory.pool p set reserved = p.reserved - n.seats
  from (
    select s.pool_id, count(*)::int as seats from inventory.seat s
    where s.event_id = p_event and s.seat_no = any (p_seats) and s.status = 'reserved'
    group by s.pool_id
  ) n
  where p.event_id = p_event and p.pool_id = n.pool_id;
  update inventory.seat s set status = 'free'
  where s.event_id = p_event and s.seat_no = any (p_seats) and s.status = 'reserved';
  update inventory.sale s set version = s.version + 1 where s.event_id = p_event;
end $$;
