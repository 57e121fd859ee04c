-- Organizers, people, roles and API keys.

create schema identity;
grant usage on schema identity to fanfare_app, fanfare_auditor;

create table identity.organizer (
  organizer_id text primary key,
  name text not null check (length(name) between 1 and 200),
  made_at timestamptz not null default clock_timestamp()
);

create table identity.role (
  role text primary key,
  description text not null,
  scopes text[] not null
);

create table identity.person (
  user_id text primary key,
  organizer_id text not null references identity.organizer,
  name text not null check (length(name) between 1 and 200),
  email text not null check (length(email) <= 254),
  mailbox text not null,
  made_at timestamptz not null default clock_timestamp(),
  unique (organizer_id, mailbox)
);
create index person_page on identity.person (organizer_id, user_id);

create table identity.api_key (
  key_id text primary key,
  organizer_id text not null references identity.organizer,
  user_id text references identity.person,
  role text not null references identity.role,
  scopes text[] not null,
  name text not null,
  shown_prefix text not null,
  secret_hash bytea not null unique check (length(secret_hash) = 32),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  made_at timestamptz not null default clock_timestamp()
);
create index api_key_page on identity.api_key (organizer_id, key_id);
create index api_key_role on identity.api_key (role);
create index api_key_person on identity.api_key (user_id) where user_id is not null;

grant select, insert, update on identity.organizer, identity.person, identity.api_key to fanfare_app;
grant select on identity.role to fanfare_app;
grant select on identity.organizer, identity.role to fanfare_auditor;

insert into identity.role (role, description, scopes) values
  ('platform_admin', 'Runs the installation: every organizer, every scope',
    '{platform:write,events:read,events:write,orders:read,orders:write,refunds:write,users:read,users:write,keys:write,statistics:read,audit:read,sandbox:write}'),
  ('admin', 'Runs one organizer',
    '{events:read,events:write,orders:read,orders:write,refunds:write,users:read,users:write,keys:write,statistics:read,audit:read}'),
  ('manager', 'Sets up events and looks after their buyers',
    '{events:read,events:write,orders:read,orders:write,refunds:write,users:read,statistics:read}'),
  ('box_office', 'Sells and looks up orders',
    '{events:read,orders:read,orders:write,users:read}'),
  ('analyst', 'Reads the numbers',
    '{events:read,statistics:read}'),
  ('fan', 'A person: sees and buys for themselves', '{}');
