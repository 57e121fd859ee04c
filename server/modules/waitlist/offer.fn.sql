-- A look at the waitlist of an event: what has ended is written down, and what is reserved goes to
-- those who wait, by the rule of docs/waitlist.md, all in one transaction under the event's lock.

-- Each request: slots, the ids of offers that may be made (offerId, holdId, sessionId); none where
-- nothing may be offered now. Answers: offers, those that were made; places, in all; waitedMs, how
-- long each of them had waited to be offered something; and whether it should be asked again now.
create function waitlist.offer_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_t timestamptz;
  v_answers jsonb := '[]';
  v_slots jsonb;
begin
  v_t := inventory.lock_sale@v(p_event, p_now);
  for v_slots in select q.value -> 'slots' from jsonb_array_elements(p_requests) as q(value) loop
    v_answers := v_answers || waitlist.look@v(p_event, v_slots, v_t);
  end loop;
  return v_answers;
end $$;

create function waitlist.look@v(p_event text, p_slots jsonb, p_t timestamptz) returns jsonb
  language plpgsql as $$
declare
  -- Sales and ticket types open with time, and nothing tells of it; a stop is lifted.
  c_look_again constant interval := '30 seconds';
  c_while_stopped constant interval := '1 second';
  -- An offer is looked at before it ends: nothing may be bought at that moment.
  c_ahead constant interval := '10 seconds';
  v_list waitlist.list;
  v_sale record;
  v_settled boolean := true;
  v_is_offering boolean := false;
  v_again boolean;
  v_offered jsonb := '{"offers": 0, "places": 0, "waitedMs": [], "again": false}';
begin
  select * into v_list from waitlist.list l where l.event_id = p_event for no key update;
  if v_list.event_id is null then
    return v_offered;
  end if;
  if p_slots = '[]' then
    v_settled := waitlist.keep_offers@v(p_event, v_list, p_t);
  end if;
  perform inventory.reclaim_due@v(p_event, p_t);
  v_settled := waitlist.settle_due@v(p_event, p_t) and v_settled;
  v_sale := inventory.sale_now@v(p_event, p_t);
  if v_sale.refusal in ('event_cancelled', 'sale_closed', 'not_found') then
    v_settled := waitlist.withdraw_offers@v(p_event, p_t) and v_settled;
    v_settled := waitlist.close_list@v(p_event, p_t) and v_settled;
  elsif p_t >= waitlist.last_offers_at@v(v_list) then
    v_settled := waitlist.close_list@v(p_event, p_t) and v_settled;
  else
    v_settled := waitlist.follow_terms@v(p_event, v_list, p_t) and v_settled;
    v_is_offering := v_sale.refusal is null and p_slots <> '[]';
    if v_is_offering then
      v_offered := waitlist.offer_reserved@v(p_event, p_slots, v_list, p_t);
    end if;
  end if;
  v_again := (v_offered ->> 'again')::boolean or not v_settled;
  update waitlist.list l
  -- Of a sale that is gone nobody has the version.
  set seen_version = coalesce(
        (select s.version from inventory.sale_now@v(p_event, p_t) s), l.seen_version),
      was_offering = v_is_offering and not v_again,
      -- Where whoever looks stops before all is done, the next round goes on.
      look_at = case when v_again then p_t else least(
        case when p_t < waitlist.last_offers_at@v(l) then waitlist.last_offers_at@v(l)
          else 'infinity' end,
        p_t + case when p_slots = '[]' then c_while_stopped else c_look_again end,
        (select case when n.due_at - c_ahead > p_t then n.due_at - c_ahead else n.due_at end
          from waitlist.pending_offer n
          where n.event_id = p_event order by n.due_at limit 1)) end
  where l.event_id = p_event;
  return v_offered || jsonb_build_object('again', v_again);
end $$;

-- What is reserved is offered in the order of ranks: to the first whose whole quantity is there (or
-- who takes fewer), then to the next of those behind whose is, and so on, until nobody is left who
-- could use any of it. Where inventory refuses somebody all the same, their places are there for
-- those behind: it is gone through once more without them.
create function waitlist.offer_reserved@v(
  p_event text, p_slots jsonb, p_list waitlist.list, p_t timestamptz
) returns jsonb language plpgsql as $$
declare
  c_rounds constant int := 10;
  v_offers int := 0;
  v_places int := 0;
  v_waited jsonb := '[]';
  v_refused text[] := '{}';
  v_made jsonb;
begin
  for i in 1 .. c_rounds loop
    v_made := waitlist.offer_round@v(p_event, p_slots, p_list, v_refused, p_t);
    v_offers := v_offers + (v_made ->> 'offers')::int;
    v_places := v_places + (v_made ->> 'places')::int;
    v_waited := v_waited || (v_made -> 'waitedMs');
    exit when v_made -> 'refused' = '[]';
    v_refused := v_refused || array(select jsonb_array_elements_text(v_made -> 'refused'));
  end loop;
  return jsonb_build_object('offers', v_offers, 'places', v_places, 'waitedMs', v_waited,
    'again', v_made -> 'again');
end $$;

