-- Facts are relayed: what a transaction has announced in kernel.outbox gets its numbers and goes to
-- kernel.fact, where everybody reads it. The outbox is a list of work: what is in it was not
-- relayed. Before, nobody read what it had; it begins empty.
truncate kernel.outbox;
alter table kernel.outbox drop constraint outbox_pkey;
alter table kernel.outbox add primary key (id);
-- A queue: most of its rows are dead at any time.
alter table kernel.outbox set (autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_insert_threshold = -1);
-- Which facts became true together.
alter table kernel.outbox add tx xid8 not null default pg_current_xact_id();
grant delete on kernel.outbox to fanfare_app;

-- `n` counts all facts, in the order in which they became visible; `seq` those of one event, from 1
-- and without a gap. Never changed; deleted when it is old and everybody has read it.
create table kernel.fact (
  n bigint primary key,
  event_id text not null,
  seq bigint not null,
  kind text not null,
  version int not null,
  data jsonb not null,
  at timestamptz not null,
  tx xid8 not null,
  relayed_at timestamptz not null,
  unique (event_id, seq)
);
grant select, insert, delete on kernel.fact to fanfare_app;
grant select on kernel.fact to fanfare_auditor;

create table kernel.fact_count (
  event_id text primary key,
  facts bigint not null
) with (fillfactor = 50);
grant select, insert, update on kernel.fact_count to fanfare_app;
grant select on kernel.fact_count to fanfare_auditor;

-- Whoever relays holds this row.
create table kernel.relay (
  only_row boolean primary key check (only_row),
  last_n bigint not null
) with (fillfactor = 50);
insert into kernel.relay values (true, 0);
grant select, update on kernel.relay to fanfare_app;

-- Who reads facts, how far they are, and which process does it at the moment.
create table kernel.consumer (
  name text primary key,
  position bigint not null,
  lease_token bigint not null default 0,
  leased_until timestamptz not null default '-infinity'
) with (fillfactor = 50);
grant select, insert, update, delete on kernel.consumer to fanfare_app;

-- A fact that a consumer cannot handle, and all later ones of the same key, wait for a person.
create table kernel.parked_fact (
  consumer text not null,
  n bigint not null,
  key text not null,
  event_id text not null,
  seq bigint not null,
  kind text not null,
  version int not null,
  data jsonb not null,
  at timestamptz not null,
  error text not null,
  parked_at timestamptz not null default clock_timestamp(),
  primary key (consumer, n)
);
create index parked_fact_key on kernel.parked_fact (consumer, key, n);
grant select, insert, delete on kernel.parked_fact to fanfare_app;
