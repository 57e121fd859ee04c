/**
 * Everything the auditor reads, in one place: the rows of some events in one snapshot, in the
 * shapes that its checks are written for. Own statements: the product's audit is not asked.
 */
import pg from 'pg';
import { isAway } from '../../server/kernel/db.ts';
import { pause } from './asking.ts';

export type LineRow = {
  readonly typeId: string;
  readonly poolId: string;
  readonly quantity: number;
  readonly returned: number;
};

export type HoldRow = {
  readonly holdId: string;
  readonly status: string;
  readonly key: string;
  readonly expiresAtMs: number;
  readonly lines: readonly LineRow[];
  /** The numbers of its seats, also of those that it has given back. */
  readonly seatNos: readonly number[];
};

export type SeatRow = {
  readonly seatNo: number;
  readonly seatKey: string;
  readonly poolId: string;
  readonly status: string;
  readonly holdId: string | null;
};

export type PoolRow = {
  readonly poolId: string;
  readonly capacity: number;
  readonly held: number;
  readonly claimed: number;
  readonly sold: number;
  readonly reserved: number;
  readonly blocked: number;
  /** For how many of its places people wait. */
  readonly waiting: number;
  readonly seated: boolean;
};

export type OrderRow = {
  readonly orderId: string;
  readonly holdId: string;
  readonly key: string;
  readonly status: string;
  readonly totalMinor: number;
};

export type TicketRow = {
  readonly ticketId: string;
  readonly orderId: string;
  readonly priceMinor: number;
  readonly complimentary: boolean;
  readonly seatKey: string | null;
  readonly status: string;
};

export type PaymentRow = {
  readonly paymentId: string;
  readonly orderId: string;
  readonly status: string;
  readonly amountMinor: number;
  readonly capturedMinor: number;
};

export type RefundRow = {
  readonly refundId: string;
  readonly paymentId: string;
  readonly amountMinor: number;
  readonly status: string;
  readonly reason: string;
};

/** What the provider's own ledger says of an order. */
export type LedgerRow = {
  readonly orderId: string;
  readonly capturedMinor: number;
  readonly refundedMinor: number;
};

/** How many intents the provider has made for an order. */
export type IntentsRow = { readonly orderId: string; readonly intents: number };

/** When a hold was decided on, by the time that the decision read. */
export type GrantRow = { readonly holdId: string; readonly decidedAtMs: number };

export type EventRows = {
  readonly eventId: string;
  /** When the snapshot was taken, or a moment later; milliseconds since 1970, the database's. */
  readonly atMs: number;
  readonly totalCapacity: number | null;
  readonly pools: readonly PoolRow[];
  readonly seats: readonly SeatRow[];
  /** Live ones only, or all of a whole audit. */
  readonly holds: readonly HoldRow[];
  readonly orders: readonly OrderRow[];
  readonly tickets: readonly TicketRow[];
  readonly payments: readonly PaymentRow[];
  readonly refunds: readonly RefundRow[];
  /** Empty but in a whole audit. */
  readonly ledger: readonly LedgerRow[];
  /** Empty but in a whole audit. */
  readonly intents: readonly IntentsRow[];
  /** What was granted, in the order in which it was; empty but in a whole audit. */
  readonly grants: readonly GrantRow[];
};

type Extent = 'live' | 'whole';

const HOLDS = `
  select h.event_id as "eventId", h.hold_id as "holdId", h.status, h.key,
    (extract(epoch from h.expires_at) * 1000)::float8 as "expiresAtMs",
    (select json_agg(json_build_object('typeId', i.ticket_type_id, 'poolId', i.pool_id,
        'quantity', i.quantity, 'returned', i.returned) order by i.line)
      from unnest(h.ticket_type_ids, h.pool_ids, h.quantities, h.returned)
        with ordinality as i(ticket_type_id, pool_id, quantity, returned, line)) as lines,
    array_remove(coalesce(h.seat_nos, '{}'), null) as "seatNos"
  from inventory.hold h where h.event_id = any($1::text[])`;

const LIVE = ` and h.status in ('active', 'claimed', 'sold')`;

