-- Work for a machine, enqueued in the transaction that makes it necessary (jobs.ts). The same work
-- is not enqueued twice.
create function kernel.enqueue_job@v(
  p_kind text, p_key text, p_data jsonb, p_after_seconds double precision
) returns void language plpgsql volatile as $$
begin
  insert into kernel.job (kind, key, data, run_at)
  values (p_kind, p_key, p_data, clock_timestamp() + make_interval(secs => p_after_seconds))
  on conflict (kind, key) do nothing;
end $$;
