-- Events and ticket types as people read them. What may be sold of them is inventory's.

create schema catalog;
grant usage on schema catalog to fanfare_app, fanfare_lane, fanfare_auditor;

create table catalog.event (
  event_id text primary key,
  organizer_id text not null,
  name text not null check (length(name) between 1 and 200),
  description text not null default '' check (length(description) <= 5000),
  starts_at timestamptz not null,
  ends_at timestamptz check (ends_at > starts_at),
  doors_at timestamptz check (doors_at <= starts_at),
  timezone text not null,
  venue_name text,
  currency text not null,
  visibility text not null check (visibility in ('public', 'hidden', 'scheduled')),
  public_at timestamptz check ((visibility = 'scheduled') = (public_at is not null)),
  refundable_until timestamptz,
  status text not null check (status in ('draft', 'published', 'cancelled', 'archived')),
  version int not null default 1,
  series text,
  made_at timestamptz not null default clock_timestamp()
);
create index event_by_time on catalog.event (starts_at, event_id) where status <> 'draft';
create index event_of_organizer on catalog.event (organizer_id, starts_at, event_id);
create index event_to_archive on catalog.event ((coalesce(ends_at, starts_at)))
  where status in ('published', 'cancelled');

create table catalog.ticket_type (
  event_id text not null references catalog.event on delete cascade,
  ticket_type_id text not null,
  name text not null check (length(name) between 1 and 100),
  description text not null default '' check (length(description) <= 2000),
  visibility text not null check (visibility in ('public', 'hidden', 'code')),
  position int generated always as identity,
  primary key (event_id, ticket_type_id)
);

-- Where an imported event came from; a second import finds it here. Not part of selling.
create table catalog.import_ref (
  organizer_id text not null,
  external_id text not null check (length(external_id) <= 200),
  event_id text not null,
  made_at timestamptz not null default clock_timestamp(),
  primary key (organizer_id, external_id)
);
create index import_ref_event on catalog.import_ref (event_id);

create trigger event_state before insert or update of status on catalog.event
  for each row execute function kernel.guard_state('event', 'event_id', 'status', 'log');

grant select, insert, update, delete on catalog.event, catalog.ticket_type, catalog.import_ref
  to fanfare_app;
grant select on catalog.event, catalog.ticket_type to fanfare_lane, fanfare_auditor;

insert into kernel.transition (machine, from_state, to_state) values
  ('event', '', 'draft'), ('event', '', 'published'),
  ('event', 'draft', 'published'), ('event', 'draft', 'cancelled'),
  ('event', 'published', 'cancelled'), ('event', 'published', 'archived'),
  ('event', 'cancelled', 'archived');
