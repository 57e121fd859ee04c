-- The waitlist: who wants what of a sold-out event, in which order, and what they are offered.

create schema waitlist;
grant usage on schema waitlist to fanfare_app, fanfare_lane, fanfare_auditor;

-- One for each event that somebody has waited for, or whose terms staff has set.
create table waitlist.list (
  event_id text primary key,
  organizer_id text not null,
  offer_minutes int not null default 30 check (offer_minutes between 5 and 1440),
  -- When it closes, as staff has said; null: some hours before the event starts.
  own_closes_at timestamptz,
  -- When it closes.
  closes_at timestamptz not null,
  -- Since when staff has closed it; nobody joins and nobody is offered anything.
  closed_at timestamptz,
  -- The rank that was given last; none is given twice.
  last_rank bigint not null default 0,
  -- Entries that have not ended.
  live int not null default 0 check (live >= 0),
  -- How many entries were offered something, and how many places were offered in all.
  served int not null default 0,
  offered_places int not null default 0,
  -- What ticket types there were, and of which pools, when `want` was written.
  terms_mark text not null default '',
  -- Up to which entry that was done; null: for all.
  terms_entry text,
  -- The version of the sale that was looked at last, and when to look although it is the same.
  seen_version bigint not null default -1,
  -- Whether something could be offered then.
  was_offering boolean not null default false,
  look_at timestamptz not null
) with (fillfactor = 50);

create table waitlist.entry (
  event_id text not null references waitlist.list,
  entry_id text not null,
  rank bigint not null check (rank > 0),
  status text not null check (status in ('waiting', 'offered', 'converted', 'left', 'closed')),
  quantity int not null check (quantity between 1 and 100),
  accepts_fewer boolean not null,
  -- In the order in which they are wanted; null: any that everybody may buy, the cheapest first.
  ticket_type_ids text[],
  -- Of pools of seats, only there; null: anywhere.
  sections text[],
  -- The pools that this means while it waits, and how many places of each are to be kept for it as
  -- they come free: more than it wants where not any of them would do.
  pool_ids text[] not null,
  weights int[] not null,
  person_keys text[] not null,
  -- Name and address; forgotten some days after the entry has ended.
  person jsonb,
  user_id text,
  caller text not null,
  key text,
  body_hash bytea not null,
  offer_id text,
  -- declined, expired, withdrawn, left, over_limit, unpaid, closed, nothing_left.
  ended_as text,
  joined_at timestamptz not null,
  offered_at timestamptz,
  ended_at timestamptz,
  primary key (event_id, entry_id),
  check ((status in ('left', 'closed')) = (ended_as is not null)),
  check (status <> 'offered' or offer_id is not null),
  check (cardinality(weights) = cardinality(pool_ids))
) with (fillfactor = 70);
-- Further indexes begin with another column: of two that begin with the event, a plan that was made
-- while the table was empty may use the wrong one.
create unique index entry_by_key on waitlist.entry (caller, key, event_id) where key is not null;
create index entry_forgotten on waitlist.entry (ended_at) where person is not null;

-- Under which keys of people somebody waits: one entry for each.
create table waitlist.person (
  event_id text not null,
  person_key text not null,
  entry_id text not null,
  primary key (event_id, person_key),
  foreign key (event_id, entry_id) references waitlist.entry
);
create index person_of_entry on waitlist.person (entry_id, event_id);

-- What those who wait could take: of which pool, in which section (empty: anywhere in it), and the
-- fewest places that would do. A row for each of these, and none for whoever does not wait.
create table waitlist.want (
  event_id text not null,
  pool_id text not null,
  section text not null,
  fewest int not null check (fewest >= 1),
  rank bigint not null,
  entry_id text not null,
  primary key (event_id, pool_id, section, fewest, rank),
  foreign key (event_id, entry_id) references waitlist.entry
);
create index want_of_entry on waitlist.want (entry_id, event_id);

-- A hold that was made for somebody who waits.
create table waitlist.offer (
  event_id text not null,
  offer_id text not null,
  entry_id text not null,
  hold_id text not null,
  -- The shopping session that it becomes when it is accepted.
  session_id text not null,
  status text not null
    check (status in ('open', 'accepted', 'declined', 'expired', 'withdrawn')),
  ticket_type_id text not null,
  quantity int not null check (quantity >= 1),
  -- Seats that are not next to each other: nothing better was left.
  apart boolean not null,
  made_at timestamptz not null,
  expires_at timestamptz not null,
  answered_at timestamptz,
  -- Its place among those that are pending; null: nothing is to be looked up any more.
  due_at timestamptz,
  primary key (event_id, offer_id),
  foreign key (event_id, entry_id) references waitlist.entry
) with (fillfactor = 70);
create unique index offer_of_hold on waitlist.offer (hold_id, event_id);
create index offer_of_entry on waitlist.offer (entry_id, event_id);

