/**
 * Bugs, planted one at a time: each a change of the text of the SQL functions, or of what a server
 * finds in its context. The simulation must find every one of them by the named checks; what finds
 * none of them finds nothing.
 */
import pg from 'pg';
import type { Lanes } from '../../server/kernel/lanes.ts';
import { ok, present } from '../../server/kernel/result.ts';
import type { OverrideContext } from './instances.ts';
import {
  AWAITED,
  FREE,
  GREEDY,
  HOLD,
  HOLD_PARTS,
  NEVER_OVERSOLD,
  ONE_PER_KEY,
  PAYING,
  type Plant,
  payingEvent,
  REFUND,
  SEATED,
  SELL,
  SETTLE,
  SHORT,
  SUPPLY,
  SWAP,
} from './planting.ts';
import { moneyPlants } from './plants-of-money.ts';

export const plants: readonly Plant[] = [
  {
    name: 'the event is not locked before a decision',
    smoke: true,
    changes: [
      {
        file: /inventory\/(hold|change-hold|free|sell|seats)\.fn\.sql$/,
        find: /(from inventory\.sale s where s\.event_id = p_event) for no key update/,
        put: '$1',
      },
    ],
    statements: [NEVER_OVERSOLD],
    caughtBy: ['G1', 'G2', 'G6', 'ANSWER'],
    run: GREEDY,
  },
  {
    name: 'the cap does not count live holds',
    smoke: true,
    changes: [
      {
        file: /inventory\/(hold-parts|decide)\.fn\.sql$/,
        find: `or (h.status = 'active' and h.expires_at > p_t)`,
        put: '',
      },
    ],
    caughtBy: ['G6'],
    run: GREEDY,
  },
  {
    name: 'lapsed holds are free only when they are swept',
    changes: [
      {
        file: HOLD,
        find: /v_swept := inventory\.reclaim_lapsed@v\(.*\);/,
        put: 'v_swept := 0;',
      },
      {
        file: SWAP,
        find: /v_swept := inventory\.reclaim_lapsed@v\(.*\);/,
        put: 'v_swept := 0;',
      },
    ],
    caughtBy: ['G5'],
  },
  {
    name: 'a decision takes the time from before it waited',
    changes: [{ file: HOLD, find: /kernel\.instant\(p_now\)/, put: 'coalesce(p_now, now())' }],
    caughtBy: ['G5'],
    slow: true,
    run: { ...SHORT, faults: { hold_lock: 100, kill_connections: 0, deadlock: 0, provider: 0 } },
  },
  {
    name: 'a release does not give its places back',
    smoke: true,
    changes: [
      {
        file: FREE,
        find: /(perform inventory\.give_back@v\(p_event, p_from, .*\);)/,
        put: `if p_to = 'lapsed' then $1 end if;`,
      },
    ],
    caughtBy: ['G2'],
  },
  {
    name: 'a key that is known is not looked up',
    smoke: true,
    changes: [{ file: HOLD, find: 'if r.known is not null then', put: 'if false then' }],
    statements: [ONE_PER_KEY],
    caughtBy: ['G14'],
  },
  {
    name: 'a known key is answered whatever the body',
    changes: [
      { file: HOLD_PARTS, find: `encode(h.body_hash, 'hex') <> p_body_hash`, put: 'false' },
    ],
    caughtBy: ['G14'],
  },
  {
    name: 'a swap keeps the old selection counted',
    changes: [{ file: SWAP, find: 'select o.pool_id, - o.quantity', put: 'select o.pool_id, 0' }],
    caughtBy: ['G2', 'G5', 'ANSWER'],
  },
  {
    name: 'reclaimed places are counted twice',
    changes: [
      {
        file: FREE,
        find: `p_from, v_pools, v_quantities, v_seats);`,
        put: `p_from, v_pools || v_pools, v_quantities || v_quantities, v_seats);`,
      },
    ],
    statements: ['alter table inventory.pool drop constraint pool_held_check'],
    caughtBy: ['G2'],
    slow: true,
  },
  {
    name: 'holds are reclaimed before their time',
    changes: [{ file: FREE, find: / and h\.expires_at <= p_t(\n *order by)/, put: '$1' }],
    caughtBy: ['G15'],
  },
  {
    name: 'an order is confirmed without a claim',
    smoke: true,
    changes: [
      {
        file: SELL,
        find: /perform inventory\.move_places@v\(p_event, v_claiming, 'claimed'\);/,
        put: 'null;',
      },
      { file: SETTLE, find: ` and s.ended = 'sold'`, put: '' },
    ],
    caughtBy: ['G4', 'G15'],
  },
  {
    name: 'sold places are not counted',
    changes: [{ file: SELL, find: /sold = p\.sold \+ case when .* end$/m, put: 'sold = p.sold' }],
    caughtBy: ['G2'],
  },
  {
    name: 'a refund leaves the tickets valid',
    changes: [
      {
        file: REFUND,
        find: /(refund_id = p_refund,\n *kept_minor = [^\n]*\n *where)/,
        put: '$1 false and',
      },
    ],
    caughtBy: ['G4', 'G7', 'G9'],
    slow: true,
  },
  {
    name: 'a refund does not bring the places back',
    changes: [
      {
        file: REFUND,
        find: /perform orders\.return_tickets@v\(p_event, p_order, v_order\.hold_id, v_chosen\);/,
        put: 'null;',
      },
    ],
    caughtBy: ['G4', 'G5'],
  },
  {
    name: 'money that came too late is kept',
    changes: [{ file: SETTLE, find: /perform payments\.owe_refund@v\([\s\S]*?\);/, put: 'null;' }],
    caughtBy: ['G7'],
    slow: true,
    run: PAYING,
  },
  {
    name: 'a capacity may be lowered below what is given out',
    changes: [
      { file: SUPPLY, find: 'elsif v_committed > p_capacity then', put: 'elsif false then' },
    ],
    statements: [NEVER_OVERSOLD],
    caughtBy: ['G1'],
    run: { mix: { move_capacity: 60 } },
  },
  {
    name: 'a seat is given to two holds',
    smoke: true,
    changes: [
      {
        file: HOLD_PARTS,
        find: `return case when v_is_taken then 'seat_taken' end;`,
        put: 'return null;',
      },
    ],
    caughtBy: ['G3'],
    run: SEATED,
  },
  {
    name: 'what is freed is not kept for those who wait',
    smoke: true,
    changes: [
      {
        file: FREE,
        find: 'select least(v_pool.quantity, greatest(0, p.waiting - p.reserved)) into v_kept',
        put: 'select 0 into v_kept',
      },
    ],
    caughtBy: ['G5'],
    run: AWAITED,
  },
  {
    name: 'a hold draws on what is kept for those who wait',
    changes: [
      {
        file: HOLD,
        find: 'v_pool_of[v_type] + case when r.offered then',
        put:
          'v_pool_of[v_type] + case when r.offered or ' +
          '(v_room[v_pool_of[v_type]] < r.quantities[i] and ' +
          'v_room[cardinality(v_pools) + v_pool_of[v_type]] >= r.quantities[i]) then',
      },
    ],
    caughtBy: ['G5'],
    run: AWAITED,
  },
  {
    name: 'answers go out before their commit',
    smoke: true,
    override: answersEarly,
    caughtBy: ['G15', 'G14'],
    run: SHORT,
  },
  {
    name: 'a capture is taken for granted',
    smoke: true,
    override: capturesNothing,
    caughtBy: ['G7'],
    run: {
      ...PAYING,
      slots: 2,
      changeEvent: (plan) => ({ ...payingEvent(plan), operations: 30, ends: 'open' }),
    },
  },
  ...moneyPlants,
  {
    name: 'a commit does not wait for the disk',
    slow: true,
    killed: 'postgres',
    caughtBy: ['G15', 'G14'],
  },
];