-- Once through those who wait, but for p_refused. Who has bought so many that one person may not
-- even have the fewest that they take on top waits for nothing: they end. Answers as write_offers;
-- `again`: the slots were used up.
create function waitlist.offer_round@v(
  p_event text, p_slots jsonb, p_list waitlist.list, p_refused text[], p_t timestamptz
) returns jsonb language plpgsql as $$
declare
  c_chunk constant int := 64;
  v_slots constant jsonb := waitlist.unused_slots@v(p_event, p_slots);
  v_until constant timestamptz := date_trunc('milliseconds', least(p_list.closes_at,
    p_t + p_list.offer_minutes * interval '1 minute'));
  v_zeros constant text := repeat('0', 64);
  -- By position: the pools, whether they are of seats, and how many places are reserved of each.
  v_pools text[]; v_seated boolean[]; v_room int[];
  -- The seats that are reserved and not given to anybody yet.
  v_left int[];
  v_after bigint := 0;
  v_found int;
  v_slot jsonb;
  -- What can be sold now, the cheapest first: by position, which pool each ticket type is of.
  v_types text[]; v_pool_of int[]; v_minima int[]; v_maxima int[]; v_is_open boolean[];
  -- The same of all that may be waited for, on sale or not yet.
  v_all text[]; v_all_minima int[]; v_all_open boolean[];
  v_calls jsonb[] := '{}';
  v_chosen jsonb[] := '{}';
  v_made jsonb;
  e waitlist.entry;
  d record;
  v_rank bigint;
  v_entry text;
  -- How many one person may have; of one who waits, how many more.
  v_limit constant int := (select s.person_limit from inventory.sale_now@v(p_event, p_t) s);
  v_fewest int; v_now int; v_ever int;
  v_over text[] := '{}';
begin
  select array_agg(t.pool_id order by t.pool_id), array_agg(t.seated order by t.pool_id),
    array_agg(t.reserved order by t.pool_id)
  into v_pools, v_seated, v_room
  from (select distinct x.pool_id, x.seated, x.reserved
    from inventory.types_now@v(p_event, p_t) x) t;
  select array_agg(t.ticket_type_id order by t.nth),
    array_agg(array_position(v_pools, t.pool_id) order by t.nth),
    array_agg(t.minimum order by t.nth), array_agg(t.maximum order by t.nth),
    array_agg(t.is_open order by t.nth)
  into v_types, v_pool_of, v_minima, v_maxima, v_is_open
  from inventory.types_now@v(p_event, p_t) with ordinality as t(ticket_type_id, pool_id, seated,
    minimum, maximum, is_open, needs_code, refusal, capacity, room, reserved, nth)
  where t.refusal is null and not t.needs_code;
  select array_agg(t.ticket_type_id), array_agg(t.minimum), array_agg(t.is_open)
  into v_all, v_all_minima, v_all_open
  from inventory.types_now@v(p_event, p_t) t
  where coalesce(t.refusal, 'sale_not_open') = 'sale_not_open' and not t.needs_code;
  v_left := case when true = any (v_seated)
    then inventory.reserved_nos@v(p_event, v_pools) else '{}' end;
  loop
    v_found := 0;
    for v_rank, v_entry in
      select c.rank, c.entry_id
      from waitlist.candidates@v(p_event, v_pools, v_seated, v_room, v_left, v_after, c_chunk) c
    loop
      exit when cardinality(v_calls) >= jsonb_array_length(v_slots);
      v_found := v_found + 1;
      v_after := v_rank;
      continue when v_entry = any (p_refused);
      select * into e from waitlist.entry x where x.event_id = p_event and x.entry_id = v_entry;
      v_fewest := case when not e.accepts_fewer then e.quantity else coalesce((
        select min(m.minimum)
        from unnest(v_all, v_all_minima, v_all_open) as m(id, minimum, is_open)
        where case when e.ticket_type_ids is null then m.is_open
          else m.id = any (e.ticket_type_ids) end), 1) end;
      select a.may_now, a.may_ever into v_now, v_ever
      from inventory.allowance@v(p_event, v_limit, e.person_keys, p_t) a;
      if v_ever < v_fewest then
        v_over := v_over || v_entry;
      end if;
      -- What somebody only holds may lapse: they keep their rank.
      continue when v_now < v_fewest;
      e.quantity := least(e.quantity, v_now);
      d := waitlist.choose_places@v(p_event, e, v_pools, v_seated, v_room, v_left, v_types,
        v_pool_of, v_minima, v_maxima, v_is_open);
      continue when d.quantity is null;
      v_room[d.pool_at] := v_room[d.pool_at] - d.quantity;
      if d.seats is not null then
        v_left := array(select n from unnest(v_left) as n where n <> all (d.seats));
      end if;
      v_slot := v_slots -> cardinality(v_calls);
      v_calls := array_append(v_calls, jsonb_build_object('holdId', v_slot ->> 'holdId',
        'caller', v_slot ->> 'sessionId', 'key', 'selection:1', 'bodyHash', v_zeros,
        'guarded', true, 'sees', 'any', 'personKeys',
        array_append(e.person_keys, 'session_' || (v_slot ->> 'sessionId')),
        'ticketTypeIds', jsonb_build_array(d.ticket_type_id),
        'quantities', jsonb_build_array(d.quantity), 'seatNos', d.seats, 'offered', true,
        'expiresAt', v_until));
      v_chosen := array_append(v_chosen, v_slot || jsonb_build_object('entryId', e.entry_id,
        'poolId', v_pools[d.pool_at], 'ticketTypeId', d.ticket_type_id,
        'quantity', d.quantity, 'apart', d.apart));
    end loop;
    exit when v_found < c_chunk;
  end loop;
  v_made := waitlist.write_offers@v(
    p_event, to_jsonb(v_calls), to_jsonb(v_chosen), v_until, p_t);
  perform waitlist.end_entries@v(p_event, nullif(v_over, '{}'), 'left', 'over_limit', p_t);
  if v_made -> 'refused' = '[]' then
    perform waitlist.free_unwanted@v(p_event, v_left);
  end if;
  return v_made || jsonb_build_object('again',
    v_calls <> '{}' and cardinality(v_calls) = jsonb_array_length(v_slots));
