-- Receipts, invoices and credit notes. Their numbers have no gaps within an organizer, whose events
-- are sold apart from each other: so a number is given after the sale, in a transaction of its own.

-- What has no document yet: a sale by the id of its order, what went back by the id of its refund.
-- Written in the transaction of the sale, deleted in that of the document.
create table orders.undocumented (
  event_id text not null,
  source_id text not null,
  order_id text not null,
  organizer_id text not null,
  made_at timestamptz not null,
  primary key (event_id, source_id)
);
insert into orders.undocumented (event_id, source_id, order_id, organizer_id, made_at)
select o.event_id, o.order_id, o.order_id, o.organizer_id, o.confirmed_at
from orders.order o where o.confirmed_at is not null;
insert into orders.undocumented (event_id, source_id, order_id, organizer_id, made_at)
select t.event_id, t.refund_id, t.order_id, o.organizer_id, max(o.confirmed_at)
from orders.ticket t join orders.order o on o.event_id = t.event_id and o.order_id = t.order_id
where t.refund_id is not null
group by t.event_id, t.refund_id, t.order_id, o.organizer_id
having sum(t.price_minor - t.kept_minor) > 0;
grant select, insert, delete on orders.undocumented to fanfare_app, fanfare_lane;
grant select on orders.undocumented to fanfare_auditor;

create schema papers;
grant usage on schema papers to fanfare_app, fanfare_auditor;

-- Who sells, as their documents say it. A change is a new row: what stood on a document can always
-- be explained, and so can who wrote it.
create table papers.seller (
  organizer_id text not null,
  version int not null check (version >= 1),
  legal_name text not null check (length(legal_name) between 1 and 200),
  address text not null check (length(address) between 1 and 500),
  tax_id text check (length(tax_id) between 1 and 50),
  -- In whose days documents are dated, and in whose years they are numbered.
  timezone text not null,
  set_by text not null,
  set_at timestamptz not null,
  primary key (organizer_id, version)
);
grant select, insert on papers.seller to fanfare_app;

-- Whom an order's documents are made out to, where that is more than the buyer's name.
create table papers.recipient (
  event_id text not null,
  order_id text not null,
  company text check (length(company) between 1 and 200),
  address text not null check (length(address) between 1 and 500),
  tax_id text check (length(tax_id) between 1 and 50),
  primary key (event_id, order_id)
);
grant select, insert, update on papers.recipient to fanfare_app;

-- One row for each organizer: whoever writes a document, or changes what will stand on one, locks it
-- first. The next number is that of the last document and one; there is no counter to differ from it.
create table papers.office (organizer_id text primary key);
-- To lock a row takes the right to update one.
grant select, insert, update on papers.office to fanfare_app;

-- Never changed and never deleted: nobody is granted either.
create table papers.document (
  organizer_id text not null references papers.office,
  -- From 1 for each organizer, in the order in which they were written.
  seq int not null check (seq >= 1),
  kind text not null check (kind in ('receipt', 'invoice', 'credit_note')),
  year int not null,
  number int not null check (number >= 1),
  event_id text not null,
  order_id text not null,
  source_id text not null,
  total_minor int not null check (total_minor >= 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  -- All that stands on it.
  content jsonb not null,
  made_at timestamptz not null,
  primary key (organizer_id, seq),
  unique (organizer_id, kind, year, number),
  unique (organizer_id, source_id)
);
create index document_of on papers.document (organizer_id, order_id);
create index document_made on papers.document (organizer_id, made_at, seq);
grant select, insert on papers.document to fanfare_app;
-- The auditor counts and adds up; it never needs to know who.
grant select (organizer_id, seq, kind, year, number, event_id, order_id, source_id, total_minor,
  currency, made_at) on papers.document to fanfare_auditor;

-- Credit that is returned needs a document, whichever way it came about.
create function orders.credit_is_undocumented() returns trigger language plpgsql as $$
begin
  insert into orders.undocumented (event_id, source_id, order_id, organizer_id, made_at)
  select n.event_id, n.refund_id, n.order_id, o.organizer_id, n.made_at
  from new_rows n
  join orders.order o on o.event_id = n.event_id and o.order_id = n.order_id
  on conflict (event_id, source_id) do nothing;
  return null;
end $$;
create trigger credit_returned after insert on orders.credit_return
  referencing new table as new_rows
  for each statement execute function orders.credit_is_undocumented();
