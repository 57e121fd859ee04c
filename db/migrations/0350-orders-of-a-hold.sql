-- A payment that is declined in a shopping session fails its order and keeps the hold: the next
-- order is made of the same places. So a hold has orders one after the other; at most one of them is
-- not failed or cancelled, which the hold itself sees to: it is bound while an order stands on it.
-- No index knows of the state.
alter table orders.order add purchase_no int not null default 1 check (purchase_no >= 1);
drop index orders.order_by_hold;
create unique index order_by_hold on orders.order (event_id, hold_id, purchase_no)
  where hold_id is not null;
