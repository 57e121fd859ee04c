-- Numbers without gaps: the next one is that of the last document and one, read under the lock of
-- the organizer's office. A transaction that fails leaves nothing behind, no number either.

-- Locks the office of an organizer. Answers with the time: no document is dated before its
-- predecessor.
create function papers.open_office@v(p_organizer text, p_now timestamptz) returns timestamptz
  language plpgsql as $$
begin
  insert into papers.office (organizer_id) values (p_organizer)
  on conflict (organizer_id) do nothing;
  perform from papers.office o where o.organizer_id = p_organizer for no key update;
  return greatest(kernel.instant(p_now), (
    select d.made_at from papers.document d
    where d.organizer_id = p_organizer order by d.seq desc limit 1));
end $$;

-- Writes a document under the next number of its kind and year. The office is open.
create function papers.write_document@v(
  p_organizer text, p_kind text, p_year int, p_event text, p_order text, p_source text,
  p_total_minor int, p_currency text, p_content jsonb, p_t timestamptz
) returns int language plpgsql as $$
declare
  v_seq constant int := coalesce((
    select d.seq from papers.document d
    where d.organizer_id = p_organizer order by d.seq desc limit 1), 0) + 1;
  v_number constant int := coalesce((
    select d.number from papers.document d
    where d.organizer_id = p_organizer and d.kind = p_kind and d.year = p_year
    order by d.number desc limit 1), 0) + 1;
begin
  insert into papers.document (organizer_id, seq, kind, year, number, event_id, order_id,
    source_id, total_minor, currency, content, made_at)
  values (p_organizer, v_seq, p_kind, p_year, v_number, p_event, p_order, p_source, p_total_minor,
    p_currency, p_content, p_t);
  return v_number;
end $$;
