-- Who waits for what: entries are made and ended, and offers answered, under the event's lock. How
-- many places of a pool have takers (inventory's `waiting`) is changed in the same transaction: it
-- is the sum of the weights of the entries that wait for places of that pool.

-- Changes to the waitlist of an event, in arrival order. Each of p_requests says in `do` what:
-- join, leave, accept, decline, set or follow, and has what that function takes.
create function waitlist.change_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  v_t timestamptz;
  v_answers jsonb := '[]';
  r jsonb;
begin
  v_t := inventory.lock_sale@v(p_event, p_now);
  for r in select q.value from jsonb_array_elements(p_requests) as q(value) loop
    v_answers := v_answers || jsonb_build_array(case r ->> 'do'
      when 'join' then waitlist.join_list@v(p_event, r, v_t)
      when 'leave' then waitlist.leave_list@v(p_event, r ->> 'entryId', v_t)
      when 'accept' then waitlist.accept_offer@v(p_event, r, v_t)
      when 'decline' then waitlist.decline_offer@v(p_event, r ->> 'offerId', v_t)
      when 'set' then waitlist.set_list@v(p_event, r, v_t)
      when 'follow' then waitlist.follow_event@v(p_event, r, v_t)
    end);
  end loop;
  return v_answers;
end $$;

-- An event has one list from the first who asks on. Its closing follows the event, where staff has
-- not said another.
create function waitlist.open_list@v(
  p_event text, p_organizer text, p_closes_at timestamptz, p_t timestamptz
) returns waitlist.list language plpgsql as $$
declare
  v_list waitlist.list;
begin
  insert into waitlist.list as l (event_id, organizer_id, closes_at, look_at)
  values (p_event, p_organizer, p_closes_at, p_t)
  on conflict (event_id) do update
    set closes_at = coalesce(l.own_closes_at, excluded.closes_at),
        look_at = least(l.look_at, coalesce(l.own_closes_at, excluded.closes_at))
    where l.closes_at <> coalesce(l.own_closes_at, excluded.closes_at);
  select * into v_list from waitlist.list l where l.event_id = p_event;
  return v_list;
end $$;

-- From when on nobody is offered anything: an offer has five minutes, and ends before the list.
create function waitlist.last_offers_at@v(p_list waitlist.list) returns timestamptz
  language sql immutable as $$
  select case when p_list.closed_at is not null then '-infinity'
    else p_list.closes_at - interval '5 minutes' end
$$;

-- Somebody joins. p_r: entryId, organizerId, closesAt (unless staff has said another), caller, key,
-- bodyHash (hex), quantity, acceptsFewer, ticketTypeIds, sections, personKeys, person, userId.
-- Answers: joined with entryId (also the same request again); or idempotency_key_reused,
-- waitlist_closed, already_waiting, unknown_ticket_type (nothing that is wanted is there, or is
-- large enough), still_available, per_person_limit.
create function waitlist.join_list@v(p_event text, p_r jsonb, p_t timestamptz) returns jsonb
  language plpgsql as $$
declare
  v_list waitlist.list;
  v_known waitlist.entry;
  v_sale record;
  v_code text;
  v_entry text := p_r ->> 'entryId';
  v_quantity int := (p_r ->> 'quantity')::int;
  v_fewer boolean := (p_r ->> 'acceptsFewer')::boolean;
  v_types text[];
  v_sections text[];
  v_keys text[];
  v_pools text[]; v_weights int[]; v_wanted text[]; v_room int;
begin
  select l."ticketTypeIds", l.sections, l."personKeys" into v_types, v_sections, v_keys
  from jsonb_to_record(p_r) as l("ticketTypeIds" text[], sections text[], "personKeys" text[]);
  select * into v_known from waitlist.entry e
  where e.event_id = p_event and e.entry_id = coalesce((
    select x.entry_id from waitlist.entry x
    where x.event_id = p_event and x.caller = p_r ->> 'caller' and x.key = p_r ->> 'key'
      and x.key is not null), v_entry);
  if v_known.entry_id is not null then
    return jsonb_build_object('entryId', v_known.entry_id, 'verdict',
      case when encode(v_known.body_hash, 'hex') = p_r ->> 'bodyHash' then 'joined'
        else 'idempotency_key_reused' end);
  end if;
  perform inventory.reclaim_due@v(p_event, p_t);
  v_sale := inventory.sale_now@v(p_event, p_t);
  v_list := waitlist.open_list@v(
    p_event, p_r ->> 'organizerId', (p_r ->> 'closesAt')::timestamptz, p_t);
  perform waitlist.follow_plan@v(p_event, v_sale.plan_version);
  select d.pools, d.weights, d.wanted into v_pools, v_weights, v_wanted
  from waitlist.demand_of@v(p_event, v_types, v_sections, v_quantity, v_fewer, p_t) d;
  v_room := waitlist.room_for@v(p_event, v_pools, v_sections, v_quantity, p_t);
  v_code := case
    when v_sale.refusal in ('event_cancelled', 'sale_closed', 'not_found')
      or p_t >= waitlist.last_offers_at@v(v_list) then 'waitlist_closed'
    when exists (select from waitlist.person p
      where p.event_id = p_event and p.person_key = any (v_keys)) then 'already_waiting'
    when v_pools is null then 'unknown_ticket_type'
    when v_room >= v_quantity then 'still_available'
    else inventory.cap_refusal@v(p_event, v_sale.person_limit, v_keys, v_quantity, null, p_t)
  end;
  if v_code is not null then
    return jsonb_build_object('verdict', v_code, 'limit', v_sale.person_limit);
  end if;
  update waitlist.list l set last_rank = l.last_rank + 1, live = l.live + 1
  where l.event_id = p_event returning l.last_rank into v_list.last_rank;
  insert into waitlist.entry (event_id, entry_id, rank, status, quantity, accepts_fewer,
    ticket_type_ids, sections, pool_ids, weights, person_keys, person, user_id, caller, key,
    body_hash, joined_at)
  values (p_event, v_entry, v_list.last_rank, 'waiting', v_quantity, v_fewer, v_types, v_sections,
    v_pools, v_weights, v_keys, p_r -> 'person', p_r ->> 'userId', p_r ->> 'caller', p_r ->> 'key',
    decode(p_r ->> 'bodyHash', 'hex'), p_t);
  insert into waitlist.person (event_id, person_key, entry_id)
  select p_event, k.key, v_entry from (select distinct unnest(v_keys) as key) k;
  perform waitlist.write_wants@v(p_event, v_entry, v_wanted);
  perform inventory.change_waiting@v(p_event, v_pools, v_weights);
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'waitlist_joined',
    jsonb_build_object('entryId', v_entry, 'quantity', v_quantity));
  return jsonb_build_object('verdict', 'joined', 'entryId', v_entry);
