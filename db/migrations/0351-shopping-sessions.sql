-- A buyer's visit to the selection page: one countdown, what was chosen, who buys. The places
-- themselves are the hold's, the purchase is the order's; a session only names them.

alter table catalog.event
  -- How long a shopping session of the event lasts from its beginning.
  add shopping_minutes int not null default 30 check (shopping_minutes between 1 and 60);

create schema sessions;
grant usage on schema sessions to fanfare_app, fanfare_lane, fanfare_auditor;

create table sessions.session (
  event_id text not null,
  session_id text not null,
  organizer_id text not null,
  currency text not null,
  -- The person whose own key made it; null for a guest.
  user_id text,
  status text not null
    check (status in ('open', 'purchasing', 'completed', 'expired', 'abandoned')),
  -- Counts the changes: who changes a session names the one that they have read.
  version int not null default 1,
  made_at timestamptz not null,
  -- The end of the countdown. It does not move.
  expires_at timestamptz not null,
  -- Who made it, and their name for the request, where they gave one.
  caller text not null,
  key text,
  -- The hold of the selection, and how many holds there have been: the name of the next.
  hold_id text,
  hold_no int not null default 0,
  buyer jsonb,
  attendees jsonb,
  method text,
  -- Where the provider's page sends the buyer, if it is to be that.
  return_url text,
  -- The cap per person that the selection is over, for the buyer who was named.
  over_limit int,
  -- Why the last payment failed, until the buyer has changed how to pay.
  decline_code text,
  -- The order that was made of it last.
  order_id text,
  -- When it is looked at although nobody asks: at its end; later, to delete it.
  look_at timestamptz not null,
  primary key (event_id, session_id),
  check (status not in ('purchasing', 'completed') or order_id is not null),
  check (hold_id is null or hold_no > 0)
) with (fillfactor = 50);
create unique index session_by_key on sessions.session (event_id, caller, key)
  where key is not null;
create index session_looked_at on sessions.session (look_at);

-- As the guards of other tables, but without a log: a session has nothing that its order does not
-- have.
create function sessions.guard_sessions() returns trigger language plpgsql
  set enable_hashjoin = on set enable_nestloop = off as $$
declare
  v_illegal text;
begin
  if tg_op = 'INSERT' then
    select n.status into v_illegal from new_rows n where n.status <> 'open' limit 1;
  else
    select o.status || ' to ' || n.status into v_illegal
    from new_rows n
    join old_rows o on o.event_id = n.event_id and o.session_id = n.session_id
    where o.status <> n.status and not exists (
      select from kernel.transition t
      where t.machine = 'session' and t.from_state = o.status and t.to_state = n.status
    ) limit 1;
  end if;
  if v_illegal is not null then
    raise exception 'illegal session transition: %', v_illegal
      using errcode = 'check_violation', constraint = 'guard_state';
  end if;
  return null;
end $$;
create trigger session_made after insert on sessions.session referencing new table as new_rows
  for each statement execute function sessions.guard_sessions();
create trigger session_moved after update on sessions.session
  referencing old table as old_rows new table as new_rows
  for each statement execute function sessions.guard_sessions();

grant select, insert, update, delete on sessions.session to fanfare_app;
grant select, update on sessions.session to fanfare_lane;
-- Nothing of who buys.
grant select (event_id, session_id, organizer_id, status, made_at, expires_at, hold_id, order_id)
  on sessions.session to fanfare_auditor;

insert into kernel.transition (machine, from_state, to_state) values
  ('session', '', 'open'),
  ('session', 'open', 'purchasing'), ('session', 'open', 'expired'), ('session', 'open', 'abandoned'),
  ('session', 'purchasing', 'open'), ('session', 'purchasing', 'completed'),
  ('session', 'purchasing', 'expired'), ('session', 'purchasing', 'abandoned'),
  ('session', 'expired', 'completed'), ('session', 'abandoned', 'completed');
