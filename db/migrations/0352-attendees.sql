-- Who comes, as the buyer said in a shopping session: [{name, email}], in no order. Sessions are
-- deleted some days after their end; the order keeps it. Null where nobody was named.
alter table orders.order add attendees jsonb;
