-- A buyer whose order became credit may take its money back through their bank as well. If the bank
-- sides with them so much of the credit is lost. It is taken back as far as nobody has spent it, and
-- the rest when it comes back.
alter table promotions.credit
  add lost_minor bigint not null default 0 check (lost_minor >= 0),
  -- So much of that has been taken back.
  add taken_minor bigint not null default 0 check (taken_minor >= 0),
  add check (taken_minor <= lost_minor);
create index credit_source on promotions.credit (source_order_id)
  where source_order_id is not null;
alter table promotions.credit_entry drop constraint credit_entry_kind_check;
alter table promotions.credit_entry add constraint credit_entry_kind_check check (kind in
  ('issued', 'reserved', 'released', 'spent', 'returned', 'expired', 'lost'));
grant select (lost_minor, taken_minor) on promotions.credit to fanfare_auditor;
