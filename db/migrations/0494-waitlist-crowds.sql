-- How many of those who wait want the same, for every 512 ranks: what a position is added up from,
-- instead of counting all who wait before.
create table waitlist.crowd (
  event_id text not null,
  -- Ranks from 512 times that on.
  bucket bigint not null,
  -- Made from `wanted`, which may be too long for an index.
  mark text not null,
  -- What they want: of each pool its id, and its id and the section (empty: anywhere in it) with a
  -- space between.
  wanted text[] not null,
  entries int not null check (entries >= 1),
  primary key (event_id, bucket, mark)
) with (fillfactor = 50);
grant select, insert, update, delete on waitlist.crowd to fanfare_app, fanfare_lane;
grant select on waitlist.crowd to fanfare_auditor;

-- Whoever waits is counted while `want` says what for; all of it is written in one statement, and
-- goes in one. Triggers, so that a version that knows nothing of this counts, too.
create function waitlist.count_wants() returns trigger language plpgsql as $$
declare
  r record;
begin
  for r in
    select w.event_id, w.bucket, md5(array_to_string(w.wanted, ',')) as mark, w.wanted,
      count(*)::int as entries
    from (
      select n.event_id, n.rank / 512 as bucket, array_agg(distinct t.token order by t.token) as wanted
      from changed n
      cross join lateral (values (n.pool_id), (n.pool_id || ' ' || n.section)) as t(token)
      group by n.event_id, n.rank
    ) w
    group by w.event_id, w.bucket, w.wanted
  loop
    if tg_op = 'INSERT' then
      insert into waitlist.crowd as c (event_id, bucket, mark, wanted, entries)
      values (r.event_id, r.bucket, r.mark, r.wanted, r.entries)
      on conflict (event_id, bucket, mark) do update set entries = c.entries + excluded.entries;
    else
      delete from waitlist.crowd c
      where c.event_id = r.event_id and c.bucket = r.bucket and c.mark = r.mark
        and c.entries <= r.entries;
      update waitlist.crowd c set entries = c.entries - r.entries
      where c.event_id = r.event_id and c.bucket = r.bucket and c.mark = r.mark;
    end if;
  end loop;
  return null;
end $$;
create trigger want_made after insert on waitlist.want referencing new table as changed
  for each statement execute function waitlist.count_wants();
create trigger want_gone after delete on waitlist.want referencing old table as changed
  for each statement execute function waitlist.count_wants();

-- Those who wait already. The triggers keep everybody else from `want` until this is committed.
insert into waitlist.crowd (event_id, bucket, mark, wanted, entries)
select w.event_id, w.bucket, md5(array_to_string(w.wanted, ',')), w.wanted, count(*)
from (
  select n.event_id, n.rank / 512 as bucket, array_agg(distinct t.token order by t.token) as wanted
  from waitlist.want n
  cross join lateral (values (n.pool_id), (n.pool_id || ' ' || n.section)) as t(token)
  group by n.event_id, n.rank
) w
group by w.event_id, w.bucket, w.wanted;

-- Those before somebody with about the same rank, and the first of a pool, whatever they want of it.
create index want_by_rank on waitlist.want (pool_id, event_id, rank);