end $$;

-- These wait no more: nothing of theirs counts among the takers, except p_taken places of the pool
-- of each, which inventory has counted off already (the arrays are as long as p_entries, or null).
create function waitlist.stop_waiting@v(
  p_event text, p_entries text[], p_taken_pools text[], p_taken int[]
) returns void language plpgsql as $$
declare
  v_pools text[];
  v_by int[];
begin
  select array_agg(c.pool_id), array_agg(c.more) into v_pools, v_by
  from (
    select p.pool_id, sum(- p.weight
      + case when p.pool_id = n.pool_id then n.taken else 0 end)::int as more
    from rows from (unnest(p_entries), unnest(p_taken_pools), unnest(p_taken))
      as n(entry_id, pool_id, taken)
    cross join lateral (
      select x.weights, x.pool_ids from waitlist.entry x
      where x.event_id = p_event and x.entry_id = n.entry_id and x.status = 'waiting' offset 0
    ) e
    cross join lateral unnest(e.pool_ids, e.weights) as p(pool_id, weight)
    group by p.pool_id
  ) c;
  delete from waitlist.want w where w.event_id = p_event and w.entry_id = any (p_entries);
  if v_pools is not null then
    perform inventory.change_waiting@v(p_event, v_pools, v_by);
  end if;
end $$;

-- Entries end; those that have ended stay as they are. Answers how many did.
create function waitlist.end_entries@v(
  p_event text, p_entries text[], p_to text, p_as text, p_t timestamptz
) returns int language plpgsql as $$
declare
  v_ended text[];
