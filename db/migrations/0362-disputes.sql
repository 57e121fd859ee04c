-- A buyer's bank takes money back and asks who is right. While a dispute is open its payment is
-- `disputed`, the money is away, and nothing else may be given back; won, it returns; lost, it is
-- gone. A dispute has the provider's id.

create table payments.dispute (
  event_id text not null,
  dispute_id text not null,
  payment_id text not null,
  amount_minor int not null check (amount_minor > 0),
  reason text not null check (length(reason) between 1 and 200),
  status text not null default 'open' check (status in ('open', 'won', 'lost')),
  -- So much of what the payment was for is lost by it; the rest of the amount paid refunds that were
  -- owed, or was taken beyond them.
  lost_minor int not null default 0 check (lost_minor between 0 and amount_minor),
  opened_at timestamptz not null,
  closed_at timestamptz,
  -- When to look again although nobody has said anything.
  check_at timestamptz default clock_timestamp() + interval '1 hour',
  primary key (event_id, dispute_id),
  foreign key (event_id, payment_id) references payments.payment,
  check ((status = 'open') = (closed_at is null)),
  check (lost_minor = 0 or status = 'lost')
);
create index dispute_of on payments.dispute (event_id, payment_id);
create index dispute_to_check on payments.dispute (check_at) where check_at is not null;

grant select, insert, update on payments.dispute to fanfare_app, fanfare_lane;
grant select on payments.dispute to fanfare_auditor;

insert into kernel.transition (machine, from_state, to_state) values
  ('dispute', '', 'open'), ('dispute', 'open', 'won'), ('dispute', 'open', 'lost');

create function payments.guard_disputes() returns trigger language plpgsql
  set enable_hashjoin = on set enable_nestloop = off as $$
declare
  v_events text[];
  v_objects text[];
  v_from text[];
  v_to text[];
  v_for text[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.event_id), array_agg(n.dispute_id), array_agg(null::text),
      array_agg(n.status), array_agg(n.payment_id)
    into v_events, v_objects, v_from, v_to, v_for from new_rows n;
  else
    select array_agg(n.event_id), array_agg(n.dispute_id), array_agg(o.status),
      array_agg(n.status), array_agg(n.payment_id)
    into v_events, v_objects, v_from, v_to, v_for
    from new_rows n
    join old_rows o on o.event_id = n.event_id and o.dispute_id = n.dispute_id
    where o.status <> n.status;
  end if;
  if v_objects is not null then
    perform kernel.move_states('dispute', v_events, v_objects, v_from, v_to, v_for);
  end if;
  return null;
end $$;
create trigger dispute_made after insert on payments.dispute referencing new table as new_rows
  for each statement execute function payments.guard_disputes();
create trigger dispute_moved after update on payments.dispute
  referencing old table as old_rows new table as new_rows
  for each statement execute function payments.guard_disputes();
