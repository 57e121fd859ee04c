-- Four eyes: what gives much away is asked for by one person and approved by another.

create schema approvals;
grant usage on schema approvals to fanfare_app, fanfare_auditor;

-- From where on a second person is needed; null: never. A change is a new row, with who made it.
create table approvals.threshold (
  organizer_id text not null,
  version int not null check (version >= 1),
  -- In minor units of whatever currency an order is in.
  refund_above_minor int check (refund_above_minor >= 0),
  complimentary_above int check (complimentary_above >= 0),
  set_by text not null,
  set_at timestamptz not null,
  primary key (organizer_id, version)
);
grant select, insert on approvals.threshold to fanfare_app;

create table approvals.approval (
  event_id text not null,
  approval_id text not null,
  organizer_id text not null,
  kind text not null check (kind in ('refund', 'complimentary')),
  status text not null default 'requested' check (status in
    ('requested', 'approved', 'executed', 'rejected', 'expired', 'failed')),
  -- All that is needed to do it later: it is done as it was approved, or not at all.
  intent jsonb not null,
  -- The order it is about, or that came of it.
  order_id text,
  amount_minor int check (amount_minor >= 0),
  currency text,
  places int not null check (places >= 1),
  reason text not null check (length(reason) between 1 and 200),
  requested_by text not null,
  decided_by text,
  failure_code text,
  made_at timestamptz not null,
  expires_at timestamptz not null,
  decided_at timestamptz,
  ended_at timestamptz,
  primary key (event_id, approval_id),
  check (status in ('requested', 'expired') or decided_by is not null),
  -- The second person, once more: also for whoever comes past the code.
  check (status not in ('approved', 'executed', 'failed') or decided_by <> requested_by)
);
create index approval_page on approvals.approval (organizer_id, approval_id);
create index approval_open on approvals.approval (expires_at) where status = 'requested';
grant select, insert, update on approvals.approval to fanfare_app;
grant select (event_id, approval_id, organizer_id, kind, status, order_id, amount_minor, places,
  requested_by, decided_by, made_at, decided_at, ended_at) on approvals.approval to fanfare_auditor;

create function approvals.guard_approvals() returns trigger language plpgsql
  set enable_hashjoin = on set enable_nestloop = off as $$
declare
  v_events text[];
  v_objects text[];
  v_from text[];
  v_to text[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.event_id), array_agg(n.approval_id), array_agg(null::text),
      array_agg(n.status)
    into v_events, v_objects, v_from, v_to from new_rows n;
  else
    select array_agg(n.event_id), array_agg(n.approval_id), array_agg(o.status),
      array_agg(n.status)
    into v_events, v_objects, v_from, v_to
    from new_rows n
    join old_rows o on o.event_id = n.event_id and o.approval_id = n.approval_id
    where o.status <> n.status;
  end if;
  if v_objects is not null then
    perform kernel.move_states('approval', v_events, v_objects, v_from, v_to, v_objects);
  end if;
  return null;
end $$;
create trigger approval_made after insert on approvals.approval referencing new table as new_rows
  for each statement execute function approvals.guard_approvals();
create trigger approval_moved after update on approvals.approval
  referencing old table as old_rows new table as new_rows
  for each statement execute function approvals.guard_approvals();

insert into kernel.transition (machine, from_state, to_state) values
  ('approval', '', 'requested'),
  ('approval', 'requested', 'approved'), ('approval', 'requested', 'rejected'),
  ('approval', 'requested', 'expired'),
  ('approval', 'approved', 'executed'), ('approval', 'approved', 'failed');
