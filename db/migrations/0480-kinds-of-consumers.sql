-- What kinds of facts somebody knows who works for a consumer, and when they were last there. Two
-- versions may run side by side: the one that knows fewer must not pass what only the other knows.
alter table kernel.consumer
  add kinds text[] not null default '{}',
  add known_at timestamptz not null default '-infinity';
