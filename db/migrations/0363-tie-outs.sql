-- Our books against the provider's, day by day (in UTC), by organizer, account and currency. Not
-- part of selling: these rows span events.
create table payments.tie_out (
  organizer_id text not null,
  -- Empty: the account of the installation's own key.
  account text not null,
  day date not null,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  -- `even`: every entry has its counterpart. `pending`: those that have none are young, or under
  -- way. `differs`: somebody has to look.
  outcome text not null check (outcome in ('even', 'pending', 'differs')),
  books_minor bigint not null,
  provider_minor bigint not null,
  fees_minor bigint not null,
  pending_minor bigint not null,
  difference_minor bigint not null,
  matched int not null check (matched >= 0),
  unmatched int not null check (unmatched >= 0),
  items jsonb not null,
  made_at timestamptz not null,
  primary key (organizer_id, day, account, currency)
);
create index tie_out_open on payments.tie_out (day) where outcome <> 'even';

-- The days that were tied out, whether or not any money moved.
create table payments.tie_out_day (
  day date primary key,
  made_at timestamptz not null
);

grant select, insert, update on payments.tie_out, payments.tie_out_day to fanfare_app;
grant select on payments.tie_out, payments.tie_out_day to fanfare_auditor;
