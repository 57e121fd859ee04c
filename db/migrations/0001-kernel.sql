-- What every room stands on: roles, the instance secret, state machines, the audit log, facts,
-- jobs, idempotency keys. Forward only; roles are made by the migrator before this file runs.

create schema kernel;
grant usage on schema kernel to fanfare_app, fanfare_lane, fanfare_auditor;

create table kernel.instance (
  only_row boolean primary key check (only_row),
  secret bytea not null check (length(secret) = 32),
  made_at timestamptz not null default clock_timestamp()
);
grant select, insert on kernel.instance to fanfare_app;

-- The business instant: what the caller says, else the wall clock *now*, not the transaction's
-- start. Call it after the locks are held.
create function kernel.instant(p_now timestamptz) returns timestamptz
  language sql volatile parallel safe
  return coalesce(p_now, clock_timestamp());

-- State machines are data: the rooms' tables of transitions, installed by the migrator.
create table kernel.transition (
  machine text not null,
  from_state text not null,
  to_state text not null,
  primary key (machine, from_state, to_state)
);
grant select on kernel.transition to fanfare_app, fanfare_lane, fanfare_auditor;

-- Every change of state of an order, payment, refund, ticket or event: append-only, with its actor,
-- without personal data.
create table kernel.state_change (
  event_id text not null,
  seq bigint generated always as identity,
  machine text not null,
  object_id text not null,
  from_state text,
  to_state text not null,
  actor text not null,
  request_id text,
  at timestamptz not null default clock_timestamp(),
  primary key (event_id, seq)
);
create index state_change_object on kernel.state_change (event_id, object_id, seq);
grant select, insert on kernel.state_change to fanfare_app, fanfare_lane;
grant select on kernel.state_change to fanfare_auditor;

-- Guards one table's state column: refuses an edge that is not in kernel.transition, and logs the
-- change. Arguments: machine, id column, state column, 'log' or 'guard'.
create function kernel.guard_state() returns trigger language plpgsql as $$
declare
  v_machine text := tg_argv[0];
  v_new jsonb := to_jsonb(new);
  v_to text := v_new ->> tg_argv[2];
  v_from text := case when tg_op = 'UPDATE' then to_jsonb(old) ->> tg_argv[2] end;
begin
  if v_from is not distinct from v_to then
    return new;
  end if;
  if not exists (
    select from kernel.transition t
    where t.machine = v_machine and t.from_state = coalesce(v_from, '') and t.to_state = v_to
  ) then
    raise exception 'illegal % transition: % to %', v_machine, coalesce(v_from, '(new)'), v_to
      using errcode = 'check_violation', constraint = 'guard_state';
  end if;
  if tg_argv[3] = 'log' then
    insert into kernel.state_change (event_id, machine, object_id, from_state, to_state, actor, request_id)
    values (
      v_new ->> 'event_id', v_machine, v_new ->> tg_argv[1], v_from, v_to,
      coalesce(nullif(current_setting('fanfare.actor', true), ''), 'system'),
      nullif(current_setting('fanfare.request_id', true), '')
    );
  end if;
  return new;
end $$;

-- Facts: written in the transaction that makes them true, unnumbered; a relay numbers and
-- publishes them. They carry ids, never personal data.
create table kernel.outbox (
  event_id text not null,
  id bigint generated always as identity,
  kind text not null,
  version int not null default 1,
  data jsonb not null,
  at timestamptz not null default clock_timestamp(),
  primary key (event_id, id)
);
grant select, insert on kernel.outbox to fanfare_app, fanfare_lane;
grant select on kernel.outbox to fanfare_auditor;

-- Work for a machine. `key` names the piece of work: while one is waiting, the same work is not
-- enqueued twice. A lease, not a lock: whoever dies loses the job after `leased_until`.
create table kernel.job (
  id bigint generated always as identity primary key,
  kind text not null,
  key text not null,
  data jsonb not null default '{}',
  run_at timestamptz not null default clock_timestamp(),
  attempts int not null default 0,
  leased_until timestamptz,
  lease_token bigint not null default 0,
  last_error text,
  parked_at timestamptz,
  made_at timestamptz not null default clock_timestamp(),
  unique (kind, key)
);
create index job_due on kernel.job (run_at) where parked_at is null;
grant select, insert, update, delete on kernel.job to fanfare_app, fanfare_lane;

create table kernel.idempotency (
  caller text not null,
  key text not null,
  route text not null,
  body_hash bytea not null,
  state text not null default 'running' check (state in ('running', 'done')),
  status int,
  body jsonb,
  location text,
  running_until timestamptz,
  made_at timestamptz not null default clock_timestamp(),
  primary key (caller, key),
  check (state <> 'done' or status is not null)
);
create index idempotency_made on kernel.idempotency (made_at);
grant select, insert, update, delete on kernel.idempotency to fanfare_app;

-- The sandbox's test clock, shared by all processes of an instance.
create table kernel.test_clock (
  only_row boolean primary key check (only_row),
  offset_ms bigint not null
);
grant select, insert, update on kernel.test_clock to fanfare_app;
