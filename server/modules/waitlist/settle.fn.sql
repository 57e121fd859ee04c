-- The first part of a look at the waitlist: what has ended, or changed, is written down. Each
-- function does so much in one call, and says whether more is left.

-- Offers whose time is over go to the next; of those that were accepted, it is written down what
-- became of their places. Inventory tells when they were sold or have come back; that nothing came
-- of them is looked up when their time is over.
create function waitlist.settle_due@v(p_event text, p_t timestamptz) returns boolean
  language plpgsql as $$
declare
  c_most constant int := 200;
  -- They are being paid for, or got more time.
  c_look_again constant interval := '1 minute';
  v_ended constant text[] := inventory.take_ended@v(p_event, c_most);
  v_seen int := 0;
  v_sold text[] := '{}';
  v_unpaid text[] := '{}';
  r record;
begin
  for r in
    select o.offer_id, o.entry_id, o.hold_id, o.status, n.due_at, (
      select h.status from inventory.states_of@v(p_event, array[o.hold_id]) h) as hold_status
    from (
      select d.offer_id, d.due_at from (
        select x.offer_id, x.due_at from waitlist.pending_offer x
        where x.event_id = p_event and x.due_at <= p_t order by x.due_at limit c_most
      ) d
      union all
      select (
        select x.offer_id from waitlist.offer x
        where x.event_id = p_event and x.hold_id = e.hold_id), null
      from unnest(v_ended) as e(hold_id)
    ) n
    cross join lateral (
      select x.offer_id, x.entry_id, x.hold_id, x.status from waitlist.offer x
      where x.event_id = p_event and x.offer_id = n.offer_id offset 0
    ) o
    order by n.due_at, o.offer_id
  loop
    v_seen := v_seen + case when r.due_at is null then 0 else 1 end;
    if r.status = 'open' then
      perform waitlist.end_offer@v(p_event, r.offer_id, 'expired', 'left', p_t);
    elsif r.hold_status in ('active', 'claimed') then
      perform inventory.watch_hold@v(p_event, r.hold_id);
      perform waitlist.look_up_at@v(p_event, r.offer_id,
        greatest(inventory.expiry_of@v(p_event, r.hold_id), p_t + c_look_again));
    else
      perform waitlist.look_up_at@v(p_event, r.offer_id, null);
      -- One that was archived was sold: the others are not kept that long.
      if coalesce(r.hold_status, 'sold') = 'sold' then
        v_sold := v_sold || r.entry_id;
      else
        v_unpaid := v_unpaid || r.entry_id;
      end if;
    end if;
  end loop;
  perform waitlist.end_entries@v(p_event, nullif(v_sold, '{}'), 'converted', null, p_t);
  perform waitlist.end_entries@v(p_event, nullif(v_unpaid, '{}'), 'left', 'unpaid', p_t);
  return v_seen < c_most and cardinality(v_ended) < c_most;
end $$;

-- All sales are stopped: an offer that would end meanwhile stays open, so that whoever has it loses
-- nothing by that. The list's closing ends it all the same.
create function waitlist.keep_offers@v(p_event text, p_list waitlist.list, p_t timestamptz)
  returns boolean language plpgsql as $$
declare
  c_most constant int := 200;
  v_seen int := 0;
  c_soon constant interval := '1 minute';
  c_more constant interval := '5 minutes';
  v_until timestamptz;
  r record;
begin
  for r in
    select n.offer_id, o.hold_id
    from (
      select x.offer_id from waitlist.pending_offer x
      where x.event_id = p_event and x.due_at > p_t
        and x.due_at < least(p_t + c_soon, p_list.closes_at)
      order by x.due_at
    ) n
    cross join lateral (
      select x.hold_id from waitlist.offer x
      where x.event_id = p_event and x.offer_id = n.offer_id and x.status = 'open' offset 0
    ) o
    limit c_most
  loop
    v_seen := v_seen + 1;
    v_until := inventory.lengthen_hold@v(p_event, r.hold_id, p_t,
      date_trunc('milliseconds', least(p_list.closes_at, p_t + c_more)));
    continue when v_until is null;
    update waitlist.offer o set expires_at = v_until
    where o.event_id = p_event and o.offer_id = r.offer_id;
    perform waitlist.look_up_at@v(p_event, r.offer_id, v_until);
  end loop;
  return v_seen < c_most;
end $$;

-- Nothing is sold any more: what is offered is taken back.
create function waitlist.withdraw_offers@v(p_event text, p_t timestamptz) returns boolean
  language plpgsql as $$
