-- A ticket that is reissued gets a new code, and its epoch says which of them is the right one: the
-- code that was given out before still bears a good signature, and a door refuses it by its epoch.
-- At most 15 bits, as much room as a code has for it. No index knows of it.
alter table orders.ticket
  add epoch int not null default 1 check (epoch between 1 and 32767);
