-- Messages that are owed to people. What one says is not kept: it is written anew from the rows that
-- it is about whenever it is sent.
create schema notifications;
grant usage on schema notifications to fanfare_app, fanfare_auditor;

-- One for each (what happened, recipient, channel): its id is made of them, so nothing is owed twice.
-- `event_id` is '' where it is about no event.
create table notifications.message (
  event_id text not null,
  message_id text not null,
  kind text not null,
  channel text not null check (channel in ('email', 'sms')),
  recipient text not null check (length(recipient) between 1 and 254),
  -- A keyed digest of the address: what is counted and remembered is told by it alone.
  recipient_key text not null,
  organizer_id text not null,
  order_id text,
  user_id text,
  -- Ids and times that it is written from; no words.
  data jsonb not null,
  state text not null check (state in ('waiting', 'sending', 'sent', 'failed', 'bounced', 'dropped')),
  reason text,
  tries int not null default 0,
  made_at timestamptz not null,
  -- After that nobody wants it any more.
  useless_at timestamptz,
  sent_at timestamptz,
  primary key (event_id, message_id)
) with (fillfactor = 80);
create index message_order on notifications.message (event_id, order_id, made_at)
  where order_id is not null;
create index message_open on notifications.message (state) where state in ('waiting', 'sending');
create index message_made on notifications.message (made_at);
grant select, insert, update, delete on notifications.message to fanfare_app;
grant select (event_id, message_id, kind, channel, organizer_id, order_id, state, reason, tries,
  made_at, useless_at, sent_at) on notifications.message to fanfare_auditor;

-- What is known of an address: how much it got within the hour, whether mail to it comes back, and
-- whether its owner wants only what they have to know.
create table notifications.recipient (
  recipient_key text primary key,
  hour_from timestamptz not null default '-infinity',
  hour_sent int not null default 0,
  bounced_at timestamptz,
  bounce_reason text,
  opted_out_at timestamptz
) with (fillfactor = 70);
grant select, insert, update on notifications.recipient to fanfare_app;

-- When the next message of each lane may go: very many at once are laid out over time.
create table notifications.pace (
  lane text primary key check (lane in ('soon', 'mass')),
  next_at timestamptz not null default '-infinity'
) with (fillfactor = 50);
insert into notifications.pace (lane) values ('soon'), ('mass');
grant select, update on notifications.pace to fanfare_app;

-- Something that all buyers of an event are told: how far that is.
create table notifications.round (
  event_id text not null,
  round_key text not null,
  kind text not null,
  position text not null default '',
  made_at timestamptz not null,
  done_at timestamptz,
  primary key (event_id, round_key)
);
grant select, insert, update, delete on notifications.round to fanfare_app;

-- How an organizer writes to people.
create table notifications.sender (
  organizer_id text primary key,
  language text not null check (language in ('en', 'de')),
  reply_to text check (length(reply_to) <= 254)
);
grant select, insert, update on notifications.sender to fanfare_app;
