-- Uses of promo codes. Whoever calls these holds the event's lock, so that a use is counted once
-- and never beyond what the code allows.

-- Null where an order may use this code now, for so many of its tickets; else promo_code_invalid
-- (unknown, disabled, before or after its time: all the same), promo_code_over_limit,
-- promo_code_used_up, or promo_code_changed: its terms are not those of p_version any more.
create function promotions.code_refusal@v(
  p_event text, p_code text, p_quantity int, p_version int, p_t timestamptz
) returns text language plpgsql stable as $$
declare
  v_code promotions.promo_code;
begin
  select * into v_code from promotions.promo_code c
  where c.event_id = p_event and c.code = p_code;
  return case
    when v_code.code is null or v_code.disabled_at is not null
      or v_code.valid_from > p_t or v_code.valid_until <= p_t then 'promo_code_invalid'
    when p_quantity > v_code.max_tickets then 'promo_code_over_limit'
    when v_code.used >= v_code.max_uses then 'promo_code_used_up'
    when v_code.version <> p_version then 'promo_code_changed'
  end;
end $$;

-- Until the transaction ends nobody changes the terms of this code: what was asked of it stays
-- true.
create function promotions.lock_code@v(p_event text, p_code text) returns void
  language plpgsql as $$
begin
  perform from promotions.promo_code c
  where c.event_id = p_event and c.code = p_code for no key update;
end $$;

-- An order uses a code, for so many tickets. Null, or promo_code_used_up.
create function promotions.use_code@v(
  p_event text, p_code text, p_order text, p_quantity int, p_t timestamptz
) returns text language plpgsql as $$
begin
  update promotions.promo_code c set used = c.used + 1
  where c.event_id = p_event and c.code = p_code
    and (c.max_uses is null or c.used < c.max_uses);
  if not found then
    return 'promo_code_used_up';
  end if;
  insert into promotions.code_use (event_id, order_id, code, quantity, made_at)
  values (p_event, p_order, p_code, p_quantity, p_t);
  return null;
end $$;

-- An order came to nothing: its use is somebody else's again. Does nothing where it was returned,
-- or where it used no code.
create function promotions.return_use@v(p_event text, p_order text) returns void
  language plpgsql as $$
declare
  v_code text;
begin
  update promotions.code_use u set returned = true
  where u.event_id = p_event and u.order_id = p_order and not u.returned
  returning u.code into v_code;
  if v_code is not null then
    update promotions.promo_code c set used = c.used - 1
    where c.event_id = p_event and c.code = v_code;
  end if;
end $$;

-- An order that had come to nothing is honoured after all, because its payment came late: it uses
-- its code again. Null, also where it uses none or still does; or promo_code_used_up.
create function promotions.use_again@v(p_event text, p_order text) returns text
  language plpgsql as $$
declare
  v_code text;
begin
  select u.code into v_code from promotions.code_use u
  where u.event_id = p_event and u.order_id = p_order and u.returned;
  if v_code is null then
    return null;
  end if;
  update promotions.promo_code c set used = c.used + 1
  where c.event_id = p_event and c.code = v_code
    and (c.max_uses is null or c.used < c.max_uses);
  if not found then
    return 'promo_code_used_up';
  end if;
  update promotions.code_use u set returned = false
  where u.event_id = p_event and u.order_id = p_order;
  return null;
end $$;