-- Offers of which it is not known yet what becomes of them, and when to look.
create table waitlist.pending_offer (
  event_id text not null,
  due_at timestamptz not null,
  offer_id text not null,
  primary key (event_id, due_at, offer_id)
) with (fillfactor = 50);

-- As the guards of other tables, without a log: the facts tell what happened.
create function waitlist.guard_entries() returns trigger language plpgsql
  set enable_hashjoin = on set enable_nestloop = off as $$
declare
  v_illegal text;
begin
  if tg_op = 'INSERT' then
    select n.status into v_illegal from new_rows n where n.status <> 'waiting' limit 1;
  else
    select o.status || ' to ' || n.status into v_illegal
    from new_rows n
    join old_rows o on o.event_id = n.event_id and o.entry_id = n.entry_id
    where o.status <> n.status and not exists (
      select from kernel.transition t
      where t.machine = 'waitlist_entry' and t.from_state = o.status and t.to_state = n.status
    ) limit 1;
  end if;
  if v_illegal is not null then
    raise exception 'illegal waitlist_entry transition: %', v_illegal
      using errcode = 'check_violation', constraint = 'guard_state';
  end if;
  return null;
end $$;
create trigger entry_made after insert on waitlist.entry referencing new table as new_rows
  for each statement execute function waitlist.guard_entries();
create trigger entry_moved after update on waitlist.entry
  referencing old table as old_rows new table as new_rows
  for each statement execute function waitlist.guard_entries();

create function waitlist.guard_offers() returns trigger language plpgsql
  set enable_hashjoin = on set enable_nestloop = off as $$
declare
  v_illegal text;
begin
  if tg_op = 'INSERT' then
    select n.status into v_illegal from new_rows n where n.status <> 'open' limit 1;
  else
    select o.status || ' to ' || n.status into v_illegal
    from new_rows n
    join old_rows o on o.event_id = n.event_id and o.offer_id = n.offer_id
    where o.status <> n.status and not exists (
      select from kernel.transition t
      where t.machine = 'waitlist_offer' and t.from_state = o.status and t.to_state = n.status
    ) limit 1;
  end if;
  if v_illegal is not null then
    raise exception 'illegal waitlist_offer transition: %', v_illegal
      using errcode = 'check_violation', constraint = 'guard_state';
  end if;
  return null;
end $$;
create trigger offer_made after insert on waitlist.offer referencing new table as new_rows
  for each statement execute function waitlist.guard_offers();
create trigger offer_moved after update on waitlist.offer
  referencing old table as old_rows new table as new_rows
  for each statement execute function waitlist.guard_offers();

grant select, insert, update, delete on all tables in schema waitlist
  to fanfare_app, fanfare_lane;
grant select on waitlist.list, waitlist.want, waitlist.offer, waitlist.pending_offer
  to fanfare_auditor;
-- Nothing of who waits.
grant select (event_id, entry_id, rank, status, quantity, accepts_fewer, ticket_type_ids, sections,
  pool_ids, weights, offer_id, ended_as, joined_at, offered_at, ended_at) on waitlist.entry
  to fanfare_auditor;

-- An offer that is accepted becomes a shopping session, in the same transaction.
grant insert on sessions.session to fanfare_lane;

insert into kernel.transition (machine, from_state, to_state) values
  ('waitlist_entry', '', 'waiting'),
  ('waitlist_entry', 'waiting', 'offered'), ('waitlist_entry', 'waiting', 'left'),
  ('waitlist_entry', 'waiting', 'closed'),
  ('waitlist_entry', 'offered', 'converted'), ('waitlist_entry', 'offered', 'left'),
  ('waitlist_entry', 'offered', 'closed'),
  ('waitlist_offer', '', 'open'),
  ('waitlist_offer', 'open', 'accepted'), ('waitlist_offer', 'open', 'declined'),
  ('waitlist_offer', 'open', 'expired'), ('waitlist_offer', 'open', 'withdrawn');
