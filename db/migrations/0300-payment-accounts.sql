-- Nobody's takings are pooled: each organizer has an account of its own at the provider, and a
-- payment keeps the one that it was opened with. Beside a test key and beside a live one an
-- organizer may have different accounts.

-- Null: the account of the installation's own key.
alter table payments.payment add column account text;

create table payments.account (
  organizer_id text not null,
  livemode boolean not null,
  -- Null: the organizer has none of its own, only what was chosen below.
  account text check (account ~ '^acct_[A-Za-z0-9]{1,64}$'),
  default_method text not null default 'payment_intent'
    check (default_method in ('payment_intent', 'checkout_session')),
  set_at timestamptz not null default clock_timestamp(),
  set_by text not null,
  primary key (organizer_id, livemode),
  unique (account, livemode)
);
grant select, insert, update on payments.account to fanfare_app;
grant select on payments.account to fanfare_auditor;
