-- The sandbox: what the simulated Stripe remembers, and a double-entry ledger that is written
-- independently of the payments room, so that an audit can hold one against the other.

create schema sandbox;
grant usage on schema sandbox to fanfare_app, fanfare_lane, fanfare_auditor;

-- Every API object, as it is sent. `parent` is the PaymentIntent that it hangs from, `owner` the
-- connected account ('' is the account itself), `hidden` what the API never shows.
create table sandbox.object (
  id text primary key,
  seq bigint generated always as identity unique,
  type text not null,
  owner text not null,
  parent text references sandbox.object (id),
  created_s bigint not null,
  data jsonb not null,
  hidden jsonb not null default '{}',
  check (data ->> 'id' = id and data ->> 'object' = type),
  constraint intent_amounts check (
    type <> 'payment_intent'
    or (
      (data ->> 'amount_received')::bigint >= 0
      and (data ->> 'amount_capturable')::bigint >= 0
      and (data ->> 'amount_received')::bigint + (data ->> 'amount_capturable')::bigint
        <= (data ->> 'amount')::bigint
    )
  ),
  constraint charge_amounts check (
    type <> 'charge'
    or (
      (data ->> 'amount_refunded')::bigint between 0 and (data ->> 'amount_captured')::bigint
      and (data ->> 'amount_captured')::bigint <= (data ->> 'amount')::bigint
    )
  )
);
create index object_list on sandbox.object (type, owner, created_s desc, seq desc);
create index object_parent on sandbox.object (parent, type);
grant select, insert, update, delete on sandbox.object to fanfare_app;
grant select on sandbox.object to fanfare_auditor;

-- One line of a posting; a positive amount is what the account receives. The lines of a posting
-- sum to zero in each currency. Append-only.
create table sandbox.ledger_line (
  id bigint generated always as identity primary key,
  posting_id text not null,
  intent_id text not null references sandbox.object (id),
  source_id text not null references sandbox.object (id),
  kind text not null check (kind in ('capture', 'fee', 'refund', 'refund_settled', 'refund_failed')),
  account text not null check (account in ('cards', 'balance', 'fees', 'refunds_in_transit')),
  amount_minor bigint not null check (amount_minor <> 0),
  currency text not null check (currency ~ '^[a-z]{3}$'),
  at timestamptz not null
);
create index ledger_line_posting on sandbox.ledger_line (posting_id);
create index ledger_line_intent on sandbox.ledger_line (intent_id);
create index ledger_line_source on sandbox.ledger_line (source_id);
grant select, insert on sandbox.ledger_line to fanfare_app;
grant select on sandbox.ledger_line to fanfare_auditor;

create function sandbox.posting_sums_to_zero() returns trigger language plpgsql as $$
begin
  if exists (
    select from sandbox.ledger_line l
    where l.posting_id = new.posting_id
    group by l.currency
    having sum(l.amount_minor) <> 0
  ) then
    raise exception 'posting % does not sum to zero', new.posting_id
      using errcode = 'check_violation', constraint = 'posting_sums_to_zero';
  end if;
  return null;
end $$;

-- Deferred: the lines of a posting come one by one, the sum is asked for at commit.
create constraint trigger posting_sums_to_zero after insert on sandbox.ledger_line
  deferrable initially deferred for each row execute function sandbox.posting_sums_to_zero();

-- What an audit reads: each line with the order that the payment names in its metadata.
create view sandbox.ledger_entry as
  select l.id, l.posting_id, l.intent_id, l.source_id, i.owner as merchant,
    i.data -> 'metadata' ->> 'order_id' as order_id, i.data -> 'metadata' as metadata,
    l.account, l.amount_minor, l.currency, l.kind, l.at
  from sandbox.ledger_line l
  join sandbox.object i on i.id = l.intent_id;
grant select on sandbox.ledger_entry to fanfare_app, fanfare_auditor;

create table sandbox.event (
  id text primary key,
  seq bigint generated always as identity unique,
  owner text not null,
  type text not null,
  created_s bigint not null,
  body jsonb not null
);
create index event_list on sandbox.event (owner, created_s desc, seq desc);
create index event_created on sandbox.event (created_s);
grant select, insert, delete on sandbox.event to fanfare_app;
grant select on sandbox.event to fanfare_auditor;

-- A lease, not a lock: whoever dies while delivering loses the delivery after `leased_until`.
create table sandbox.delivery (
  id bigint generated always as identity primary key,
  event_id text not null references sandbox.event (id) on delete cascade,
  endpoint_id text not null references sandbox.object (id) on delete cascade,
  due_at timestamptz not null,
  attempts int not null default 0,
  leased_until timestamptz,
  last_outcome text,
  delivered_at timestamptz,
  given_up_at timestamptz,
  check (delivered_at is null or given_up_at is null)
);
create index delivery_due on sandbox.delivery (due_at)
  where delivered_at is null and given_up_at is null;
create index delivery_event on sandbox.delivery (event_id);
create index delivery_open on sandbox.delivery (event_id) where delivered_at is null;
create index delivery_endpoint on sandbox.delivery (endpoint_id);
grant select, insert, update, delete on sandbox.delivery to fanfare_app;
grant select on sandbox.delivery to fanfare_auditor;

-- The answer to the first request under a key, replayed word for word.
create table sandbox.idempotency_key (
  owner text not null,
  key text not null check (length(key) between 1 and 255),
  request_hash text not null,
  request_id text not null,
  status int not null,
  body text not null,
  saved_s bigint not null,
  primary key (owner, key)
);
create index idempotency_key_saved on sandbox.idempotency_key (saved_s);
grant select, insert, update, delete on sandbox.idempotency_key to fanfare_app;

-- What happens by itself at a later instant of the simulator's clock. Rows are never withdrawn:
-- the action looks at the object's state when its time has come.
create table sandbox.due (
  object_id text not null references sandbox.object (id) on delete cascade,
  action text not null
    check (action in ('settle_refund', 'expire_session', 'release_authorization')),
  due_ms bigint not null,
  primary key (object_id, action)
);
create index due_at on sandbox.due (due_ms);
grant select, insert, update, delete on sandbox.due to fanfare_app;
