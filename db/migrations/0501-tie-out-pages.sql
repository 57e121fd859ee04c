-- The provider's lines of an account around a day, as far as they have been read: a job reads a few
-- pages and goes on after them. They go when the day has been tied out.
create table payments.tie_out_page (
  -- Empty: the account of the installation's own key.
  account text not null,
  day date not null,
  page int not null check (page >= 0),
  lines jsonb not null,
  made_at timestamptz not null default clock_timestamp(),
  primary key (account, day, page)
);
grant select, insert, delete on payments.tie_out_page to fanfare_app;
