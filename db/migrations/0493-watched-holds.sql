-- Holds of which somebody wants to know when they have ended, and those of them that have. What ends
-- a hold moves its row from one table to the other: nobody has to ask again and again.
create table inventory.watched_hold (
  event_id text not null,
  hold_id text not null,
  primary key (event_id, hold_id)
);
create table inventory.ended_watch (
  event_id text not null,
  hold_id text not null,
  primary key (event_id, hold_id)
);
grant select, insert, update, delete on inventory.watched_hold, inventory.ended_watch
  to fanfare_app, fanfare_lane;
grant select on inventory.watched_hold, inventory.ended_watch to fanfare_auditor;