begin
  if p_entries is null then
    return 0;
  end if;
  perform waitlist.stop_waiting@v(p_event, p_entries, null, null);
  with ended as (
    update waitlist.entry e
    set status = p_to, ended_at = p_t, ended_as = case when p_to <> 'converted' then p_as end
    where e.event_id = p_event and e.entry_id = any (p_entries)
      and e.status in ('waiting', 'offered')
    returning e.entry_id
  )
  select array_agg(x.entry_id) into v_ended from ended x;
  delete from waitlist.person p where p.event_id = p_event and p.entry_id = any (v_ended);
  update waitlist.list l set live = l.live - cardinality(v_ended)
  where l.event_id = p_event and v_ended is not null;
  if p_to <> 'converted' then
    insert into kernel.outbox (event_id, kind, data)
    select p_event, case p_to when 'left' then 'waitlist_left' else 'waitlist_closed' end,
      jsonb_build_object('entryId', e.entry_id, 'reason', p_as)
    from unnest(v_ended) as e(entry_id);
  end if;
  return coalesce(cardinality(v_ended), 0);
end $$;

-- Somebody leaves. An offer that they have goes to the next. Answers: left (also when they had), or
-- not_found, or waitlist_entry_ended: they have accepted, or bought.
create function waitlist.leave_list@v(p_event text, p_entry text, p_t timestamptz) returns jsonb
  language plpgsql as $$
declare
  v_entry waitlist.entry;
  v_answer jsonb;
begin
  select * into v_entry from waitlist.entry e
  where e.event_id = p_event and e.entry_id = p_entry;
  if v_entry.entry_id is null then
    return '{"verdict": "not_found"}';
  elsif v_entry.status in ('left', 'closed') then
    return '{"verdict": "left"}';
  elsif v_entry.status = 'converted' then
    return '{"verdict": "waitlist_entry_ended"}';
  elsif v_entry.status = 'waiting' then
    perform waitlist.end_entries@v(p_event, array[p_entry], 'left', 'left', p_t);
    return '{"verdict": "left"}';
  end if;
  v_answer := waitlist.decline_offer@v(p_event, v_entry.offer_id, p_t);
  return case v_answer ->> 'verdict' when 'accepted' then '{"verdict": "waitlist_entry_ended"}'
    else '{"verdict": "left"}'::jsonb end;
end $$;

-- When to look what became of an offer; null: never again.
create function waitlist.look_up_at@v(p_event text, p_offer text, p_at timestamptz) returns void
  language plpgsql as $$
begin
  delete from waitlist.pending_offer n
  where n.event_id = p_event and n.offer_id = p_offer and n.due_at = (
    select o.due_at from waitlist.offer o
    where o.event_id = p_event and o.offer_id = p_offer);
  update waitlist.offer o set due_at = p_at
  where o.event_id = p_event and o.offer_id = p_offer;
  insert into waitlist.pending_offer (event_id, due_at, offer_id)
  select p_event, p_at, p_offer where p_at is not null;
end $$;

-- An open offer ends: its places go to the next, its entry with it. p_to: declined, expired or
-- withdrawn. The hold may have lapsed before.
create function waitlist.end_offer@v(
  p_event text, p_offer text, p_to text, p_entry_to text, p_t timestamptz
) returns void language plpgsql as $$
declare
  v_entry text;
  v_hold text;
begin
  update waitlist.offer o set status = p_to, answered_at = p_t
  where o.event_id = p_event and o.offer_id = p_offer
  returning o.entry_id, o.hold_id into v_entry, v_hold;
  perform waitlist.look_up_at@v(p_event, p_offer, null);
  perform inventory.release_hold@v(p_event, v_hold);
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, case p_to when 'declined' then 'offer_declined' when 'expired'
      then 'offer_expired' else 'offer_withdrawn' end,
    jsonb_build_object('offerId', p_offer, 'entryId', v_entry));
  perform waitlist.end_entries@v(p_event, array[v_entry], p_entry_to, p_to, p_t);
end $$;

-- Answers: declined (also when it was); accepted, expired, withdrawn (what it is instead);
-- not_found.
create function waitlist.decline_offer@v(p_event text, p_offer text, p_t timestamptz)
  returns jsonb language plpgsql as $$
declare
  v_offer waitlist.offer;
begin
  select * into v_offer from waitlist.offer o
  where o.event_id = p_event and o.offer_id = p_offer;
  if v_offer.status = 'open' and v_offer.expires_at <= p_t then
    return '{"verdict": "expired"}';
  elsif v_offer.status = 'open' then
    perform waitlist.end_offer@v(p_event, p_offer, 'declined', 'left', p_t);
    return '{"verdict": "declined"}';
  end if;
  return jsonb_build_object('verdict', coalesce(v_offer.status, 'not_found'));
