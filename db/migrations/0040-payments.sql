-- Money: payments and refunds by event, the webhook inbox. A payment names what it pays for by an
-- opaque reference. Amounts are integer minor units.

create schema payments;
grant usage on schema payments to fanfare_app, fanfare_lane, fanfare_auditor;

create table payments.payment (
  event_id text not null,
  payment_id text not null,
  reference text not null,
  organizer_id text not null,
  method text not null check (method in ('payment_intent', 'checkout_session', 'simulated')),
  amount_minor int not null check (amount_minor > 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  status text not null default 'created' check (status in
    ('created', 'processing', 'authorized', 'captured', 'voided', 'failed', 'unknown', 'disputed')),
  captured_minor int not null default 0 check (captured_minor between 0 and amount_minor),
  provider_id text,
  client_secret text,
  failure_code text,
  card_fingerprint text,
  -- When a look at the provider is due although no webhook came.
  check_at timestamptz,
  unknown_since timestamptz,
  -- How often an answer did not come; part of the next call's idempotency key.
  attempt int not null default 0,
  made_at timestamptz not null default clock_timestamp(),
  primary key (event_id, payment_id),
  check ((status in ('captured', 'disputed')) = (captured_minor > 0))
);
-- One capture per order, whatever happens in two tabs.
create unique index payment_one_capture on payments.payment (event_id, reference)
  where captured_minor > 0;
create index payment_of on payments.payment (event_id, reference);
create index payment_to_check on payments.payment (check_at) where check_at is not null;
create index payment_provider on payments.payment (provider_id) where provider_id is not null;

create table payments.refund (
  event_id text not null,
  refund_id text not null,
  payment_id text not null,
  amount_minor int not null check (amount_minor > 0),
  reason text not null check (length(reason) between 1 and 200),
  status text not null default 'owed'
    check (status in ('owed', 'submitted', 'pending', 'succeeded', 'failed')),
  provider_id text,
  attempt int not null default 0,
  failure_code text,
  made_at timestamptz not null default clock_timestamp(),
  primary key (event_id, refund_id),
  foreign key (event_id, payment_id) references payments.payment
);
create index refund_of on payments.refund (event_id, payment_id);
create index refund_open on payments.refund (made_at)
  where status in ('owed', 'submitted', 'pending', 'failed');

-- Webhooks by the provider's id: a repeated one is known. Global, and not part of selling.
create table payments.webhook (
  webhook_id text primary key,
  type text not null,
  object_id text,
  received_at timestamptz not null default clock_timestamp()
);
create index webhook_received on payments.webhook (received_at);

create trigger payment_state before insert or update of status on payments.payment
  for each row execute function kernel.guard_state('payment', 'payment_id', 'status', 'log');
create trigger refund_state before insert or update of status on payments.refund
  for each row execute function kernel.guard_state('refund', 'refund_id', 'status', 'log');

grant select, insert, update on payments.payment, payments.refund to fanfare_app, fanfare_lane;
grant select, insert, delete on payments.webhook to fanfare_app;
grant select on all tables in schema payments to fanfare_auditor;

insert into kernel.transition (machine, from_state, to_state) values
  ('payment', '', 'created'),
  ('payment', 'created', 'processing'), ('payment', 'created', 'authorized'),
  ('payment', 'created', 'captured'), ('payment', 'created', 'voided'),
  ('payment', 'created', 'failed'), ('payment', 'created', 'unknown'),
  ('payment', 'processing', 'authorized'), ('payment', 'processing', 'captured'),
  ('payment', 'processing', 'voided'), ('payment', 'processing', 'failed'),
  ('payment', 'processing', 'unknown'),
  ('payment', 'authorized', 'captured'), ('payment', 'authorized', 'voided'),
  ('payment', 'authorized', 'failed'), ('payment', 'authorized', 'unknown'),
  ('payment', 'unknown', 'processing'), ('payment', 'unknown', 'authorized'),
  ('payment', 'unknown', 'captured'), ('payment', 'unknown', 'voided'),
  ('payment', 'unknown', 'failed'),
  ('payment', 'captured', 'disputed'), ('payment', 'disputed', 'captured'),
  ('refund', '', 'owed'),
  ('refund', 'owed', 'submitted'),
  ('refund', 'submitted', 'pending'), ('refund', 'submitted', 'succeeded'),
  ('refund', 'submitted', 'failed'), ('refund', 'submitted', 'owed'),
  ('refund', 'pending', 'succeeded'), ('refund', 'pending', 'failed'),
  ('refund', 'succeeded', 'failed'), ('refund', 'failed', 'owed');
