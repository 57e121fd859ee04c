-- The log of changes becomes the timeline of each event: what it was about in money, what changed
-- without a state, and a chain of hashes that shows whether a line was changed, taken out, moved or
-- put in afterwards.
--
-- The chain costs the selling side nothing but the eight bytes of a transaction's number: whoever
-- seals comes later. A line is final once every transaction with a number up to its own has ended.

alter table kernel.state_change
  add column xid xid8 not null default pg_current_xact_id(),
  -- What the object is worth, in minor units of its event's currency.
  add column amount_minor bigint,
  -- What changed although the state did not; then from_state is to_state.
  add column note text check (length(note) between 1 and 200);
-- New lines stand at the end of the table: a block range index finds them and is not written to
-- with each line.
create index state_change_new on kernel.state_change
  using brin (seq) with (pages_per_range = 16, autosummarize = on);

-- Sealed lines, some at a time: the numbers of the lines in their order, the hash before the first
-- of them and after the last. Positions count the lines of an event from 1.
create table kernel.timeline (
  event_id text not null,
  first_position bigint not null check (first_position >= 1),
  seqs bigint[] not null check (cardinality(seqs) >= 1),
  hash_before bytea not null check (length(hash_before) = 32),
  hash bytea not null check (length(hash) = 32),
  sealed_at timestamptz not null default clock_timestamp(),
  primary key (event_id, first_position)
);
grant select, insert on kernel.timeline to fanfare_app;
grant select on kernel.timeline to fanfare_auditor;

-- How far the sealing is. Sealed is every line up to floor_seq, and of the later ones those up to
-- (sealed_xid, sealed_seq). What is up to next_floor is final once next_xid is. Transactions are
-- numbered by the server that system_id names: restored into another one, numbers begin anew.
create table kernel.sealing (
  only_row boolean primary key check (only_row),
  system_id bigint not null,
  floor_seq bigint not null,
  sealed_xid xid8 not null,
  sealed_seq bigint not null,
  next_floor bigint not null,
  next_xid xid8 not null
);
insert into kernel.sealing
select true, c.system_identifier, 0, '0', 0, 0, '0' from pg_control_system() c;
grant select, update on kernel.sealing to fanfare_app;
grant select on kernel.sealing to fanfare_auditor;
grant select on sequence kernel.state_change_seq_seq to fanfare_app;

