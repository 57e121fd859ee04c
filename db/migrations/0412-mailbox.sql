-- The development mailbox: messages that no mail server and no provider was there for.
create table sandbox.mail (
  mail_id bigint generated always as identity primary key,
  -- As the sender named it; sent again, it is seen twice.
  reference text not null,
  channel text not null check (channel in ('email', 'sms')),
  recipient text not null,
  subject text not null,
  body_text text not null,
  body_html text,
  headers jsonb not null,
  at timestamptz not null
);
grant select, insert, delete on sandbox.mail to fanfare_app;

create table sandbox.mail_attachment (
  mail_id bigint not null references sandbox.mail on delete cascade,
  position int not null,
  file_name text not null,
  content_type text not null,
  content bytea not null,
  primary key (mail_id, position)
);
grant select, insert, delete on sandbox.mail_attachment to fanfare_app;
