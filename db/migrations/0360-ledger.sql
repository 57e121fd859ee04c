-- The books of money: double entry, one row for each entry, so that both sides cannot differ. Kept
-- by payments; rooms above post through payments.post_transfer. A row is never changed: what was
-- wrong is put right by another row.

create table payments.transfer (
  event_id text not null,
  transfer_id bigint generated always as identity,
  organizer_id text not null,
  kind text not null check (kind in ('capture', 'refund_owed', 'refund_paid', 'refund_bounced',
    'dispute_opened', 'dispute_won', 'dispute_lost', 'credit_spent', 'credit_issued',
    'credit_returned', 'provider_fee')),
  debit text not null check (debit in ('provider', 'sales', 'refunds_owed', 'credit_liability',
    'disputed', 'provider_fees', 'losses')),
  credit text not null check (credit in ('provider', 'sales', 'refunds_owed', 'credit_liability',
    'disputed', 'provider_fees', 'losses')),
  amount_minor bigint not null check (amount_minor > 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  -- The object whose money it is: a payment, a refund, a dispute, a credit.
  reference text not null check (length(reference) between 1 and 255),
  -- What made the entry; the same cause is posted once.
  source text not null check (length(source) between 1 and 255),
  at timestamptz not null,
  primary key (event_id, kind, source),
  check (debit <> credit)
);
-- The entries of a day are read by the tie-out. Entries come in the order of time, so a summary of
-- each range of pages finds them, and costs a sale nothing.
create index transfer_at on payments.transfer using brin (at);

create function payments.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger is append-only' using errcode = 'restrict_violation';
end $$;
create trigger transfer_kept before update or delete or truncate on payments.transfer
  for each statement execute function payments.refuse_change();

grant select, insert on payments.transfer to fanfare_app, fanfare_lane;
revoke update, delete, truncate on payments.transfer from public, fanfare_app, fanfare_lane;
grant select on payments.transfer to fanfare_auditor;

-- What happened before there were books, as far as it still counts: a refund that bounced before
-- and is owed again has moved nothing in the end.
insert into payments.transfer (event_id, organizer_id, kind, debit, credit, amount_minor, currency,
  reference, source, at)
select p.event_id, p.organizer_id, 'capture', 'provider', 'sales', p.captured_minor, p.currency,
  p.payment_id, p.payment_id, p.made_at
from payments.payment p where p.captured_minor > 0;
insert into payments.transfer (event_id, organizer_id, kind, debit, credit, amount_minor, currency,
  reference, source, at)
select r.event_id, p.organizer_id, 'refund_owed', 'sales', 'refunds_owed', r.amount_minor,
  p.currency, r.refund_id, r.refund_id, r.made_at
from payments.refund r
join payments.payment p on p.event_id = r.event_id and p.payment_id = r.payment_id;
insert into payments.transfer (event_id, organizer_id, kind, debit, credit, amount_minor, currency,
  reference, source, at)
select r.event_id, p.organizer_id, 'refund_paid', 'refunds_owed', 'provider', r.amount_minor,
  p.currency, r.refund_id, coalesce(r.provider_id, r.refund_id), r.made_at
from payments.refund r
join payments.payment p on p.event_id = r.event_id and p.payment_id = r.payment_id
where r.status = 'succeeded';
