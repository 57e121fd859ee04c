-- Places that an organizer keeps off sale, and why: for the production, for sponsors, for the box
-- office; or a single seat behind a pillar. What is blocked in inventory is the sum of these.

create table catalog.allocation (
  event_id text not null references catalog.event on delete cascade,
  allocation_id text not null,
  name text not null check (length(name) between 1 and 100),
  reason text not null default '' check (length(reason) <= 500),
  -- Of a counted pool, how many; null where it is seats.
  pool_id text,
  quantity int check (quantity >= 1),
  -- When what is left of it goes on sale by itself.
  release_at timestamptz,
  made_at timestamptz not null default clock_timestamp(),
  primary key (event_id, allocation_id),
  check ((pool_id is null) = (quantity is null))
);
create index allocation_to_release on catalog.allocation (release_at) where release_at is not null;

-- A seat is in one allocation at most.
create table catalog.allocation_seat (
  event_id text not null,
  seat_key text not null,
  allocation_id text not null,
  primary key (event_id, seat_key),
  foreign key (event_id, allocation_id) references catalog.allocation on delete cascade
);
create index allocation_seat_of on catalog.allocation_seat (event_id, allocation_id);

grant select, insert, update, delete on catalog.allocation, catalog.allocation_seat to fanfare_app;
grant select on catalog.allocation, catalog.allocation_seat to fanfare_lane, fanfare_auditor;
