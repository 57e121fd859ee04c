-- A shopping session is purchased: it is locked, and an order is made of what it holds, in one
-- transaction; so there is no session that waits for an order which never came. The event's lock
-- comes first, then the sessions' rows.

-- p_requests: sessionId, version (the one that was looked at), and what book_batch takes, with the
-- session as the caller. Answers: as book_batch (placed also where this very request made the order
-- before); purchasing, completed, expired or abandoned (what the session is instead of open);
-- changed (it is not any more what was looked at); not_found.
create function sessions.purchase_batch@v(p_event text, p_now timestamptz, p_requests jsonb)
  returns jsonb language plpgsql
  set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
  set enable_bitmapscan = off set enable_material = off
  set cpu_tuple_cost = 100 set cpu_index_tuple_cost = 100
  set plan_cache_mode = force_generic_plan as $$
declare
  -- Its order may have ended by then, and the session with it.
  c_look_after constant interval := '10 seconds';
  v_t timestamptz;
  v_session sessions.session;
  v_word text;
  v_is_known boolean;
  -- Those that go on to be booked: where each stands, and whether its session is to be locked.
  v_booked jsonb := '[]';
  v_at int[] := '{}';
  v_locks boolean[] := '{}';
  v_made jsonb;
  v_attendees jsonb;
  v_answers jsonb[] := '{}';
  r record;
begin
  v_t := inventory.lock_sale@v(p_event, p_now);
  for r in
    select q.value, q.nth::int as nth from jsonb_array_elements(p_requests)
      with ordinality as q(value, nth) order by q.nth
  loop
    select * into v_session from sessions.session s
    where s.event_id = p_event and s.session_id = r.value ->> 'sessionId' for no key update;
    v_is_known := exists (select from orders.order_by_key@v(
      p_event, r.value ->> 'caller', r.value ->> 'key'));
    v_word := case
      when v_session.session_id is null then 'not_found'
      when v_is_known then null
      when v_session.status <> 'open' then v_session.status
      when v_session.expires_at <= v_t then 'expired'
      when v_session.version <> (r.value ->> 'version')::int
        or v_session.hold_id is distinct from r.value ->> 'holdId' then 'changed'
    end;
    v_answers[r.nth] := jsonb_build_object('verdict', v_word);
    continue when v_word is not null;
    v_booked := v_booked || r.value;
    v_at := v_at || r.nth;
    v_locks := v_locks || (not v_is_known);
  end loop;
  if v_at <> '{}' then
    v_made := shopping.book_batch@v(p_event, v_t, v_booked);
    for i in 1 .. cardinality(v_at) loop
      v_answers[v_at[i]] := v_made -> (i - 1);
      continue when not v_locks[i] or v_answers[v_at[i]] ->> 'verdict' <> 'placed';
      update sessions.session s
      set status = 'purchasing', order_id = v_answers[v_at[i]] ->> 'orderId', decline_code = null,
          version = s.version + 1, look_at = v_t + c_look_after
      where s.event_id = p_event and s.session_id = v_booked -> (i - 1) ->> 'sessionId'
      returning s.attendees into v_attendees;
      if jsonb_array_length(v_attendees) > 0 then
        perform orders.name_attendees@v(
          p_event, v_answers[v_at[i]] ->> 'orderId', v_attendees);
      end if;
    end loop;
  end if;
  return to_jsonb(v_answers);
end $$;

-- A session that begins with places: whoever calls this holds the event's lock and has a hold with
-- this session as its caller, which lasts until p_until. p_person: name (or null), email and
-- language (or null) of the buyer, who may still name another.
create function sessions.start_with@v(
  p_event text, p_session text, p_hold text, p_organizer text, p_currency text, p_user text,
  p_person jsonb, p_t timestamptz, p_until timestamptz
) returns void language plpgsql as $$
begin
  insert into sessions.session (event_id, session_id, organizer_id, currency, user_id, status,
    made_at, expires_at, caller, hold_id, hold_no, buyer, look_at)
  values (p_event, p_session, p_organizer, p_currency, p_user, 'open', p_t, p_until, 'offer',
    p_hold, 1, case when p_person ->> 'name' is not null
      then jsonb_build_object('name', p_person ->> 'name', 'email', p_person ->> 'email',
        'phone', null, 'language', p_person ->> 'language') end, p_until);
end $$;
