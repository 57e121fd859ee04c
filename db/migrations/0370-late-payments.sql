-- A payment that came after its time is honoured where the places can still be had: the hold that
-- had ended is claimed again, and its order, if it was cancelled meanwhile, is confirmed.

insert into kernel.transition (machine, from_state, to_state) values
  ('hold', 'lapsed', 'claimed'), ('hold', 'released', 'claimed');
