-- The promo code that a buyer has given in a shopping session.
alter table sessions.session add promo_code text;