end $$;

-- Asked again, what was made is not made once more.
create function waitlist.unused_slots@v(p_event text, p_slots jsonb) returns jsonb
  language sql stable as $$
  select coalesce(jsonb_agg(s.value order by s.nth), '[]')
  from jsonb_array_elements(p_slots) with ordinality as s(value, nth)
  where (
    select o.offer_id from waitlist.offer o
    where o.event_id = p_event and o.offer_id = s.value ->> 'offerId') is null
$$;

-- The holds are made, and with each of them its offer; who is refused goes on waiting. Answers:
-- offers, places, waitedMs, and which entries were refused.
create function waitlist.write_offers@v(
  p_event text, p_calls jsonb, p_chosen jsonb, p_until timestamptz, p_t timestamptz
) returns jsonb language plpgsql as $$
declare
  v_made jsonb;
  v_granted jsonb;
  v_offer_of jsonb;
  v_entries text[];
  v_refused jsonb;
begin
  if p_calls = '[]' then
    return '{"offers": 0, "places": 0, "waitedMs": [], "refused": []}';
  end if;
  v_made := inventory.hold_batch@v(p_event, p_t, p_calls);
  select coalesce(jsonb_agg(c.chosen order by c.nth)
      filter (where c.made ->> 'verdict' = 'granted'), '[]'),
    coalesce(jsonb_agg(c.chosen ->> 'entryId')
      filter (where c.made ->> 'verdict' <> 'granted'), '[]')
  into v_granted, v_refused
  from rows from (jsonb_array_elements(p_chosen), jsonb_array_elements(v_made))
    with ordinality as c(chosen, made, nth);
  perform waitlist.stop_waiting@v(p_event, array_agg(g."entryId"), array_agg(g."poolId"),
    array_agg(g.quantity))
  from jsonb_to_recordset(v_granted) as g("entryId" text, "poolId" text, quantity int)
  having count(*) > 0;
  insert into waitlist.offer (event_id, offer_id, entry_id, hold_id, session_id, status,
    ticket_type_id, quantity, apart, made_at, expires_at, due_at)
  select p_event, g."offerId", g."entryId", g."holdId", g."sessionId", 'open', g."ticketTypeId",
    g.quantity, g.apart, p_t, p_until, p_until
  from jsonb_to_recordset(v_granted) as g("offerId" text, "entryId" text, "holdId" text,
    "sessionId" text, "ticketTypeId" text, quantity int, apart boolean);
  insert into waitlist.pending_offer (event_id, due_at, offer_id)
  select p_event, p_until, g."offerId" from jsonb_to_recordset(v_granted) as g("offerId" text);
  select jsonb_object_agg(g."entryId", g."offerId"), array_agg(g."entryId")
  into v_offer_of, v_entries
  from jsonb_to_recordset(v_granted) as g("offerId" text, "entryId" text);
  update waitlist.entry e
  set status = 'offered', offered_at = p_t, offer_id = v_offer_of ->> e.entry_id
  where e.event_id = p_event and e.entry_id = any (v_entries);
  update waitlist.list l
  set served = l.served + jsonb_array_length(v_granted),
      offered_places = l.offered_places + (
        select coalesce(sum(g.quantity), 0)::int
        from jsonb_to_recordset(v_granted) as g(quantity int))
  where l.event_id = p_event;
  insert into kernel.outbox (event_id, kind, data)
  select p_event, 'offer_made', jsonb_build_object(
    'offerId', g."offerId", 'entryId', g."entryId", 'quantity', g.quantity)
  from jsonb_to_recordset(v_granted) as g("offerId" text, "entryId" text, quantity int);
  return jsonb_build_object('refused', v_refused,
    'offers', jsonb_array_length(v_granted), 'places', (
      select coalesce(sum(g.quantity), 0) from jsonb_to_recordset(v_granted) as g(quantity int)),
    'waitedMs', (
      select coalesce(jsonb_agg(round(extract(epoch from p_t - e.joined_at) * 1000)), '[]')
      from waitlist.entry e
      where e.event_id = p_event and e.entry_id = any (v_entries)));
end $$;
