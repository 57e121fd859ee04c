-- Each sort of work has hands of its own. What they take is found without passing by what is due of
-- the others: payments are settled as fast where a mail server has kept 100,000 letters waiting.
create index job_due_of_kind on kernel.job (kind, run_at) where parked_at is null;
drop index kernel.job_due;
