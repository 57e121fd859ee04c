/** A throw-away schema that resembles the real one, and the two functions a lane may call. */

export const schema = `
  create schema bench;
  create table bench.event (
    event_id bigint primary key, status text not null,
    opens_at timestamptz not null, closes_at timestamptz not null, per_person int not null);
  create table bench.pool (
    event_id bigint not null, pool_id int not null, capacity int not null,
    held int not null default 0 check (held <= capacity), primary key (event_id, pool_id));
  create table bench.hold (
    event_id bigint not null, hold_id uuid not null, person text not null, key text not null,
    quantity int not null, expires_at timestamptz not null,
    primary key (event_id, hold_id), unique (event_id, person, key));
  create table bench.person (
    event_id bigint not null, person text not null, held int not null,
    primary key (event_id, person));
  create table bench.outbox (
    id bigint generated always as identity primary key, event_id bigint not null,
    type text not null, subject uuid not null, at timestamptz not null);`;

/** Arrays in, one verdict for each request out, in arrival order. */
export const bareFunction = `
  create function bench.hold_bare(
    p_event bigint, p_ids uuid[], p_people text[], p_keys text[]) returns text[]
  language plpgsql as $$
  declare
    v_free int;
    v_granted int;
  begin
    select capacity - held into v_free from bench.pool
      where event_id = p_event and pool_id = 1 for no key update;
    v_granted := least(v_free, cardinality(p_ids));
    insert into bench.hold (event_id, hold_id, person, key, quantity, expires_at)
      select p_event, id, person, key, 1, clock_timestamp() + interval '10 minutes'
      from unnest(p_ids[:v_granted], p_people[:v_granted], p_keys[:v_granted]) as r(id, person, key);
    update bench.pool set held = held + v_granted where event_id = p_event and pool_id = 1;
    return array_fill('granted'::text, array[v_granted])
      || array_fill('sold_out'::text, array[cardinality(p_ids) - v_granted]);
  end $$;`;

/**
 * The first statement locks, every read comes after it. What is known about a request is looked up
 * in scalar subqueries: of a join, also a lateral one, PostgreSQL makes one pass over all holds of
 * the event per request while the table is new, and the rate falls from 22,000 to 1,200.
 */
export const ruledFunction = `
  create function bench.hold_ruled(
    p_event bigint, p_ids uuid[], p_people text[], p_keys text[]) returns text[]
  language plpgsql set enable_seqscan = off set enable_bitmapscan = off as $$
  declare
    v_event record;
    v_now timestamptz;
    v_free int[];
    v_verdicts text[] := array_fill('granted'::text, array[cardinality(p_ids)]);
    v_had int[] := array_fill(0, array[cardinality(p_ids)]);
    v_granted int := 0;
    r record;
  begin
    select status, opens_at, closes_at, per_person into v_event from bench.event
      where event_id = p_event for no key update;
    v_now := clock_timestamp();
    if v_event.status <> 'on_sale' or v_now < v_event.opens_at or v_now >= v_event.closes_at then
      return array_fill('sale_closed'::text, array[cardinality(p_ids)]);
    end if;
    select array_agg(free order by pool_id) into v_free from (
      select pool_id, capacity - held as free from bench.pool
      where event_id = p_event and pool_id in (1, 2) order by pool_id for no key update) as pools;
    for r in
      select q.ord::int as ord,
             (select p.held from bench.person as p
               where p.event_id = p_event and p.person = q.person) as had,
             (select h.hold_id from bench.hold as h
               where h.event_id = p_event and h.person = q.person and h.key = q.key) as known,
             row_number() over (partition by q.person, q.key order by q.ord) as nth,
             dense_rank() over (order by q.person)::int as who
      from unnest(p_people, p_keys) with ordinality as q(person, key, ord)
      order by q.ord
    loop
      if r.known is not null or r.nth > 1 then
        v_verdicts[r.ord] := 'repeated';
      elsif coalesce(r.had, 0) + v_had[r.who] >= v_event.per_person then
        v_verdicts[r.ord] := 'per_person_limit';
      elsif v_granted >= v_free[1] or v_granted >= v_free[2] then
        v_verdicts[r.ord] := 'sold_out';
      else
        v_had[r.who] := v_had[r.who] + 1;
        v_granted := v_granted + 1;
      end if;
    end loop;
    insert into bench.hold (event_id, hold_id, person, key, quantity, expires_at)
      select p_event, id, person, key, 1, v_now + interval '10 minutes'
      from unnest(p_ids, p_people, p_keys, v_verdicts) as g(id, person, key, verdict)
      where verdict = 'granted';
    insert into bench.person as p (event_id, person, held)
      select p_event, person, count(*) from unnest(p_people, v_verdicts) as g(person, verdict)
      where verdict = 'granted' group by person
      on conflict (event_id, person) do update set held = p.held + excluded.held;
    update bench.pool set held = held + v_granted where event_id = p_event and pool_id in (1, 2);
    insert into bench.outbox (event_id, type, subject, at)
      select p_event, 'hold_placed', id, v_now from unnest(p_ids, v_verdicts) as g(id, verdict)
      where verdict = 'granted';
    return v_verdicts;
  end $$;`;
