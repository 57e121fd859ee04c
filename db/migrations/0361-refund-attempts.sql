-- A refund that is not answered: how often under its present key, and when it was last asked for.
-- After a few of those what the provider has is read instead. And when an open refund is looked at
-- although it has no job: taken a few at a time by that, so that a hundred thousand open ones cost
-- a turn of the reconciler no more than a few.
alter table payments.refund
  add unanswered int not null default 0 check (unanswered >= 0),
  add asked_at timestamptz,
  add check_at timestamptz default clock_timestamp() + interval '30 seconds';
update payments.refund set check_at = null where status = 'succeeded';
create index refund_to_check on payments.refund (check_at) where check_at is not null;
drop index payments.refund_open;
