-- How people prove that an address or a number is theirs, and what they have proved.
create schema people;
grant usage on schema people to fanfare_app;

-- One attempt to sign in. Code and token are derived from its id with the secret of the instance:
-- neither is stored. Forgotten after two days.
create table people.sign_in (
  sign_in_id text primary key,
  organizer_id text not null,
  channel text not null check (channel in ('email', 'sms')),
  address text not null check (length(address) <= 254),
  -- Keyed digests: what is counted is told by them alone.
  address_key text not null,
  caller_key text not null,
  -- Somebody who is signed in already, and adds this address or number to what is theirs.
  user_id text,
  language text,
  tries int not null default 0,
  made_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index sign_in_address on people.sign_in (organizer_id, address_key, made_at);
create index sign_in_caller on people.sign_in (caller_key, made_at);
create index sign_in_made on people.sign_in (made_at);
grant select, insert, update, delete on people.sign_in to fanfare_app;

-- What a person has proved to be theirs. One address is one person's, with each organizer.
create table identity.contact (
  organizer_id text not null references identity.organizer,
  channel text not null check (channel in ('email', 'sms')),
  -- The address as mailboxes are compared, or the number.
  address text not null check (length(address) <= 254),
  user_id text not null references identity.person,
  verified_at timestamptz not null,
  primary key (organizer_id, channel, address)
);
create index contact_person on identity.contact (user_id);
grant select, insert, update on identity.contact to fanfare_app;

-- In which language to write to them; null where nobody has said.
alter table identity.person add language text check (language in ('en', 'de'));

-- A key that a browser got by signing in: it is nobody's to list, and ends by signing out.
alter table identity.api_key add from_sign_in boolean not null default false;
