-- The hot path: one call for all holds that queued while the batch before was being committed.
-- Requests are decided in memory, from what was read after the lock; then everything is written, a
-- statement per table. Look-ups go by full key: the switches keep a plan that was made while a
-- table was empty from reading all of an event's holds for each request (docs/locking.md).

-- Grants or refuses holds in arrival order, each whole or not at all; one lock, one commit. The
-- caller passes no two requests with the same caller and key. p_requests, an array of: holdId,
-- caller, key, bodyHash (hex), guarded, sees (organizer whose staff asks, or null), personKeys,
-- ticketTypeIds, quantities, seatNos (one for each place, null for a place that is only counted; or
-- null), dearestMinor (of each line, what a seat may cost where the buyer has named no ticket type;
-- or not given), offered (drawn from what is reserved), expiresAt (until when, where it is not the
-- event's hold time; or not given), opened (the ticket types that the buyer has a code for) and
-- promoCode (that code, kept with the hold; both may be missing), byRight (whoever it is for has a
-- right to places: neither windows, codes nor limits apply, only what is there; or not given).
-- Answers, in the same order: verdict `granted` with expiresAt and unitPrices; `repeated` with the
-- first answer; or idempotency_key_reused, not_found, event_cancelled, sale_closed, sale_not_open,
-- sale_paused, unknown_ticket_type, unknown_seat, seats_required, code_required,
-- hold_ended (its expiresAt is over), below_order_minimum, above_order_maximum, buyer_required,
-- per_person_limit, seat_taken (with seatNos), sold_out, or `again`: lapsed holds remain to be
-- reclaimed before anybody can say.
create function inventory.hold_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off set cpu_tuple_cost = 100
  set cpu_index_tuple_cost = 100 set plan_cache_mode = force_generic_plan as $$
declare
  c_reclaim_most constant int := 1000;
  v_sale inventory.sale;
  v_t timestamptz;
  v_until timestamptz;
  v_oldest timestamptz;
  -- The event's ticket types, and in which pool each is; by position.
  v_types text[]; v_codes text[]; v_locked boolean[];
  v_prices int[]; v_minima int[]; v_maxima int[]; v_pool_of int[];
  -- Its pools. Room and taken have two parts: what is free of each pool, then what is reserved.
  v_pools text[]; v_seated boolean[];
  v_room int[]; v_taken int[];
  -- How much each person key of the batch has; then, for each key of each request, where it stands.
  v_used int[] := '{}';
  v_key_at int[] := '{}';
  v_keys int[]; v_key_from int := 1;
  -- The same for seats: the pool and state of each, and where the seats of each request stand.
  v_seat_pools int[] := '{}';
  v_seat_states text[] := '{}';
  v_seat_at int[] := '{}';
  v_seats int[]; v_seat_from int := 1;
  v_swept int;
  v_code text;
  v_line int;
  v_type int;
  v_total int;
  v_places int[]; v_line_prices int[];
  v_granted boolean[] := '{}';
  v_totals int[] := '{}';
  v_answers jsonb[] := '{}';
  r record;
begin
  select * into v_sale from inventory.sale s where s.event_id = p_event for no key update;
  v_t := kernel.instant(p_now);
  v_until := v_t + v_sale.hold_ms * interval '1 millisecond';
  select t.ticket_types, t.codes, t.locked, t.prices, t.minima, t.maxima, t.pool_of, t.pools,
    t.seated, t.room
  into v_types, v_codes, v_locked, v_prices, v_minima, v_maxima, v_pool_of, v_pools, v_seated,
    v_room
  from inventory.terms_of@v(p_event, v_t) t;
  if v_sale.person_limit is not null then
    select p.used, p.at into v_used, v_key_at
    from inventory.people_of@v(p_event, p_requests, v_t) p;
  end if;
  if true = any (v_seated) then
    select s.pools, s.states, s.at into v_seat_pools, v_seat_states, v_seat_at
    from inventory.seats_of@v(p_event, p_requests, v_pools, v_t) s;
    v_room := inventory.room_now@v(p_event, '{}');
  end if;
  v_taken := array_fill(0, array[2 * cardinality(v_pools)]);
  for r in
    select q.nth, q.caller, q.key, q.body_hash, q.sees, q.person_keys, q.types, q.quantities,
      q.seat_nos, q.dearest, q.offered, q.opened, coalesce(q.expires_at, v_until) as until,
      coalesce(q.by_right, false) as by_right, (
      select h.hold_id from inventory.hold h
      where h.event_id = p_event and h.caller = q.caller and h.key = q.key) as known
    from rows from (jsonb_to_recordset(p_requests) as (
      caller text, key text, "bodyHash" text, sees text, "personKeys" text[],
      "ticketTypeIds" text[], quantities int[], "seatNos" int[], "dearestMinor" int[],
      offered boolean, opened text[], "expiresAt" timestamptz, "byRight" boolean)) with ordinality
        as q(caller, key, body_hash, sees, person_keys, types, quantities, seat_nos, dearest,
        offered, opened, expires_at, by_right, nth)
    order by q.nth
  loop
    v_granted[r.nth] := false;
    v_keys := v_key_at[v_key_from : v_key_from + cardinality(r.person_keys) - 1];
    v_key_from := v_key_from + cardinality(r.person_keys);
    v_seats := v_seat_at[v_seat_from : v_seat_from + coalesce(cardinality(r.seat_nos), 0) - 1];
    v_seat_from := v_seat_from + coalesce(cardinality(r.seat_nos), 0);
    if r.known is not null then
      v_answers[r.nth] := inventory.repeated@v(p_event, r.known, r.body_hash);
      continue;
    end if;
    v_code := coalesce(inventory.sale_refusal@v(v_sale, r.sees, v_t, r.by_right),
      case when r.until <= v_t then 'hold_ended' end);
    v_line := null; v_total := 0; v_places := '{}'; v_line_prices := '{}';
    for i in 1 .. cardinality(r.types) loop
      exit when v_code is not null;
      v_line := i;
      v_type := array_position(v_types, r.types[i]);
      v_code := case
        when v_type is null then 'unknown_ticket_type'
        when v_locked[v_type] and (r.types[i] = any (r.opened)) is not true and not r.by_right
          then 'code_required'
        when v_codes[v_type] is not null and not r.by_right then v_codes[v_type]
        when r.quantities[i] < v_minima[v_type] and not r.by_right then 'below_order_minimum'
        when r.quantities[i] > v_maxima[v_type] and not r.by_right then 'above_order_maximum'
        when r.dearest[i] < v_prices[v_type] then 'unknown_ticket_type'
        when v_seated[v_pool_of[v_type]] or v_seats <> '{}' then inventory.seat_refusal@v(
          v_seats[v_total + 1 : v_total + r.quantities[i]], r.quantities[i], v_pool_of[v_type],
          v_seated[v_pool_of[v_type]], v_seat_pools, v_seat_states, r.offered)
      end;
      v_total := v_total + r.quantities[i];
      v_line_prices[i] := v_prices[v_type];
      v_places[i] := v_pool_of[v_type] + case when r.offered then cardinality(v_pools) else 0 end;
    end loop;
    -- The person's cap, by every key.
    if v_code is null and v_sale.person_limit is not null and not r.by_right then
      v_code := case when v_keys = '{}' then 'buyer_required' end;
      for i in 1 .. cardinality(v_keys) loop
        if v_used[v_keys[i]] + v_total > v_sale.person_limit then
          v_code := 'per_person_limit';
        end if;
      end loop;
    end if;
    -- Places of each line; those of the lines before go back where one has not enough.
    for i in 1 .. case when v_code is null then cardinality(v_places) else 0 end loop
      if v_room[v_places[i]] < r.quantities[i] and v_swept is null and not r.offered then
        v_swept := inventory.reclaim_lapsed@v(p_event, v_t, c_reclaim_most);
        v_room := inventory.room_now@v(p_event, v_taken);
      end if;
      v_room[v_places[i]] := v_room[v_places[i]] - r.quantities[i];
      v_taken[v_places[i]] := v_taken[v_places[i]] + r.quantities[i];
      if v_room[v_places[i]] < 0 then
        v_code := case when v_swept = c_reclaim_most then 'again' else 'sold_out' end;
        for k in 1 .. i loop
          v_room[v_places[k]] := v_room[v_places[k]] + r.quantities[k];
          v_taken[v_places[k]] := v_taken[v_places[k]] - r.quantities[k];
        end loop;
        exit;
      end if;
    end loop;
    if v_code is not null then
      v_answers[r.nth] := inventory.refusal@v(p_event, v_code, v_sale, v_line, r.types[v_line])
        || inventory.taken_seats@v(v_code, r.seat_nos, v_seats, v_seat_states, r.offered);
      continue;
    end if;
    for i in 1 .. cardinality(v_keys) loop
      v_used[v_keys[i]] := v_used[v_keys[i]] + v_total;
    end loop;
    v_seats := array_remove(v_seats, null);
    for i in 1 .. cardinality(v_seats) loop v_seat_states[v_seats[i]] := 'held'; end loop;
    v_granted[r.nth] := true;
    v_totals[r.nth] := v_total;
    v_oldest := least(v_oldest, r.until);
    v_answers[r.nth] := jsonb_build_object('verdict', 'granted', 'expiresAt', r.until,
      'currency', v_sale.currency, 'unitPrices', to_jsonb(v_line_prices));
  end loop;
  if true = any (v_granted) then
    perform inventory.write_holds@v(p_event, p_requests, v_granted, v_totals, v_t, v_until,
      v_types, v_prices, v_pool_of, v_pools, true = any (v_seated));
    perform inventory.take_room@v(p_event, v_pools, v_taken, v_oldest);
  end if;
  return to_jsonb(v_answers);
end $$;

-- Counts holds for these keys of their people, and for no others any more. p_requests: holdId,
-- personKeys. Answers: as hold_answer, not_found, hold_ended, per_person_limit, buyer_required,
-- hold_already_booked: whoever bought on it stays counted.
create function inventory.name_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_sale inventory.sale;
  v_hold inventory.hold;
  v_t timestamptz;
  v_code text;
  v_answers jsonb := '[]';
  r record;
begin
  select * into v_sale from inventory.sale s where s.event_id = p_event for no key update;
  v_t := kernel.instant(p_now);
  for r in
    select q."holdId" as hold_id, q."personKeys" as keys
    from jsonb_to_recordset(p_requests) as q("holdId" text, "personKeys" text[])
  loop
    select * into v_hold from inventory.hold h
    where h.event_id = p_event and h.hold_id = r.hold_id for no key update;
    v_code := case
      when v_hold.hold_id is null then 'not_found'
      when v_hold.status <> 'active' or v_hold.expires_at <= v_t then 'hold_ended'
      when v_hold.bound then 'hold_already_booked'
      else inventory.name_hold@v(p_event, v_hold, r.keys, v_t)
    end;
    v_answers := v_answers || case
      when v_code is null then inventory.hold_answer@v(p_event, r.hold_id)
      else inventory.refusal@v(p_event, v_code, v_sale, null, null) end;
  end loop;
  return v_answers;
end $$;

-- Counts an active hold for these keys alone (null: as it is). Null, or what cap_refusal says.
create function inventory.name_hold@v(
  p_event text, p_hold inventory.hold, p_keys text[], p_t timestamptz
) returns text language plpgsql as $$
declare
  v_keys constant text[] := array(select distinct k from unnest(p_keys) as k order by k);
  v_total int;
  v_code text;
begin
  -- Most are counted for their buyers already.
  if p_keys is null or (v_keys @> p_hold.person_keys and v_keys <@ p_hold.person_keys) then
    return null;
  end if;
  v_total := (select sum(q) from unnest(p_hold.quantities) as q);
  v_code := inventory.cap_refusal@v(
    p_event, inventory.person_limit@v(p_event), v_keys, v_total, p_hold.hold_id, p_t);
  if v_code is not null then
    return v_code;
  end if;
  delete from inventory.person_use u
  where u.event_id = p_event and u.hold_id = p_hold.hold_id
    and u.person_key = any (p_hold.person_keys) and u.person_key <> all (v_keys);
  insert into inventory.person_use (event_id, person_key, hold_id, quantity)
  select p_event, k.key, p_hold.hold_id, v_total from unnest(v_keys) as k(key)
  on conflict do nothing;
  update inventory.hold h set person_keys = v_keys
  where h.event_id = p_event and h.hold_id = p_hold.hold_id;
  return null;
end $$;

-- What name_hold would say now of a hold that is not bought on yet. Decided once more with the
-- order: whoever asks keeps nothing for an order that will not be.
create function inventory.name_refusal@v(
  p_event text, p_hold text, p_keys text[], p_now timestamptz
) returns text language plpgsql stable as $$
declare
  v_hold inventory.hold;
begin
  select * into v_hold from inventory.hold h
  where h.event_id = p_event and h.hold_id = p_hold and h.status = 'active' and not h.bound;
  if v_hold.hold_id is null or (p_keys @> v_hold.person_keys and p_keys <@ v_hold.person_keys) then
    return null;
  end if;
  return inventory.cap_refusal@v(p_event, inventory.person_limit@v(p_event), p_keys,
    (select sum(q) from unnest(v_hold.quantities) as q)::int, p_hold, kernel.instant(p_now));
end $$;

-- How many places of the event one person may have; null: any number.
create function inventory.person_limit@v(p_event text) returns int
  language plpgsql stable as $$
begin
  return (select s.person_limit from inventory.sale s where s.event_id = p_event);
end $$;

-- Whether a hold that may still be bought on is not what somebody has seen of it: p_seen, an object
-- of ticketTypeIds, quantities, unitPrices and promoCode. Nothing is compared where it is null.
create function inventory.is_other@v(p_event text, p_hold text, p_seen jsonb) returns boolean
  language plpgsql volatile as $$
begin
  return p_seen is not null and exists (
    select from inventory.hold h
    where h.event_id = p_event and h.hold_id = p_hold and h.status = 'active' and not h.bound
      and p_seen <> jsonb_build_object('ticketTypeIds', h.ticket_type_ids,
        'quantities', h.quantities, 'unitPrices', h.unit_prices, 'promoCode', h.promo_code));
end $$;

-- Buyers give up their holds. p_requests: holdId. Answers: released (also where it had ended),
-- bound (an order stands on it: that is given up instead), claimed, sold, not_found.
create function inventory.release_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_verdicts jsonb;
  v_ending text[];
begin
  perform from inventory.sale s where s.event_id = p_event for no key update;
  select jsonb_agg(coalesce(case
      when s.status = 'active' and s.bound then 'bound'
      when s.status in ('active', 'released', 'lapsed') then 'released'
      else s.status end, 'not_found') order by s.nth),
    array_agg(distinct s.hold_id) filter (where s.status = 'active' and not s.bound)
  into v_verdicts, v_ending
  from (
    select r.nth, x.hold_id, x.status, x.bound
    from rows from (jsonb_to_recordset(p_requests) as ("holdId" text))
      with ordinality as r(hold_id, nth)
    -- One look-up by key for each: `offset` keeps the planner from reading all of them.
    left join lateral (
      select h.hold_id, h.status, h.bound from inventory.hold h
      where h.event_id = p_event and h.hold_id = r.hold_id offset 0
    ) x on true
  ) s;
  if v_ending is not null then
    perform inventory.end_active@v(p_event, v_ending, 'released');
    update inventory.sale s set version = s.version + 1 where s.event_id = p_event;
  end if;
  return v_verdicts;
end $$;

-- How many more places this person may have now, and how many they could if what they only hold
-- lapsed: every key counts by itself. Null: as many as they like.
create function inventory.allowance@v(
  p_event text, p_limit int, p_keys text[], p_t timestamptz, out may_now int, out may_ever int
) language plpgsql stable as $$
begin
  if p_limit is null then
    return;
  end if;
  select p_limit - max(k.used), p_limit - max(k.bought) into may_now, may_ever
  from (
    select coalesce(sum(u.quantity) filter (where h.status in ('claimed', 'sold')
        or (h.status = 'active' and h.expires_at > p_t)), 0)::int as used,
      coalesce(sum(u.quantity) filter (where h.status in ('claimed', 'sold')), 0)::int as bought
    from unnest(p_keys) as n(key)
    left join lateral (
      select x.hold_id, x.quantity from inventory.person_use x
      where x.event_id = p_event and x.person_key = n.key offset 0
    ) u on true
    left join lateral (
      select x.status, x.expires_at from inventory.hold x
      where x.event_id = p_event and x.hold_id = u.hold_id offset 0
    ) h on true
    group by n.key
  ) k;
end $$;

-- Somebody wants to know when this hold has ended, one way or the other.
create function inventory.watch_hold@v(p_event text, p_hold text) returns void
  language plpgsql as $$
begin
  insert into inventory.watched_hold (event_id, hold_id) values (p_event, p_hold)
  on conflict do nothing;
end $$;

-- Told by whatever ends holds, in the same transaction.
create function inventory.note_ended@v(p_event text, p_holds text[]) returns void
  language plpgsql as $$
begin
  with gone as (
    delete from inventory.watched_hold w
    where w.event_id = p_event and w.hold_id = any (p_holds) returning w.hold_id
  )
  insert into inventory.ended_watch (event_id, hold_id) select p_event, g.hold_id from gone g
  on conflict do nothing;
end $$;

-- Which watched holds have ended, p_most at a time; each is said once.
create function inventory.take_ended@v(p_event text, p_most int) returns text[]
  language plpgsql as $$
declare
  v_holds constant text[] := array(
    select e.hold_id from inventory.ended_watch e where e.event_id = p_event limit p_most);
begin
  delete from inventory.ended_watch e where e.event_id = p_event and e.hold_id = any (v_holds);
  return v_holds;
end $$;
