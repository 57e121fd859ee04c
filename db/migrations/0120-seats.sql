-- Seats on sale: one row per seat of an event, beside the counters of its pool.

create table inventory.seat (
  event_id text not null references inventory.sale,
  -- Its number in the event's plan, from 0; the place of its two bits in what availability shows.
  seat_no int not null check (seat_no between 0 and 999999),
  -- What buyers and organizers call it; the seat's id in the API.
  seat_key text not null check (length(seat_key) between 1 and 64),
  pool_id text not null,
  section text not null,
  -- Rows are numbered through the event. Neighbours differ by one in `place`; an aisle skips one.
  row_no int not null,
  place int not null,
  -- From the point that everybody wants to be near; lower is nearer.
  distance real not null,
  status text not null default 'free'
    check (status in ('free', 'held', 'claimed', 'sold', 'reserved', 'blocked')),
  hold_id text,
  expires_at timestamptz,
  primary key (event_id, seat_no),
  unique (event_id, seat_key),
  unique (event_id, row_no, place),
  foreign key (event_id, pool_id) references inventory.pool,
  check ((status in ('held', 'claimed', 'sold')) = (hold_id is not null)),
  check ((status = 'held') = (expires_at is not null))
) with (fillfactor = 60);

create index seat_of_pool on inventory.seat (event_id, pool_id);

alter table inventory.pool
  -- Its places are seats: nothing of it is sold by number alone.
  add seated boolean not null default false;
alter table inventory.sale
  -- Counts the changes of the plan itself: which seats there are.
  add plan_version int not null default 0;

grant select, insert, update, delete on inventory.seat to fanfare_app, fanfare_lane;
grant select on inventory.seat to fanfare_auditor;
