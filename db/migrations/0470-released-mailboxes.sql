-- By which address a person is found is not always the one that is written down for them: where
-- another one has proved that it is theirs, it finds that one.
alter table identity.person alter mailbox drop not null;

-- People who sign in could write any address here, and had to prove none.
update identity.person p set mailbox = null
where exists (select from identity.contact c where c.user_id = p.user_id)
  and not exists (
    select from identity.contact c
    where c.user_id = p.user_id and c.channel = 'email' and c.address = p.mailbox);

update identity.person p set mailbox = null
from identity.contact c
where c.organizer_id = p.organizer_id and c.channel = 'email' and c.address = p.mailbox
  and c.user_id <> p.user_id;
