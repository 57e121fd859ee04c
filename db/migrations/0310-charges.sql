-- The fees and the tax that the prices of an event contain; null where none were named. Orders keep
-- them as they were (orders.order.charges).
alter table catalog.event add charges jsonb;