const STATEMENTS: Readonly<Record<Exclude<keyof EventRows, 'eventId' | 'atMs'>, string>> = {
  totalCapacity: `
    select s.event_id as "eventId", s.total_capacity as "totalCapacity"
    from inventory.sale s where s.event_id = any($1::text[])`,
  pools: `
    select p.event_id as "eventId", p.pool_id as "poolId", p.capacity, p.held, p.claimed, p.sold,
      p.reserved, p.blocked, p.waiting, p.seated
    from inventory.pool p where p.event_id = any($1::text[])`,
  seats: `
    select s.event_id as "eventId", s.seat_no as "seatNo", s.seat_key as "seatKey",
      s.pool_id as "poolId", s.status, s.hold_id as "holdId"
    from inventory.seat s where s.event_id = any($1::text[])`,
  holds: HOLDS,
  orders: `
    select o.event_id as "eventId", o.order_id as "orderId", o.hold_id as "holdId", o.key, o.status,
      o.total_minor as "totalMinor"
    from orders.order o where o.event_id = any($1::text[])`,
  tickets: `
    select t.event_id as "eventId", t.ticket_id as "ticketId", t.order_id as "orderId",
      t.price_minor as "priceMinor", t.complimentary, t.status,
      t.seat_key as "seatKey"
    from orders.ticket t where t.event_id = any($1::text[])`,
  payments: `
    select p.event_id as "eventId", p.payment_id as "paymentId", p.reference as "orderId", p.status,
      p.amount_minor as "amountMinor", p.captured_minor as "capturedMinor"
    from payments.payment p where p.event_id = any($1::text[])`,
  refunds: `
    select r.event_id as "eventId", r.refund_id as "refundId", r.payment_id as "paymentId",
      r.amount_minor as "amountMinor", r.status, r.reason
    from payments.refund r where r.event_id = any($1::text[])`,
  ledger: `
    select o.event_id as "eventId", o.order_id as "orderId",
      coalesce(sum(l.amount_minor) filter (where l.kind = 'capture'), 0)::float8 as "capturedMinor",
      coalesce(-sum(l.amount_minor) filter (where l.kind in ('refund', 'refund_failed')), 0)::float8
        as "refundedMinor"
    from orders.order o
    join sandbox.object i on i.type = 'payment_intent'
      and i.data -> 'metadata' ->> 'order_id' = o.order_id
    join sandbox.ledger_line l on l.intent_id = i.id and l.account = 'balance'
    where o.event_id = any($1::text[])
    group by o.event_id, o.order_id`,
  intents: `
    select o.event_id as "eventId", o.order_id as "orderId", count(*)::int as intents
    from orders.order o
    join sandbox.object i on i.type = 'payment_intent'
      and i.data -> 'metadata' ->> 'order_id' = o.order_id
    where o.event_id = any($1::text[])
    group by o.event_id, o.order_id`,
  grants: `
    select f.event_id as "eventId", h.hold_id as "holdId",
      (extract(epoch from h.made_at) * 1000)::float8 as "decidedAtMs"
    from (
      select event_id, seq, 0 as id, kind, data from kernel.fact
      union all select event_id, null, id, kind, data from kernel.outbox
    ) f
    join inventory.hold h on h.event_id = f.event_id and h.hold_id = f.data ->> 'holdId'
    where f.event_id = any($1::text[]) and f.kind = 'places_held'
    order by f.seq nulls last, f.id`,
};

/** The superuser's, outside the servers' pools; what dies in between is replaced. */
export function auditorPool(databaseUrl: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 6 });
  pool.on('error', () => {});
  // Unheard, the end of a connection between two statements would end the process.
  pool.on('connect', (client) => void client.on('error', () => {}));
  return pool;
}

const AGAIN_AFTER_MS = 100;
const ATTEMPTS_MAX = 200;

/** The database may be away: some runs kill it. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isAway(error) || attempt === ATTEMPTS_MAX) throw error;
      await pause(AGAIN_AFTER_MS);
    }
  }
}

export async function query<Row extends object>(
  pool: pg.Pool,
  text: string,
  values: readonly unknown[],
): Promise<readonly Row[]> {
  const { rows } = await patiently(() => pool.query<Row>(text, [...values]));
  return rows;
}

/** One short snapshot; none stays open while places are being sold. */
export function readEvents(
  pool: pg.Pool,
  eventIds: readonly string[],
  extent: Extent,
): Promise<readonly EventRows[]> {
  return patiently(() => readSnapshot(pool, eventIds, extent));
}

async function readSnapshot(
  pool: pg.Pool,
  eventIds: readonly string[],
  extent: Extent,
): Promise<readonly EventRows[]> {
  const client = await pool.connect();
  let broken = true;
  try {
    await client.query('begin isolation level repeatable read read only');
    const { rows } = await client.query<{ atMs: number }>(
      'select (extract(epoch from clock_timestamp()) * 1000)::float8 as "atMs"',
    );
    const atMs = rows[0]?.atMs ?? 0;
    const read = async <Row extends object>(name: keyof typeof STATEMENTS) => {
      const text = STATEMENTS[name] + (name === 'holds' && extent === 'live' ? LIVE : '');
      const found = await client.query<Row & { eventId: string }>({
        name: `${name} ${extent}`,
        text,
        values: [eventIds],
      });
      return byEvent(found.rows);
    };
    const sales = await read<{ totalCapacity: number | null }>('totalCapacity');
    const pools = await read<PoolRow>('pools');
    const seats = await read<SeatRow>('seats');
    const holds = await read<HoldRow>('holds');
    const orders = await read<OrderRow>('orders');
    const tickets = await read<TicketRow>('tickets');
    const payments = await read<PaymentRow>('payments');
    const refunds = await read<RefundRow>('refunds');
    const isWhole = extent === 'whole';
    const ledger = isWhole ? await read<LedgerRow>('ledger') : new Map<string, LedgerRow[]>();
    const intents = isWhole ? await read<IntentsRow>('intents') : new Map<string, IntentsRow[]>();
    const grants = isWhole ? await read<GrantRow>('grants') : new Map<string, GrantRow[]>();
    await client.query('rollback');
    broken = false;
    return eventIds.map((eventId) => ({
      eventId,
      atMs,
      totalCapacity: sales.get(eventId)?.[0]?.totalCapacity ?? null,
      pools: pools.get(eventId) ?? [],
      seats: seats.get(eventId) ?? [],
      holds: holds.get(eventId) ?? [],
      orders: orders.get(eventId) ?? [],
      tickets: tickets.get(eventId) ?? [],
      payments: payments.get(eventId) ?? [],
      refunds: refunds.get(eventId) ?? [],
      ledger: ledger.get(eventId) ?? [],
      intents: intents.get(eventId) ?? [],
      grants: grants.get(eventId) ?? [],
    }));
  } finally {
    client.release(broken);
  }
}

