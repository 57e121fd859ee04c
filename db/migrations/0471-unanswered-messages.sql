-- How often a message was given and nobody said what became of it: it may have arrived each time.
alter table notifications.message add unanswered int not null default 0;
