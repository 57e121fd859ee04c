-- How often in a row a job's worker ended without a word. That is no attempt of the job's: a server
-- that is killed every few seconds must not use up the attempts of whatever it has just begun.
alter table kernel.job add deaths int not null default 0;
