-- How many seats are next to each other in an event, whoever has them: nobody waits for more than
-- that. A row for each section of a pool, and one for all of it ('').
create table waitlist.block (
  event_id text not null references waitlist.list,
  pool_id text not null,
  section text not null,
  longest int not null check (longest >= 1),
  primary key (event_id, pool_id, section)
);
grant select, insert, update, delete on waitlist.block to fanfare_app, fanfare_lane;
grant select on waitlist.block to fanfare_auditor;

-- As of which floor plan that is.
alter table waitlist.list add column plan_version int not null default -1;