const EARLY_EVERY = 20;

/** Now and then a hold is answered, and then what it was answered from is undone. */
function answersEarly(databaseUrl: string): ReturnType<OverrideContext> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4 });
  let holds = 0;
  const undone: Lanes['ask'] = async (scope, kind, eventId, request) => {
    const { name, text, values, decode } = kind.call(
      eventId,
      scope.clock.now(),
      JSON.stringify([request]),
    );
    const client = await pool.connect();
    try {
      await client.query('begin');
      const { rows } = await client.query({ name, text, values: [...values] });
      await client.query('rollback');
      const [answer] = decode(rows[0]).answers;
      return ok(present(answer, 'an answer'));
    } finally {
      client.release();
    }
  };
  return {
    override: {},
    wrapLanes: (real) => ({
      ...real,
      ask: (scope, kind, eventId, request) =>
        kind.name === 'hold' && ++holds % EARLY_EVERY === 0
          ? undone(scope, kind, eventId, request)
          : real.ask(scope, kind, eventId, request),
    }),
    close: () => pool.end(),
  };
}

/** The provider is never asked, and its answer made up. */
function capturesNothing(): ReturnType<OverrideContext> {
  return {
    override: {},
    wrapPayments: (real) => ({
      ...real,
      captureIntent: async (id) => {
        const read = await real.readIntent(id);
        if (read.kind !== 'ok') return read;
        const { amountMinor } = read.value;
        return {
          kind: 'ok',
          value: { ...read.value, status: 'succeeded', receivedMinor: amountMinor },
        };
      },
    }),
    close: async () => {},
  };
}
