-- A sale changes the state of a hold twice, of its order, ticket and payment once or twice. Where a
-- changed column stands in an index, or in an index's condition, PostgreSQL enters the new version
-- of the row into all indexes of the table; else into none, as long as the page has room for it.
-- So no index knows of a state that every sale changes, and pages keep room.

-- Holds by when they lapse, whatever became of them: a search begins at the event's oldest_expiry,
-- before which none is active. The condition is true of every row. Statements that do not state it
-- cannot use the index, which begins with the same column as the key and would be taken for it
-- where nothing is known of the table.
drop index inventory.hold_lapsing;
create index hold_lapsing on inventory.hold (event_id, expires_at) where expires_at > '-infinity';

-- When a pending order has to be paid: a row for each that is pending, none for any other. Written
-- in the statement after its order's, so nothing has to check that the order is there.
create table orders.deadline (
  event_id text not null,
  order_id text not null,
  expires_at timestamptz not null,
  primary key (event_id, order_id)
);
insert into orders.deadline (event_id, order_id, expires_at)
select o.event_id, o.order_id, o.expires_at from orders.order o where o.status = 'pending';
create index deadline_next on orders.deadline (expires_at);
drop index orders.order_expiring;
grant select, insert, update, delete on orders.deadline to fanfare_app, fanfare_lane;
grant select on orders.deadline to fanfare_auditor;

-- One index instead of two: changes are read by object, or all of an event.
alter table kernel.state_change drop constraint state_change_pkey;
drop index kernel.state_change_object;
alter table kernel.state_change add primary key (event_id, object_id, seq);

alter table inventory.hold set (fillfactor = 50);
alter table orders.order set (fillfactor = 50);
alter table orders.ticket set (fillfactor = 50);
alter table payments.payment set (fillfactor = 50);