function byEvent<Row extends { readonly eventId: string }>(rows: readonly Row[]) {
  const found = new Map<string, Row[]>();
  for (const row of rows) {
    const list = found.get(row.eventId);
    if (list) list.push(row);
    else found.set(row.eventId, [row]);
  }
  return found;
}

export type Unsettled = {
  readonly orders: number;
  readonly payments: number;
  readonly refunds: number;
  readonly jobs: number;
  /** What its jobs say. */
  readonly why: string | null;
};

/** What of an event is not at its end; all of it must come to one. */
export async function readUnsettled(pool: pg.Pool, eventId: string): Promise<Unsettled> {
  const rows = await query<Unsettled>(
    pool,
    `
      select
        (select count(*)::int from orders.order o
          where o.event_id = $1 and o.status = 'pending') as orders,
        (select count(*)::int from payments.payment p where p.event_id = $1
          and p.status not in ('captured', 'voided', 'failed')) as payments,
        (select count(*)::int from payments.refund r
          left join sandbox.object x on x.id = r.provider_id
          left join sandbox.due d on d.object_id = r.provider_id
          where r.event_id = $1 and (r.status <> 'succeeded' or d.action = 'settle_refund'
            or x.data ->> 'status' = 'failed')) as refunds,
        (select count(*)::int from kernel.job j where j.data ->> 'eventId' = $1) as jobs,
        (select string_agg(format('%s %s: %s attempts, %s, %s', j.kind, j.key, j.attempts,
            case when j.parked_at is not null then 'parked'
              when j.leased_until > clock_timestamp() then 'leased' else 'waiting' end,
            j.last_error), '; ')
          from kernel.job j where j.data ->> 'eventId' = $1) as why`,
    [eventId],
  );
  return rows[0] ?? { orders: 0, payments: 0, refunds: 0, jobs: 0, why: null };
}

export type Reached = {
  readonly lapsed: number;
  readonly lapsedByDemand: number;
  readonly claimsEnded: number;
  readonly lateRefunds: number;
  readonly extended: number;
  readonly revived: number;
  readonly bounced: number;
};

/**
 * How an event's holds ended, from its facts: a hold that lapsed in the transaction of another
 * one's grant was reclaimed by demand, the others were swept.
 */
export async function readReached(pool: pg.Pool, eventId: string): Promise<Reached> {
  const rows = await query<Reached>(
    pool,
    `
      with told as (
        select kind, tx from kernel.fact where event_id = $1
        union all select kind, tx from kernel.outbox where event_id = $1
      ), granted as (
        select distinct f.tx from told f where f.kind = 'places_held'
      ), lapsed as (
        select f.tx from told f where f.kind = 'hold_lapsed'
      )
      select
        (select count(*)::int from lapsed) as lapsed,
        (select count(*)::int from lapsed join granted using (tx)) as "lapsedByDemand",
        (select count(distinct t.order_id)::int from orders.ticket t
          join orders.order o on o.event_id = t.event_id and o.order_id = t.order_id
          where t.event_id = $1 and t.status = 'void' and o.confirmed_at is null)
          as "claimsEnded",
        (select count(*)::int from payments.refund r
          where r.event_id = $1 and r.reason = 'late_payment') as "lateRefunds",
        (select count(*)::int from told f where f.kind = 'hold_extended') as extended,
        (select count(*)::int from told f where f.kind = 'hold_revived') as revived,
        (select count(*)::int from kernel.state_change c
          where c.event_id = $1 and c.machine = 'refund' and c.from_state = 'succeeded')
          as bounced`,
    [eventId],
  );
  const none = { lapsed: 0, lapsedByDemand: 0, claimsEnded: 0, lateRefunds: 0 };
  return rows[0] ?? { ...none, extended: 0, revived: 0, bounced: 0 };
}
