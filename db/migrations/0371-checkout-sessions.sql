-- A payment by the provider's own page: which session it is, where the buyer pays, and where they
-- come back to. Its intent is known once they pay.
alter table payments.payment
  add column checkout_id text,
  add column checkout_url text,
  add column return_url text;
create index payment_checkout on payments.payment (checkout_id) where checkout_id is not null;
