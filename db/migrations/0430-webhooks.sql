-- Outgoing webhooks: where organizers want facts sent to, what is sent, and how that went.

create schema webhooks;
grant usage on schema webhooks to fanfare_app, fanfare_auditor;

create table webhooks.endpoint (
  endpoint_id text primary key,
  organizer_id text not null,
  url text not null,
  -- Null: all but those that come with every hold.
  kinds text[],
  description text not null,
  status text not null check (status in ('active', 'paused', 'disabled')),
  disabled_reason text check (disabled_reason in ('by_hand', 'gone', 'failing')),
  -- The secret is made from the instance's secret, the id and this number.
  secret_no int not null default 1 check (secret_no >= 1),
  -- Until then the secret before is good, too.
  previous_until timestamptz,
  -- Nothing has arrived since.
  failing_since timestamptz,
  failed_at timestamptz,
  failures int not null default 0,
  -- Nothing is sent before: it has asked for a pause, or fails again and again.
  quiet_until timestamptz,
  made_at timestamptz not null,
  check ((status = 'disabled') = (disabled_reason is not null))
) with (fillfactor = 70);
create index endpoint_page on webhooks.endpoint (organizer_id, endpoint_id);
grant select, insert, update, delete on webhooks.endpoint to fanfare_app;
grant select (endpoint_id, organizer_id, status, disabled_reason, failing_since, failed_at,
  failures, made_at) on webhooks.endpoint to fanfare_auditor;

-- One message to one endpoint: a fact, or (without an event) a test.
create table webhooks.delivery (
  endpoint_id text not null,
  delivery_id text not null,
  event_id text,
  seq bigint,
  kind text not null,
  -- As it is signed and sent, byte for byte.
  body text not null,
  status text not null check (status in ('waiting', 'delivered', 'failed')),
  attempts int not null default 0,
  -- How many of the schedule have failed.
  step int not null default 0,
  next_at timestamptz,
  -- It is to be sent once, then, whatever its turn.
  asked_at timestamptz,
  made_at timestamptz not null,
  delivered_at timestamptz,
  primary key (endpoint_id, delivery_id),
  unique (endpoint_id, event_id, seq),
  check ((event_id is null) = (seq is null))
) with (fillfactor = 70);
create index delivery_waiting on webhooks.delivery (endpoint_id, event_id, seq)
  where status = 'waiting' and event_id is not null;
create index delivery_asked on webhooks.delivery (endpoint_id, asked_at)
  where asked_at is not null;
create index delivery_made on webhooks.delivery (made_at);
grant select, insert, update, delete on webhooks.delivery to fanfare_app;
grant select (endpoint_id, delivery_id, event_id, seq, kind, status, attempts, step, next_at,
  made_at, delivered_at) on webhooks.delivery to fanfare_auditor;

-- What an endpoint answered may say anything: the auditor does not read it.
create table webhooks.attempt (
  endpoint_id text not null,
  delivery_id text not null,
  number int not null,
  at timestamptz not null,
  status_code int,
  latency_ms int not null,
  error text,
  response text not null,
  primary key (endpoint_id, delivery_id, number),
  foreign key (endpoint_id, delivery_id) references webhooks.delivery on delete cascade
);
grant select, insert, delete on webhooks.attempt to fanfare_app;
grant select (endpoint_id, delivery_id, number, at, status_code, latency_ms, error)
  on webhooks.attempt to fanfare_auditor;

-- The messages of one event that wait for one endpoint: only the first of them is sent. The row is
-- locked by whoever adds one and by whoever takes the last one away.
create table webhooks.stream (
  endpoint_id text not null,
  event_id text not null,
  next_at timestamptz not null,
  token bigint not null default 0,
  claimed_until timestamptz not null default '-infinity',
  primary key (endpoint_id, event_id)
) with (fillfactor = 50);
create index stream_due on webhooks.stream (endpoint_id, next_at);
grant select, insert, update, delete on webhooks.stream to fanfare_app;
grant select on webhooks.stream to fanfare_auditor;

update identity.role set scopes = scopes || '{webhooks:read,webhooks:write}'
where role in ('platform_admin', 'admin');
-- Keys that are there may do what their role may, unless they were given less on purpose.
update identity.api_key k set scopes = r.scopes
from identity.role r
where r.role = k.role and r.scopes <> k.scopes and r.scopes @> k.scopes
  and k.scopes @> array(
    select s from unnest(r.scopes) as s where s not in ('webhooks:read', 'webhooks:write'));
