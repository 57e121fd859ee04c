-- Where nothing may be sold for the moment: everything ('all'), an organizer's events, or one event.
-- Processes keep it in memory and read it here about once a second; whoever stops does not wait for
-- this table.
create table kernel.selling_stop (
  scope text primary key check (length(scope) between 1 and 100),
  since timestamptz not null,
  actor text not null,
  reason text check (length(reason) <= 200)
);
grant select, insert, update, delete on kernel.selling_stop to fanfare_app;
grant select on kernel.selling_stop to fanfare_auditor;