end $$;

-- The places of an offer become a shopping session. p_r: offerId, shoppingMs. Whoever accepts late
-- still has the shopping time of the event, where the list does not close before. Answers: accepted
-- with sessionId (also when it was); declined, expired, withdrawn; not_found.
create function waitlist.accept_offer@v(p_event text, p_r jsonb, p_t timestamptz)
  returns jsonb language plpgsql as $$
declare
  v_offer waitlist.offer;
  v_entry waitlist.entry;
  v_sale record;
  v_until timestamptz;
begin
  select * into v_offer from waitlist.offer o
  where o.event_id = p_event and o.offer_id = p_r ->> 'offerId';
  if v_offer.status = 'open' and v_offer.expires_at > p_t then
    select least(l.closes_at, p_t + (p_r ->> 'shoppingMs')::int * interval '1 millisecond')
    into v_until from waitlist.list l where l.event_id = p_event;
    v_until := inventory.lengthen_hold@v(
      p_event, v_offer.hold_id, p_t, date_trunc('milliseconds', v_until));
  end if;
  if v_until is null then
    return jsonb_build_object('sessionId', v_offer.session_id, 'verdict', case v_offer.status
      when 'open' then 'expired' else coalesce(v_offer.status, 'not_found') end);
  end if;
  select * into v_entry from waitlist.entry e
  where e.event_id = p_event and e.entry_id = v_offer.entry_id;
  v_sale := inventory.sale_now@v(p_event, p_t);
  update waitlist.offer o set status = 'accepted', answered_at = p_t
  where o.event_id = p_event and o.offer_id = v_offer.offer_id;
  perform inventory.watch_hold@v(p_event, v_offer.hold_id);
  perform waitlist.look_up_at@v(p_event, v_offer.offer_id, v_until);
  update waitlist.list l set look_at = least(l.look_at, v_until) where l.event_id = p_event;
  perform sessions.start_with@v(p_event, v_offer.session_id, v_offer.hold_id,
    v_sale.organizer_id, v_sale.currency, v_entry.user_id, v_entry.person, p_t, v_until);
  insert into kernel.outbox (event_id, kind, data)
  values (p_event, 'offer_accepted',
    jsonb_build_object('offerId', v_offer.offer_id, 'entryId', v_offer.entry_id));
  return jsonb_build_object('verdict', 'accepted', 'sessionId', v_offer.session_id);
end $$;

-- The event has moved, or its doors have: whatever else is set stays as it is. p_r: organizerId,
-- closesAt (unless staff has said another). Of an event without a list nothing is done.
create function waitlist.follow_event@v(p_event text, p_r jsonb, p_t timestamptz) returns jsonb
  language plpgsql as $$
begin
  if exists (select from waitlist.list l where l.event_id = p_event) then
    perform waitlist.open_list@v(
      p_event, p_r ->> 'organizerId', (p_r ->> 'closesAt')::timestamptz, p_t);
    update waitlist.list l set look_at = p_t where l.event_id = p_event;
  end if;
  return '{"verdict": "done"}';
end $$;

-- Staff sets the terms. p_r: organizerId, closesAt (where ownClosesAt is null), ownClosesAt,
-- offerMinutes, isOpen. What is closed ends with the next look at the list.
create function waitlist.set_list@v(p_event text, p_r jsonb, p_t timestamptz) returns jsonb
  language plpgsql as $$
begin
  perform waitlist.open_list@v(
    p_event, p_r ->> 'organizerId', (p_r ->> 'closesAt')::timestamptz, p_t);
  update waitlist.list l
  set offer_minutes = (p_r ->> 'offerMinutes')::int,
      own_closes_at = (p_r ->> 'ownClosesAt')::timestamptz,
      closes_at = coalesce(p_r ->> 'ownClosesAt', p_r ->> 'closesAt')::timestamptz,
      closed_at = case when (p_r ->> 'isOpen')::boolean then null
        else coalesce(l.closed_at, p_t) end,
      look_at = p_t
  where l.event_id = p_event;
  return '{"verdict": "done"}';
end $$;
