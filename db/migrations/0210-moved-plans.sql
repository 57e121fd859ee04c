-- An event on sale moves to another version of its floor plan. A seat keeps its number for good,
-- since holds and other servers' memories know it by that; a number is never another seat's.

alter table inventory.seat
  -- Its pool is of a sale: looked up once more for each seat, it cost a fifth of opening a hall.
  drop constraint seat_event_id_fkey,
  -- Its position in the event's map, from 0, where that is no longer its number.
  add map_no int check (map_no >= 0),
  drop constraint seat_status_check,
  -- Gone: the floor plan has it no more. It is no place of its pool, and nobody's.
  add constraint seat_status_check
    check (status in ('free', 'held', 'claimed', 'sold', 'reserved', 'blocked', 'gone')),
  -- Rows change their numbers all at once.
  drop constraint seat_event_id_row_no_place_key,
  add constraint seat_event_id_row_no_place_key unique (event_id, row_no, place) deferrable;
