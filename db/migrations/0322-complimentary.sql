-- Why places were given away, and who did: a row for each complimentary order, written before its
-- tickets are valid.
create table shopping.complimentary (
  event_id text not null,
  order_id text not null,
  reason text not null check (length(reason) between 1 and 200),
  given_by text not null,
  -- Where it took a second person.
  approval_id text,
  made_at timestamptz not null,
  primary key (event_id, order_id)
);
grant select, insert on shopping.complimentary to fanfare_app;
