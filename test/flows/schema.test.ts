/** C5, E6: the relational schema itself: keys, constraints, indexes, and who may write what. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countUnknown } from '../../server/modules/payments/payment.sql.ts';
import { cloneDb, type TestDb } from '../kit/db.ts';

let database: TestDb;
beforeAll(async () => {
  database = await cloneDb();
});
afterAll(() => database.close());

const names = async (text: string): Promise<string[]> => {
  const { rows } = await database.open(null).pool.query<{ name: string }>(text);
  return rows.map((row) => row.name).sort();
};

const OURS = `n.nspname in ('kernel', 'identity', 'inventory', 'catalog', 'payments', 'orders',
  'papers', 'promotions', 'sessions')`;

describe('C5 every table', () => {
  it('has a primary key', async () => {
    const all = await names(
      `select c.oid::regclass::text as name from pg_class c
       join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and ${OURS}`,
    );
    expect(all.length).toBeGreaterThanOrEqual(20);
    const without = await names(
      `select c.oid::regclass::text as name from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
       where c.relkind = 'r' and ${OURS} and not exists (
         select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p')`,
    );
    expect(without).toEqual([]);
  });

  it('that sells leads its keys with the event, so that one event is one shard', async () => {
    const others = await names(
      `select c.oid::regclass::text as name from pg_constraint k
       join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
       join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
       where k.contype in ('p', 'u') and n.nspname in ('inventory', 'orders', 'payments', 'sessions')
         and a.attname <> 'event_id'`,
    );
    // The inbox of webhooks knows no event before it has looked one up, an organizer's account is
    // for all of its events, a tie-out for a day of them; none is part of selling.
    const known = ['account', 'tie_out', 'tie_out_day', 'tie_out_page', 'webhook'];
    expect([...new Set(others)].sort()).toEqual(known.map((table) => `payments.${table}`));
  });

  it('that sells has no key, unique index or foreign key across events', async () => {
    const hot = `n.nspname in ('inventory', 'orders', 'payments', 'sessions')
      and c.relname not in ('webhook', 'account', 'tie_out', 'tie_out_day', 'tie_out_page')`;
    const unique = await names(
      `select i.indexrelid::regclass::text as name from pg_index i
       join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
       join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
       where i.indisunique and ${hot} and a.attname <> 'event_id'`,
    );
    expect(unique).toEqual([]);
    const foreign = await database
      .open(null)
      .pool.query<{ name: string; own: string; other: string }>(
        `select k.conname as name, a.attname as own, b.attname as other from pg_constraint k
       join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
       join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
       join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
       where k.contype = 'f' and ${hot}`,
      );
    expect(foreign.rows.length).toBeGreaterThan(4);
    for (const key of foreign.rows) {
      expect(key).toEqual({ name: key.name, own: 'event_id', other: 'event_id' });
    }
  });

  it('has an index behind each foreign key', async () => {
    const bare = await names(
      `select k.conname as name from pg_constraint k
       join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
       where k.contype = 'f' and ${OURS} and not exists (
         select from pg_index i where i.indrelid = k.conrelid
           and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)`,
    );
    expect(bare).toEqual([]);
  });
});

describe('E6 the queries of booking', () => {
  it.each([
    ['orders of an event by key', 'orders.order', `event_id = 'e' and caller = 'c' and key = 'k'`],
    ['an order by its hold', 'orders.order', `event_id = 'e' and hold_id = 'h'`],
    ['orders that expire', 'orders.deadline', 'expires_at < now()'],
    ['tickets of an order', 'orders.ticket', `event_id = 'e' and order_id = 'o'`],
    ['payments of an order', 'payments.payment', `event_id = 'e' and reference = 'r'`],
    [
      'holds that lapse',
      'inventory.hold',
      `event_id = 'e' and expires_at > '-infinity' and expires_at < now()`,
    ],
    ['what a person has', 'inventory.person_use', `event_id = 'e' and person_key = 'p'`],
  ])('find %s by an index', async (_what, table, where) => {
    const client = await database.open(null).pool.connect();
    try {
      await client.query('begin; set local enable_seqscan = off');
      const { rows } = await client.query(`explain select from ${table} where ${where}`);
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toMatch(/Index/);
      expect(plan).not.toMatch(/Seq Scan/);
      await client.query('rollback');
    } finally {
      client.release();
    }
  });
});

describe('D4 what counts unknown payments', () => {
  it('reads those that are to be looked at, not all that ever were', async () => {
    const { text, values } = countUnknown(60);
    const client = await database.open(null).pool.connect();
    try {
      await client.query('begin; set local enable_seqscan = off');
      const { rows } = await client.query(`explain ${text}`, [...values]);
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toContain('payment_to_check');
      await client.query('rollback');
    } finally {
      client.release();
    }
  });
});

describe('C4 a row by its own id', () => {
  it.each([
    ['inventory.hold', 'hold_id', 'hold_pkey'],
    ['orders.order', 'order_id', 'order_pkey'],
    ['orders.ticket', 'ticket_id', 'ticket_pkey'],
    ['payments.payment', 'payment_id', 'payment_pkey'],
  ])(
    'of %s is found by its key, also where nothing is known of the table',
    async (table, id, key) => {
      const client = await database.open(null).pool.connect();
      try {
        await client.query(`begin; set local enable_seqscan = off; set local enable_bitmapscan = off;
        set local cpu_tuple_cost = 100; set local cpu_index_tuple_cost = 100`);
        const { rows } = await client.query(
          `explain select from ${table} where event_id = 'e' and ${id} = 'x'`,
        );
        expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain(key);
        await client.query('rollback');
      } finally {
        client.release();
      }
    },
  );
});

describe('C4 what every sale changes', () => {
  it.each([
    ['inventory.hold', 'status, bound, returned'],
    ['orders.order', 'status, end_reason, confirmed_at'],
    ['orders.ticket', 'status'],
    ['payments.payment', 'status'],
  ])('stands in no index of %s, so that no index is written', async (table, columns) => {
    const found = await names(
      `select i.indexrelid::regclass::text as name from pg_index i
       join pg_attribute a on a.attrelid = i.indrelid and (a.attnum = any (i.indkey)
         or pg_get_expr(i.indpred, i.indrelid) ~ ('\\m' || a.attname || '\\M'))
       where i.indrelid = '${table}'::regclass
         and a.attname = any (string_to_array('${columns}', ', '))`,
    );
    expect(found).toEqual([]);
  });
});

describe('A2 B6 the last line of the rules', () => {
  it.each([
    ['more than the capacity', 'held = 11', /pool_never_oversold/],
    ['less than nothing', 'sold = -1', /pool_sold_check/],
  ])('refuses %s in a pool, whoever writes it', async (_what, change, constraint) => {
    const pool = database.db.pool;
    await pool.query(
      `insert into inventory.sale (event_id, organizer_id, currency, ends_at, hold_ms)
       values ('evt_schema', 'org', 'EUR', now(), 900000) on conflict do nothing;
       insert into inventory.pool (event_id, pool_id, name, capacity)
       values ('evt_schema', 'pool', 'A', 10) on conflict do nothing`,
    );
    await expect(pool.query(`update inventory.pool set ${change}`)).rejects.toThrow(constraint);
  });

  it('refuses an edge that a state machine does not have, whoever writes it', async () => {
    await expect(
      database.db.pool.query(
        `insert into inventory.hold (event_id, hold_id, status, caller, key, body_hash, guarded,
           made_at, granted_until, expires_at, ticket_type_ids, pool_ids, quantities, unit_prices,
           returned)
         values ('evt_schema', 'h', 'sold', 'c', 'k', '', false, now(), now(), now(), '{tt}',
           '{pool}', '{1}', '{100}', '{0}')`,
      ),
    ).rejects.toThrow(/illegal hold transition/);
  });
});
