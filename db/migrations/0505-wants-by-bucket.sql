-- Those before somebody with about the same rank, and the first of a pool, whatever they want of it.
-- By bucket, so that who is next of those who want the same is never looked for here, among all: the
-- index by rank alone was as good for the planner as the key.
create index want_by_bucket on waitlist.want (pool_id, event_id, (rank / 512), rank);
drop index waitlist.want_by_rank;
