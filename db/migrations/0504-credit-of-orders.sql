-- Which credit has paid for an order: what came of that order is disputed where the credit's own
-- source is.
create index credit_entry_spent on promotions.credit_entry (order_id, event_id)
  where kind = 'spent';
