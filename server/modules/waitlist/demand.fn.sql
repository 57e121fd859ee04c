-- What those who wait could be offered at all: which pools, in which sections, and how many places
-- of each are kept for them.

-- How many seats are next to each other, whoever has them: read anew where the plan has changed.
create function waitlist.follow_plan@v(p_event text, p_version int) returns void
  language plpgsql as $$
begin
  update waitlist.list l set plan_version = p_version
  where l.event_id = p_event and l.plan_version <> p_version;
  if found then
    delete from waitlist.block b where b.event_id = p_event;
    insert into waitlist.block (event_id, pool_id, section, longest)
    select p_event, r.pool_id, r.section, r.longest from inventory.longest_rows@v(p_event) r;
  end if;
end $$;

-- What somebody could be offered who wants so many of these ticket types (null: any that everybody
-- may buy; never one that needs a code, which nobody who waits has given) in these sections (null:
-- anywhere): a row for each ticket type and section, in the order in which they are wanted. What
-- has not so many places, or seats side by side, even when nobody has any of them, is not there.
-- `weight`: how many places are kept as they come free.
create function waitlist.wants_of@v(
  p_event text, p_types text[], p_sections text[], p_quantity int, p_fewer boolean,
  p_t timestamptz
) returns table (ticket_type_id text, pool_id text, section text, weight int)
  language sql stable as $$
  select t.ticket_type_id, t.pool_id, coalesce(b.section, ''),
    -- Of counted places any would do, and of seats for whoever does not need them side by side.
    -- For others more are kept than they want: what they cannot use is given back by the next look.
    case when t.seated and (p_sections is not null or (p_quantity > 1 and not p_fewer)) then 10000
      else p_quantity end
  from inventory.types_now@v(p_event, p_t) with ordinality as t(ticket_type_id, pool_id, seated,
    minimum, maximum, is_open, needs_code, refusal, capacity, room, reserved, nth)
  left join waitlist.block b on b.event_id = p_event and b.pool_id = t.pool_id and t.seated
    and b.section = any (coalesce(p_sections, array['']))
  where coalesce(t.refusal, 'sale_not_open') = 'sale_not_open' and not t.needs_code
    and case when p_types is null then t.is_open else t.ticket_type_id = any (p_types) end
    and p_quantity >= t.minimum and (p_quantity <= t.maximum or p_fewer)
    and (p_sections is null or b.section is not null or (not t.seated and p_types is not null))
    and case when p_fewer then t.minimum <= t.capacity
      else p_quantity <= case when t.seated then b.longest else t.capacity end end
  order by coalesce(array_position(p_types, t.ticket_type_id), t.nth), t.nth, b.section
$$;

-- The same by pool: which there are, the weight of each, and pool and section of each want, with a
-- space between. Null where there is nothing.
create function waitlist.demand_of@v(
  p_event text, p_types text[], p_sections text[], p_quantity int, p_fewer boolean,
  p_t timestamptz, out pools text[], out weights int[], out wanted text[]
) language sql stable as $$
  with wants as materialized (
    select w.pool_id, w.section, w.weight
    from waitlist.wants_of@v(p_event, p_types, p_sections, p_quantity, p_fewer, p_t) w
  ), demand as (
    select w.pool_id, max(w.weight) as weight from wants w group by w.pool_id
  )
  select (select array_agg(d.pool_id order by d.pool_id) from demand d),
    (select array_agg(d.weight order by d.pool_id) from demand d),
    (select array_agg(distinct w.pool_id || ' ' || w.section
      order by w.pool_id || ' ' || w.section) from wants w)
$$;

-- How many places are free for everybody where most are, of these pools: of several sections of a
-- pool together. Seats are counted only where the pool has so many that it matters.
create function waitlist.room_for@v(
  p_event text, p_pools text[], p_sections text[], p_quantity int, p_t timestamptz
) returns int language sql stable as $$
  select max(case
    when p_sections is null or not t.seated or t.room < p_quantity then t.room
    else (
      select coalesce(sum(s.room), 0)::int from inventory.sections_now@v(p_event, p_sections) s
      where s.pool_id = t.pool_id)
    end)
  from inventory.types_now@v(p_event, p_t) t
  where t.pool_id = any (p_pools)
$$;

-- p_wanted: pool and section, with a space between.
create function waitlist.write_wants@v(p_event text, p_entry text, p_wanted text[])
  returns void language plpgsql as $$
begin
  insert into waitlist.want (event_id, pool_id, section, fewest, rank, entry_id)
  select p_event, split_part(w.wanted, ' ', 1), substr(w.wanted, strpos(w.wanted, ' ') + 1),
    case when e.accepts_fewer then 1 else e.quantity end, e.rank, e.entry_id
  from (
    select x.accepts_fewer, x.quantity, x.rank, x.entry_id from waitlist.entry x
    where x.event_id = p_event and x.entry_id = p_entry offset 0
  ) e cross join lateral unnest(p_wanted) as w(wanted);
end $$;
