-- Whoever waits for some sections asks what is free there: not by reading the whole hall. What it
-- knows of a seat does not change with sales.
create index seat_of_section on inventory.seat (section, event_id);
