-- States are guarded and logged once per statement instead of once per row: a batch that confirms
-- two hundred orders asks the table of transitions once and writes its log in one insert.

-- Refuses an edge that is not in kernel.transition, and logs the changes. The arrays are as long as
-- each other: the objects, from what to what they moved (p_from null: they are new), and for whom
-- somebody acted. Who acts is `fanfare.actor`; a batch of several actors names them in
-- `fanfare.actors`, a JSON object from p_for to the actor.
create function kernel.move_states(
  p_machine text, p_events text[], p_objects text[], p_from text[], p_to text[], p_for text[]
) returns void language plpgsql
  set enable_hashjoin = on as $$
declare
  v_illegal text;
begin
  select coalesce(c.old_state, '(new)') || ' to ' || c.new_state into v_illegal
  from unnest(p_from, p_to) as c(old_state, new_state)
  where not exists (
    select from kernel.transition t
    where t.machine = p_machine and t.from_state = coalesce(c.old_state, '')
      and t.to_state = c.new_state
  ) limit 1;
  if v_illegal is not null then
    raise exception 'illegal % transition: %', p_machine, v_illegal
      using errcode = 'check_violation', constraint = 'guard_state';
  end if;
  with acting as materialized (
    select nullif(current_setting('fanfare.actors', true), '')::jsonb as named,
      coalesce(nullif(current_setting('fanfare.actor', true), ''), 'system') as otherwise,
      nullif(current_setting('fanfare.request_id', true), '') as request_id
  )
  insert into kernel.state_change
    (event_id, machine, object_id, from_state, to_state, actor, request_id)
  select c.event_id, p_machine, c.object_id, c.old_state, c.new_state,
    coalesce(a.named ->> c.acted_for, a.otherwise), a.request_id
  from unnest(p_events, p_objects, p_from, p_to, p_for)
    as c(event_id, object_id, old_state, new_state, acted_for)
  cross join acting a;
end $$;

-- Callers pin the planner to look-ups by key; in these functions two sets are compared, by hash: a
-- loop, which looks best for the few rows of the first statement and is kept for all later ones,
-- makes the work grow with their square.

create function orders.guard_orders() returns trigger language plpgsql
  set enable_hashjoin = on set enable_nestloop = off as $$
declare
  v_events text[];
  v_objects text[];
  v_from text[];
  v_to text[];
  v_for text[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.event_id), array_agg(n.order_id), array_agg(null::text),
      array_agg(n.status), array_agg(n.order_id)
    into v_events, v_objects, v_from, v_to, v_for from new_rows n;
  else
    select array_agg(n.event_id), array_agg(n.order_id), array_agg(o.status),
      array_agg(n.status), array_agg(n.order_id)
    into v_events, v_objects, v_from, v_to, v_for
    from new_rows n
    join old_rows o on o.event_id = n.event_id and o.order_id = n.order_id
    where o.status <> n.status;
  end if;
  if v_objects is not null then
    perform kernel.move_states('order', v_events, v_objects, v_from, v_to, v_for);
  end if;
  return null;
end $$;
drop trigger order_state on orders.order;
create trigger order_made after insert on orders.order referencing new table as new_rows
  for each statement execute function orders.guard_orders();
create trigger order_moved after update on orders.order
  referencing old table as old_rows new table as new_rows
  for each statement execute function orders.guard_orders();

create function orders.guard_tickets() returns trigger language plpgsql
  set enable_hashjoin = on set enable_nestloop = off as $$
declare
  v_events text[];
  v_objects text[];
  v_from text[];
  v_to text[];
  v_for text[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.event_id), array_agg(n.ticket_id), array_agg(null::text),
      array_agg(n.status), array_agg(n.order_id)
    into v_events, v_objects, v_from, v_to, v_for from new_rows n;
  else
    select array_agg(n.event_id), array_agg(n.ticket_id), array_agg(o.status),
      array_agg(n.status), array_agg(n.order_id)
    into v_events, v_objects, v_from, v_to, v_for
    from new_rows n
    join old_rows o on o.event_id = n.event_id and o.ticket_id = n.ticket_id
    where o.status <> n.status;
  end if;
  if v_objects is not null then
    perform kernel.move_states('ticket', v_events, v_objects, v_from, v_to, v_for);
  end if;
  return null;
end $$;
drop trigger ticket_state on orders.ticket;
create trigger ticket_made after insert on orders.ticket referencing new table as new_rows
  for each statement execute function orders.guard_tickets();
create trigger ticket_moved after update on orders.ticket
  referencing old table as old_rows new table as new_rows
  for each statement execute function orders.guard_tickets();

create function payments.guard_payments() returns trigger language plpgsql
  set enable_hashjoin = on set enable_nestloop = off as $$
declare
  v_events text[];
  v_objects text[];
  v_from text[];
  v_to text[];
  v_for text[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.event_id), array_agg(n.payment_id), array_agg(null::text),
      array_agg(n.status), array_agg(n.reference)
    into v_events, v_objects, v_from, v_to, v_for from new_rows n;
  else
    select array_agg(n.event_id), array_agg(n.payment_id), array_agg(o.status),
      array_agg(n.status), array_agg(n.reference)
    into v_events, v_objects, v_from, v_to, v_for
    from new_rows n
    join old_rows o on o.event_id = n.event_id and o.payment_id = n.payment_id
    where o.status <> n.status;
  end if;
  if v_objects is not null then
    perform kernel.move_states('payment', v_events, v_objects, v_from, v_to, v_for);
  end if;
  return null;
end $$;
drop trigger payment_state on payments.payment;
create trigger payment_made after insert on payments.payment referencing new table as new_rows
  for each statement execute function payments.guard_payments();
create trigger payment_moved after update on payments.payment
  referencing old table as old_rows new table as new_rows
  for each statement execute function payments.guard_payments();

create function payments.guard_refunds() returns trigger language plpgsql
  set enable_hashjoin = on set enable_nestloop = off as $$
declare
  v_events text[];
  v_objects text[];
  v_from text[];
  v_to text[];
  v_for text[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.event_id), array_agg(n.refund_id), array_agg(null::text),
      array_agg(n.status), array_agg(n.refund_id)
    into v_events, v_objects, v_from, v_to, v_for from new_rows n;
  else
    select array_agg(n.event_id), array_agg(n.refund_id), array_agg(o.status),
      array_agg(n.status), array_agg(n.refund_id)
    into v_events, v_objects, v_from, v_to, v_for
    from new_rows n
    join old_rows o on o.event_id = n.event_id and o.refund_id = n.refund_id
    where o.status <> n.status;
  end if;
  if v_objects is not null then
    perform kernel.move_states('refund', v_events, v_objects, v_from, v_to, v_for);
  end if;
  return null;
end $$;
drop trigger refund_state on payments.refund;
create trigger refund_made after insert on payments.refund referencing new table as new_rows
  for each statement execute function payments.guard_refunds();
create trigger refund_moved after update on payments.refund
  referencing old table as old_rows new table as new_rows
  for each statement execute function payments.guard_refunds();
