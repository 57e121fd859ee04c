-- Where nothing is known of a table, all indexes that begin with the event's id look alike to the
-- planner: for a hold by its id it took the one by caller and key, and read all holds of the event.
-- These conditions are true of every row. A statement that asks by such a column states them, and
-- one that asks by the table's own key does not: to it only its own index is there.

alter table inventory.hold drop constraint hold_event_id_caller_key_key;
create unique index hold_by_key on inventory.hold (event_id, caller, key) where key is not null;

alter table orders.order drop constraint order_event_id_hold_id_key;
create unique index order_by_hold on orders.order (event_id, hold_id) where hold_id is not null;
alter table orders.order drop constraint order_event_id_caller_key_key;
create unique index order_by_key on orders.order (event_id, caller, key) where key is not null;

drop index orders.ticket_of_order;
create index ticket_of_order on orders.ticket (event_id, order_id) where order_id is not null;

drop index payments.payment_of;
create index payment_of on payments.payment (event_id, reference) where reference is not null;
