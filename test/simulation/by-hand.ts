/** What the simulation does to the database itself: time that passes, workers that die. */
import type pg from 'pg';
import { query } from './auditor-rows.ts';

/** Holds of this event live this long from now on. */
export async function setHoldMs(pool: pg.Pool, eventId: string, holdMs: number): Promise<void> {
  const text = 'update inventory.sale set hold_ms = $2 where event_id = $1';
  await query(pool, text, [eventId, holdMs]);
}

/**
 * What waits for a later time comes now: an event's end is not waited for in real minutes. With
 * `leases` also what a worker has that may be dead.
 */
export async function hurry(pool: pg.Pool, eventId: string, leases: boolean): Promise<void> {
  await query(
    pool,
    `update kernel.job j
     set run_at = clock_timestamp(),
         leased_until = case when $2::boolean then null else j.leased_until end,
         -- Whoever takes the job from a worker does not count that against the job.
         attempts = case when $2::boolean then 0 else j.attempts end
     where j.data ->> 'eventId' = $1
       and ($2::boolean or j.leased_until is null or j.leased_until < clock_timestamp())`,
    [eventId, leases],
  );
  await query(
    pool,
    // What was extended while a bank was at it lapses at once; nobody comes back from there.
    `with ended as (
       update inventory.hold h set expires_at = clock_timestamp()
       where h.event_id = $1 and h.status = 'active' and h.extended
         and h.expires_at > clock_timestamp()
       returning h.hold_id
     ), seats as (
       update inventory.seat s set expires_at = clock_timestamp()
       from ended e where s.event_id = $1 and s.hold_id = e.hold_id and s.status = 'held'
     ), orders as (
       update orders.order o set expires_at = clock_timestamp()
       from ended e where o.event_id = $1 and o.hold_id = e.hold_id and o.status = 'pending'
       returning o.order_id, o.expires_at
     ), deadlines as (
       update orders.deadline d set expires_at = o.expires_at
       from orders o where d.event_id = $1 and d.order_id = o.order_id
     )
     update inventory.sale s set oldest_expiry = least(s.oldest_expiry, clock_timestamp())
     where s.event_id = $1 and exists (select from ended)`,
    [eventId],
  );
  await query(
    pool,
    `update payments.payment p set check_at = clock_timestamp()
     where p.event_id = $1 and p.check_at > clock_timestamp()`,
    [eventId],
  );
  await query(
    pool,
    `update payments.refund r
     set check_at = clock_timestamp(), asked_at = r.asked_at - interval '5 minutes'
     where r.event_id = $1 and r.status <> 'succeeded'`,
    [eventId],
  );
  await passBankDays(pool, eventId);
}

/**
 * The banks' days pass: refunds of the event that will fail fail now, those that failed succeed
 * from now on, and what the provider's books say is looked at, as it is every day.
 */
async function passBankDays(pool: pg.Pool, eventId: string): Promise<void> {
  const refunds = `
    with refunds as (
      select x.id, x.data, i.id as intent_id from payments.payment p
      join sandbox.object i on i.id = p.provider_id
      join sandbox.object x on x.parent = i.id and x.type = 'refund'
      where p.event_id = $1
    )`;
  await query(
    pool,
    `${refunds} update sandbox.due d set due_ms = 0 from refunds r
     where d.object_id = r.id and d.action = 'settle_refund'`,
    [eventId],
  );
  await query(
    pool,
    `${refunds} update sandbox.object m
     set hidden = jsonb_set(m.hidden, '{sentinel}', '"pm_card_visa"')
     from refunds r join sandbox.object c on c.id = r.data ->> 'charge'
     where r.data ->> 'status' = 'failed' and m.id = c.data ->> 'payment_method'`,
    [eventId],
  );
  await query(
    pool,
    `${refunds} insert into kernel.job (kind, key, data)
     select 'submit_refund', o.refund_id,
       jsonb_build_object('eventId', o.event_id, 'refundId', o.refund_id)
     from refunds r join payments.refund o on o.event_id = $1 and o.provider_id = r.id
     where r.data ->> 'status' = 'failed' and o.status = 'succeeded'
     on conflict (kind, key) do update set run_at = clock_timestamp()`,
    [eventId],
  );
}

/** Which seats are kept for those who wait, the lowest first. */
export async function readReservedSeats(
  pool: pg.Pool,
  eventId: string,
  poolId: string,
  most: number,
): Promise<readonly string[]> {
  const rows = await query<{ seatKey: string }>(
    pool,
    `select s.seat_key as "seatKey" from inventory.seat s
     where s.event_id = $1 and s.pool_id = $2 and s.status = 'reserved'
     order by s.seat_no limit $3`,
    [eventId, poolId, most],
  );
  return rows.map(({ seatKey }) => seatKey);
}

/** As if no worker had finished in time: their leases are over. Answers how many were. */
export async function endLeases(pool: pg.Pool): Promise<number> {
  const ended = await query(
    pool,
    `update kernel.job set leased_until = clock_timestamp()
     where leased_until > clock_timestamp() returning id`,
    [],
  );
  return ended.length;
}
