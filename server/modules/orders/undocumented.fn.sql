-- What needs a document is written down in the transaction that makes it so; the document itself
-- comes in one of its own (undocumented.ts). Each may be called twice.

-- These orders have been sold.
create function orders.sales_need_papers@v(p_event text, p_orders text[], p_t timestamptz)
  returns void language plpgsql as $$
begin
  insert into orders.undocumented (event_id, source_id, order_id, organizer_id, made_at)
  select p_event, o.order_id, o.order_id, o.organizer_id, p_t
  from orders.order o where o.event_id = p_event and o.order_id = any (p_orders)
  on conflict (event_id, source_id) do nothing;
end $$;

-- Value of this order goes back, as money or as credit, under the id of a refund.
create function orders.return_needs_paper@v(p_event text, p_order text, p_refund text)
  returns void language plpgsql as $$
begin
  insert into orders.undocumented (event_id, source_id, order_id, organizer_id, made_at)
  select p_event, p_refund, o.order_id, o.organizer_id, kernel.instant(null)
  from orders.order o where o.event_id = p_event and o.order_id = p_order
  on conflict (event_id, source_id) do nothing;
end $$;
