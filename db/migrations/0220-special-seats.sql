-- Seats that are kept for those who need them while others are free. Of a plain seat nothing is
-- stored: it costs no byte. No index knows of it.
alter table inventory.seat
  add special text check (special in ('accessible', 'companion'));

-- Whether buyers are shown the ticket type: only then may it be given to who has not named it.
alter table inventory.ticket_type
  add listed boolean not null default true;
update inventory.ticket_type t set listed = c.visibility = 'public'
from catalog.ticket_type c
where c.event_id = t.event_id and c.ticket_type_id = t.ticket_type_id;
