-- What is on sale and who holds it. Every key leads with event_id, so that every transaction of the
-- selling side touches exactly one event and one shard.

create schema inventory;
grant usage on schema inventory to fanfare_app, fanfare_lane, fanfare_auditor;

-- One row per event, and its lock: whoever changes places of an event locks this row first.
create table inventory.sale (
  event_id text primary key,
  organizer_id text not null,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  state text not null default 'unpublished'
    check (state in ('unpublished', 'open', 'paused', 'closed', 'cancelled')),
  opens_at timestamptz,
  closes_at timestamptz,
  ends_at timestamptz not null,
  hold_ms int not null check (hold_ms between 60000 and 3600000),
  person_limit int check (person_limit between 1 and 1000),
  total_capacity int check (total_capacity between 0 and 1000000),
  -- Counts the changes; the version of what availability shows.
  version bigint not null default 0
);
create index sale_organizer on inventory.sale (organizer_id);

-- A counted capacity. The constraint is the last line of the rules: no code path oversells.
create table inventory.pool (
  event_id text not null references inventory.sale,
  pool_id text not null,
  name text not null,
  capacity int not null check (capacity between 0 and 1000000),
  held int not null default 0 check (held >= 0),
  claimed int not null default 0 check (claimed >= 0),
  sold int not null default 0 check (sold >= 0),
  reserved int not null default 0 check (reserved >= 0),
  blocked int not null default 0 check (blocked >= 0),
  primary key (event_id, pool_id),
  constraint pool_never_oversold
    check (held + claimed + sold + reserved + blocked <= capacity)
);

create table inventory.ticket_type (
  event_id text not null,
  ticket_type_id text not null,
  pool_id text not null,
  price_minor int not null check (price_minor between 0 and 99999999),
  min_per_order int not null default 1 check (min_per_order >= 1),
  max_per_order int not null check (max_per_order >= min_per_order),
  opens_at timestamptz,
  closes_at timestamptz,
  needs_code boolean not null default false,
  withdrawn_at timestamptz,
  primary key (event_id, ticket_type_id),
  foreign key (event_id, pool_id) references inventory.pool
);
create index ticket_type_pool on inventory.ticket_type (event_id, pool_id);

-- `granted_until`, `caller`, `key` and `body_hash` are frozen: the answer to a repeated request is
-- rebuilt from them. `expires_at` is what counts now.
create table inventory.hold (
  event_id text not null references inventory.sale,
  hold_id text not null,
  status text not null check (status in ('active', 'claimed', 'sold', 'released', 'lapsed')),
  caller text not null,
  key text not null,
  body_hash bytea not null,
  -- What was granted first; a swap changes the lines, not this.
  granted_items jsonb not null,
  -- From the moment that an order stands on it: it is not changed or given up any more.
  bound boolean not null default false,
  -- Whether a key was presented at creation; such a hold opens only to that caller.
  guarded boolean not null,
  made_at timestamptz not null,
  granted_until timestamptz not null,
  expires_at timestamptz not null,
  primary key (event_id, hold_id),
  unique (event_id, caller, key)
);
create index hold_lapsing on inventory.hold (event_id, expires_at, hold_id) where status = 'active';
create index hold_lapsing_anywhere on inventory.hold (expires_at) where status = 'active';

create table inventory.hold_item (
  event_id text not null,
  hold_id text not null,
  line int not null check (line >= 0),
  ticket_type_id text not null,
  pool_id text not null,
  quantity int not null check (quantity >= 1),
  returned int not null default 0 check (returned between 0 and quantity),
  unit_price_minor int not null check (unit_price_minor >= 0),
  primary key (event_id, hold_id, line),
  foreign key (event_id, hold_id) references inventory.hold on delete cascade,
  foreign key (event_id, ticket_type_id) references inventory.ticket_type
);
create index hold_item_ticket_type on inventory.hold_item (event_id, ticket_type_id);
create index hold_item_pool on inventory.hold_item (event_id, pool_id, hold_id);

-- What each known key of a person occupies. A row ends with its hold, or shrinks with a refund.
create table inventory.person_use (
  event_id text not null,
  person_key text not null,
  hold_id text not null,
  quantity int not null check (quantity >= 0),
  primary key (event_id, person_key, hold_id),
  foreign key (event_id, hold_id) references inventory.hold on delete cascade
);
create index person_use_hold on inventory.person_use (event_id, hold_id);

-- Holds of events long past, moved here in slices so that the live tables stay small.
create table inventory.hold_archive (
  event_id text not null,
  hold_id text not null,
  hold jsonb not null,
  items jsonb not null,
  archived_at timestamptz not null default clock_timestamp(),
  primary key (event_id, hold_id)
);

create trigger hold_state before insert or update of status on inventory.hold
  for each row execute function kernel.guard_state('hold', 'hold_id', 'status', 'guard');

grant select, insert, update on inventory.sale to fanfare_app, fanfare_lane;
grant select, insert, update, delete on inventory.pool, inventory.ticket_type, inventory.hold,
  inventory.hold_item, inventory.person_use to fanfare_app, fanfare_lane;
grant delete on inventory.sale to fanfare_app;
grant select, insert on inventory.hold_archive to fanfare_app, fanfare_lane;
grant select on all tables in schema inventory to fanfare_auditor;

insert into kernel.transition (machine, from_state, to_state) values
  ('hold', '', 'active'),
  ('hold', 'active', 'claimed'), ('hold', 'active', 'released'), ('hold', 'active', 'lapsed'),
  ('hold', 'claimed', 'sold'), ('hold', 'claimed', 'released');
