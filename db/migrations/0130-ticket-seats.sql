-- Which seat a ticket is for; null for a counted place.
alter table orders.ticket add seat_key text;