-- A line as it is hashed. The chain of every event stands on this text: it never changes.
create function kernel.change_text(p_position bigint, p_change kernel.state_change) returns text
  language sql stable
  return json_build_array(p_position, p_change.event_id, p_change.machine, p_change.object_id,
    p_change.from_state, p_change.to_state, p_change.actor, p_change.request_id,
    to_char(p_change.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    p_change.amount_minor, p_change.note)::text;

create function kernel.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '%.% is only added to', tg_table_schema, tg_table_name
    using errcode = 'insufficient_privilege';
end $$;
create trigger only_added_to before update or delete or truncate on kernel.state_change
  for each statement execute function kernel.refuse_change();
create trigger only_added_to before update or delete or truncate on kernel.timeline
  for each statement execute function kernel.refuse_change();

-- As before, and what each object is worth (p_amounts; null: nothing is said).
create function kernel.move_states(
  p_machine text, p_events text[], p_objects text[], p_from text[], p_to text[], p_for text[],
  p_amounts bigint[]
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
    (event_id, machine, object_id, from_state, to_state, actor, request_id, amount_minor)
  select c.event_id, p_machine, c.object_id, c.old_state, c.new_state,
    coalesce(a.named ->> c.acted_for, a.otherwise), a.request_id, c.amount_minor
  from unnest(p_events, p_objects, p_from, p_to, p_for, p_amounts)
    as c(event_id, object_id, old_state, new_state, acted_for, amount_minor)
  cross join acting a;
end $$;

create or replace function kernel.move_states(
  p_machine text, p_events text[], p_objects text[], p_from text[], p_to text[], p_for text[]
) returns void language plpgsql as $$
begin
  perform kernel.move_states(p_machine, p_events, p_objects, p_from, p_to, p_for, null);
end $$;

-- A change that is none of state: a ticket's new code, another seat. p_for: for whom somebody acted,
-- as above.
create function kernel.note_change(
  p_event text, p_machine text, p_object text, p_state text, p_for text, p_amount_minor bigint,
  p_note text
) returns void language plpgsql as $$
begin
  insert into kernel.state_change
    (event_id, machine, object_id, from_state, to_state, actor, request_id, amount_minor, note)
  values (p_event, p_machine, p_object, p_state, p_state,
    coalesce(nullif(current_setting('fanfare.actors', true), '')::jsonb ->> p_for,
      nullif(current_setting('fanfare.actor', true), ''), 'system'),
    nullif(current_setting('fanfare.request_id', true), ''), p_amount_minor, left(p_note, 200));
end $$;

create or replace function orders.guard_orders() returns trigger language plpgsql
  set enable_hashjoin = on set enable_nestloop = off as $$
declare
  v_events text[];
  v_objects text[];
  v_from text[];
  v_to text[];
  v_for text[];
  v_amounts bigint[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.event_id), array_agg(n.order_id), array_agg(null::text),
      array_agg(n.status), array_agg(n.order_id), array_agg(n.total_minor)
    into v_events, v_objects, v_from, v_to, v_for, v_amounts from new_rows n;
  else
    select array_agg(n.event_id), array_agg(n.order_id), array_agg(o.status),
      array_agg(n.status), array_agg(n.order_id), array_agg(n.total_minor)
    into v_events, v_objects, v_from, v_to, v_for, v_amounts
    from new_rows n
    join old_rows o on o.event_id = n.event_id and o.order_id = n.order_id
    where o.status <> n.status;
  end if;
  if v_objects is not null then
    perform kernel.move_states('order', v_events, v_objects, v_from, v_to, v_for, v_amounts);
  end if;
  return null;
end $$;

create or replace function orders.guard_tickets() returns trigger language plpgsql
  set enable_hashjoin = on set enable_nestloop = off as $$
declare
  v_events text[];
  v_objects text[];
  v_from text[];
  v_to text[];
  v_for text[];
  v_amounts bigint[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.event_id), array_agg(n.ticket_id), array_agg(null::text),
      array_agg(n.status), array_agg(n.order_id), array_agg(n.price_minor)
    into v_events, v_objects, v_from, v_to, v_for, v_amounts from new_rows n;
  else
    select array_agg(n.event_id), array_agg(n.ticket_id), array_agg(o.status),
      array_agg(n.status), array_agg(n.order_id), array_agg(n.price_minor)
    into v_events, v_objects, v_from, v_to, v_for, v_amounts
    from new_rows n
    join old_rows o on o.event_id = n.event_id and o.ticket_id = n.ticket_id
    where o.status <> n.status;
  end if;
  if v_objects is not null then
    perform kernel.move_states('ticket', v_events, v_objects, v_from, v_to, v_for, v_amounts);
  end if;
  return null;
end $$;

-- What was taken, once something was; before, what is asked for.
create or replace function payments.guard_payments() returns trigger language plpgsql
  set enable_hashjoin = on set enable_nestloop = off as $$
declare
  v_events text[];
  v_objects text[];
  v_from text[];
  v_to text[];
  v_for text[];
  v_amounts bigint[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.event_id), array_agg(n.payment_id), array_agg(null::text),
      array_agg(n.status), array_agg(n.reference),
      array_agg(coalesce(nullif(n.captured_minor, 0), n.amount_minor))
    into v_events, v_objects, v_from, v_to, v_for, v_amounts from new_rows n;
  else
    select array_agg(n.event_id), array_agg(n.payment_id), array_agg(o.status),
      array_agg(n.status), array_agg(n.reference),
      array_agg(coalesce(nullif(n.captured_minor, 0), n.amount_minor))
    into v_events, v_objects, v_from, v_to, v_for, v_amounts
    from new_rows n
    join old_rows o on o.event_id = n.event_id and o.payment_id = n.payment_id
    where o.status <> n.status;
  end if;
  if v_objects is not null then
    perform kernel.move_states('payment', v_events, v_objects, v_from, v_to, v_for, v_amounts);
  end if;
  return null;
end $$;

create or replace function payments.guard_refunds() returns trigger language plpgsql
  set enable_hashjoin = on set enable_nestloop = off as $$
declare
  v_events text[];
  v_objects text[];
  v_from text[];
  v_to text[];
  v_for text[];
  v_amounts bigint[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.event_id), array_agg(n.refund_id), array_agg(null::text),
      array_agg(n.status), array_agg(n.refund_id), array_agg(n.amount_minor)
    into v_events, v_objects, v_from, v_to, v_for, v_amounts from new_rows n;
  else
    select array_agg(n.event_id), array_agg(n.refund_id), array_agg(o.status),
      array_agg(n.status), array_agg(n.refund_id), array_agg(n.amount_minor)
    into v_events, v_objects, v_from, v_to, v_for, v_amounts
    from new_rows n
    join old_rows o on o.event_id = n.event_id and o.refund_id = n.refund_id
    where o.status <> n.status;
  end if;
  if v_objects is not null then
    perform kernel.move_states('refund', v_events, v_objects, v_from, v_to, v_for, v_amounts);
  end if;
  return null;
end $$;

-- What changes of a ticket beside its state. Statements that sell do not set these columns, so the
-- trigger is not even looked at there.
create function orders.note_ticket() returns trigger language plpgsql as $$
begin
  perform kernel.note_change(new.event_id, 'ticket', new.ticket_id, new.status, new.order_id,
    new.price_minor, concat_ws(', ',
      case when new.epoch <> old.epoch then 'code ' || new.epoch end,
      case when new.seat_key is distinct from old.seat_key
        then 'seat ' || coalesce(new.seat_key, 'none') end,
      case when new.price_minor <> old.price_minor then 'price' end,
      case when new.kept_minor <> old.kept_minor then 'kept ' || new.kept_minor end,
      case when new.complimentary <> old.complimentary then 'complimentary' end));
  return null;
end $$;
create trigger ticket_noted
  after update of epoch, seat_key, price_minor, kept_minor, complimentary on orders.ticket
  for each row when (new.epoch <> old.epoch or new.seat_key is distinct from old.seat_key
    or new.price_minor <> old.price_minor or new.kept_minor <> old.kept_minor
    or new.complimentary <> old.complimentary)
  execute function orders.note_ticket();

-- Value that goes back as credit has no state of its own.
create function orders.note_credit_return() returns trigger language plpgsql as $$
begin
  perform kernel.note_change(new.event_id, 'credit', new.refund_id, 'returned', new.order_id,
    new.amount_minor, 'of ' || new.order_id);
  return null;
end $$;
create trigger credit_return_noted after insert on orders.credit_return
  for each row execute function orders.note_credit_return();
