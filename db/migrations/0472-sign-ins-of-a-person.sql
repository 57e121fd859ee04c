-- How many texts somebody who is signed in has asked for.
create index sign_in_person on people.sign_in (user_id, made_at) where user_id is not null;