declare
  c_most constant int := 200;
  v_seen int := 0;
  v_offer text;
begin
  for v_offer in
    select n.offer_id from waitlist.pending_offer n
    where n.event_id = p_event and (
      select o.status = 'open' from waitlist.offer o
      where o.event_id = p_event and o.offer_id = n.offer_id)
    limit c_most
  loop
    v_seen := v_seen + 1;
    perform waitlist.end_offer@v(p_event, v_offer, 'withdrawn', 'closed', p_t);
  end loop;
  return v_seen < c_most;
end $$;

-- Whoever still waits waits no more; what was reserved is on sale for everybody.
create function waitlist.close_list@v(p_event text, p_t timestamptz) returns boolean
  language plpgsql as $$
declare
  -- Of what they want: nobody wants less than one.
  c_most constant int := 1000;
  v_seen int;
  v_entries text[];
begin
  select count(*), array_agg(distinct w.entry_id) into v_seen, v_entries from (
    select x.entry_id from waitlist.want x where x.event_id = p_event limit c_most
  ) w;
  perform waitlist.end_entries@v(p_event, v_entries, 'closed', 'closed', p_t);
  return v_seen < c_most;
end $$;

-- Ticket types come and go, move to other pools, and pools become smaller: what those who wait
-- could take is then worked out anew. Who could not be offered anything any more is closed.
create function waitlist.follow_terms@v(p_event text, p_list waitlist.list, p_t timestamptz)
  returns boolean language plpgsql as $$
declare
  c_most constant int := 500;
  -- Nobody waits for more places than that.
  c_largest constant int := 100;
  v_plan int;
  v_mark text;
  v_upto text := p_list.terms_entry;
  v_seen int := 0;
  v_wanted text[];
  v_pools text[];
  v_weights int[];
  v_done text[] := '{}';
  r record;
begin
  select s.plan_version into v_plan from inventory.sale_now@v(p_event, p_t) s;
  perform waitlist.follow_plan@v(p_event, v_plan);
  select coalesce(md5(v_plan || string_agg(concat_ws(' ', t.ticket_type_id, t.pool_id, t.minimum,
    t.maximum, t.is_open, t.needs_code, coalesce(t.refusal, 'sale_not_open') = 'sale_not_open',
    least(t.capacity, c_largest)), ',')), 'none') into v_mark
  from inventory.types_now@v(p_event, p_t) t;
  if v_mark <> p_list.terms_mark then
    v_upto := '';
  elsif v_upto is null then
    return true;
  end if;
  for r in
    select x.entry_id, x.status, x.ticket_type_ids, x.sections, x.quantity,
      x.accepts_fewer, x.pool_ids, x.weights
    from waitlist.entry x
    where x.event_id = p_event and x.entry_id > v_upto order by x.entry_id limit c_most
  loop
    v_seen := v_seen + 1;
    v_upto := r.entry_id;
    continue when r.status <> 'waiting';
    select d.pools, d.weights, d.wanted into v_pools, v_weights, v_wanted
    from waitlist.demand_of@v(
      p_event, r.ticket_type_ids, r.sections, r.quantity, r.accepts_fewer, p_t) d;
    if v_pools is null then
      v_done := v_done || r.entry_id;
      continue;
    end if;
    continue when v_weights = r.weights and v_wanted = array(
      select w.pool_id || ' ' || w.section from waitlist.want w
      where w.event_id = p_event and w.entry_id = r.entry_id order by 1);
    delete from waitlist.want w where w.event_id = p_event and w.entry_id = r.entry_id;
    update waitlist.entry x set pool_ids = v_pools, weights = v_weights
    where x.event_id = p_event and x.entry_id = r.entry_id;
    perform waitlist.write_wants@v(p_event, r.entry_id, v_wanted);
    -- In one step: what is kept for them in a pool that stays is theirs all the time.
    perform inventory.change_waiting@v(p_event, r.pool_ids || v_pools,
      array(select - n from unnest(r.weights) with ordinality as u(n, nth) order by nth)
        || v_weights);
  end loop;
  perform waitlist.end_entries@v(p_event, nullif(v_done, '{}'), 'closed', 'nothing_left', p_t);
  update waitlist.list l
  set terms_mark = v_mark, terms_entry = case when v_seen = c_most then v_upto end
  where l.event_id = p_event;
  return v_seen < c_most;
end $$;
