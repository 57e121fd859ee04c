-- What a decision on places is made of. Only functions that hold the event's lock call these.

-- Null where the event sells now; the refusal otherwise. p_sees: the organizer whose
-- staff asks, or `any` for the platform's; they know of a sale before everybody else does.
create function inventory.sale_refusal@v(p_sale inventory.sale, p_sees text, p_t timestamptz)
  returns text language sql immutable as $$
  select case
    when p_sale.event_id is null or p_sale.state = 'unpublished' then 'not_found'
    when p_sale.public_at > p_t and coalesce(p_sees, '') not in (p_sale.organizer_id, 'any')
      then 'not_found'
    when p_sale.state = 'cancelled' then 'event_cancelled'
    when p_sale.state = 'closed' or p_sale.closes_at <= p_t or p_sale.ends_at <= p_t
      then 'sale_closed'
    when p_sale.opens_at > p_t then 'sale_not_open'
    when p_sale.state = 'paused' then 'sale_paused'
  end
$$;

-- Null where so many of this ticket type may be held at once now; the refusal otherwise.
create function inventory.type_refusal@v(
  p_type inventory.ticket_type, p_quantity int, p_t timestamptz
) returns text language sql immutable as $$
  select case
    when p_type.ticket_type_id is null or p_type.withdrawn_at is not null then 'unknown_ticket_type'
    when p_type.needs_code then 'code_required'
    when p_type.opens_at > p_t then 'sale_not_open'
    when p_type.closes_at <= p_t then 'sale_closed'
    when p_quantity < p_type.min_per_order then 'below_order_minimum'
    when p_quantity > p_type.max_per_order then 'above_order_maximum'
  end
$$;

-- How many places this key of a person has now: sold, being paid for, or held. p_except: a hold
-- that is about to be given up.
create function inventory.used_by@v(p_event text, p_key text, p_except text, p_t timestamptz)
  returns int language plpgsql stable as $$
begin
  return (
    select coalesce(sum(u.quantity), 0)::int
    from inventory.person_use u
    where u.event_id = p_event and u.person_key = p_key and u.hold_id is distinct from p_except
      and (
        select h.status in ('claimed', 'sold') or (h.status = 'active' and h.expires_at > p_t)
        from inventory.hold h where h.event_id = u.event_id and h.hold_id = u.hold_id
      )
  );
end $$;

-- Null where this person may have so many more; the refusal otherwise. Every key counts by itself.
create function inventory.cap_refusal@v(
  p_event text, p_limit int, p_keys text[], p_more int, p_except text, p_t timestamptz
) returns text language plpgsql as $$
declare
  v_key text;
begin
  if p_limit is null then
    return null;
  elsif cardinality(p_keys) = 0 then
    return 'buyer_required';
  end if;
  foreach v_key in array p_keys loop
    if inventory.used_by@v(p_event, v_key, p_except, p_t) + p_more > p_limit then
      return 'per_person_limit';
    end if;
  end loop;
  return null;
end $$;

-- The lines of a hold: ticketTypeId, quantity, unitPriceMinor, and seatNos where it has seats.
create function inventory.items_of@v(p_hold inventory.hold) returns jsonb
  language plpgsql stable as $$
begin
  return (
    select jsonb_agg(
      jsonb_build_object('ticketTypeId', l.ticket_type_id, 'quantity', l.quantity,
        'unitPriceMinor', l.unit_price)
      || case when p_hold.seat_nos[l.upto] is null then '{}'::jsonb
        else jsonb_build_object('seatNos', to_jsonb(
          p_hold.seat_nos[l.upto - l.quantity + 1 : l.upto])) end
      order by l.line)
    from (
      select i.line, i.ticket_type_id, i.quantity, i.unit_price,
        sum(i.quantity) over (order by i.line)::int as upto
      from unnest(p_hold.ticket_type_ids, p_hold.quantities, p_hold.unit_prices)
        with ordinality as i(ticket_type_id, quantity, unit_price, line)
    ) l
  );
end $$;

-- What a hold is, as its buyer sees it; `items` as they are now.
create function inventory.hold_answer@v(p_event text, p_hold text) returns jsonb
  language plpgsql stable as $$
begin
  return (
    select jsonb_build_object(
      'verdict', 'granted', 'holdId', h.hold_id, 'expiresAt', h.expires_at, 'currency', s.currency,
      'items', inventory.items_of@v(h))
    from inventory.hold h join inventory.sale s on s.event_id = h.event_id
    where h.event_id = p_event and h.hold_id = p_hold
  );
end $$;
