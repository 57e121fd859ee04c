-- Buildings and their floor plans. A floor plan (configuration) has versions; a published one never
-- changes, so that what is on sale by it stays what it was.

create schema venues;
grant usage on schema venues to fanfare_app, fanfare_lane, fanfare_auditor;

create table venues.venue (
  venue_id text primary key,
  organizer_id text not null,
  name text not null check (length(name) between 1 and 200),
  timezone text not null,
  address text check (length(address) <= 500),
  -- How many people the authorities let in at once.
  legal_capacity int check (legal_capacity between 1 and 1000000),
  version int not null default 1,
  made_at timestamptz not null default clock_timestamp()
);
create index venue_of_organizer on venues.venue (organizer_id, venue_id);

create table venues.configuration (
  configuration_id text primary key,
  venue_id text not null references venues.venue,
  -- Versions of one floor plan share its name.
  name text not null check (length(name) between 1 and 100),
  version int not null check (version >= 1),
  status text not null check (status in ('draft', 'published')),
  -- From when on, and until when, the building looks like this; null: without end.
  valid_from timestamptz not null,
  valid_to timestamptz check (valid_to > valid_from),
  seats int not null check (seats >= 0),
  -- The most people, whatever an organizer chooses where there is a choice.
  capacity int not null check (capacity >= 0),
  -- The document (floor-plan.ts) as compressed JSON, and the hash of that JSON.
  plan bytea not null,
  plan_hash bytea not null,
  -- Once an event has taken it, it is not deleted.
  used boolean not null default false,
  made_at timestamptz not null default clock_timestamp(),
  unique (venue_id, name, version)
);
create index configuration_by_validity on venues.configuration (venue_id, valid_from);

grant select, insert, update, delete on venues.venue, venues.configuration to fanfare_app;
grant select on venues.venue, venues.configuration to fanfare_lane, fanfare_auditor;

insert into identity.role (role, description, scopes) values
  ('venue_manager', 'Describes buildings and their floor plans',
    '{events:read,venues:read,venues:write,statistics:read}');
update identity.role set scopes = scopes || '{venues:read,venues:write}'
where role in ('platform_admin', 'admin', 'manager');
update identity.role set scopes = scopes || '{venues:read}' where role in ('box_office', 'analyst');
-- Keys that are there may do what their role may, unless they were given less on purpose.
update identity.api_key k set scopes = r.scopes
from identity.role r
where r.role = k.role and r.scopes <> k.scopes and r.scopes @> k.scopes
  and k.scopes @> array(
    select s from unnest(r.scopes) as s where s not in ('venues:read', 'venues:write'));
