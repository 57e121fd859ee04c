-- What was taken may differ from what was asked for: it is written down as it is, and owed back.
alter table payments.payment
  drop constraint payment_check,
  add constraint payment_captured_minor_check check (captured_minor >= 0);
