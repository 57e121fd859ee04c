-- How many wait before an entry for places that it could take, too: of the same pool, where one of
-- both would sit anywhere in it or they want the same section. Those whose ranks are far before are
-- added up by what they want; only the last few hundred are counted one by one.
create function waitlist.ahead_of@v(p_event text, p_entry text, p_rank bigint) returns int
  language sql stable as $$
  with mine as materialized (
    select m.pool_id, m.section from waitlist.want m
    where m.event_id = p_event and m.entry_id = p_entry
  )
  select (
    select coalesce(sum(c.entries), 0)::int from waitlist.crowd c
    where c.event_id = p_event and c.bucket < p_rank / 512 and c.wanted && array(
      select t.token from mine m cross join lateral (values
        (case m.section when '' then m.pool_id else m.pool_id || ' ' || m.section end),
        (m.pool_id || ' ')) as t(token))
  ) + (
    select count(distinct n.rank)::int from mine m cross join lateral (
      select w.rank from waitlist.want w
      where w.event_id = p_event and w.pool_id = m.pool_id
        and w.rank / 512 = p_rank / 512 and w.rank < p_rank
        and (m.section = '' or w.section in ('', m.section)) offset 0
    ) n
  )
$$;
