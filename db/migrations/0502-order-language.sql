-- The language that the letters about an order are written in, where its buyer has said one or their
-- browser has; null: the one of their account, or the organizer's.
alter table orders.order add column buyer_language text check (buyer_language in ('en', 'de'));
