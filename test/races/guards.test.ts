/**
 * C3, C4, C7, C9: every guard of a hold by itself. Each race first goes wrong without its guard,
 * then not with it. What is sold too often here is a cap per person, or a seat: of those no
 * constraint of a table takes care, only the lock and the order of things after it.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { functionSuffix } from '../../server/kernel/functions.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { callLane, holdRequest, pooledSale, poolsOf, race, wordOf } from '../kit/lane-calls.ts';
import { seatedSale } from '../kit/seated.ts';
import { installVariant, type Session } from '../kit/variants.ts';

const LOCK =
  'select * into v_sale from inventory.sale s where s.event_id = p_event for no key update;';
const VERSION = `set version = s.version + 1, oldest_expiry = least(s.oldest_expiry, p_until)
  where s.event_id = p_event`;
const BEFORE_DECIDING = '  for r in\n    select q.nth, q.caller';

let app: TestApp;
let url: string;
beforeAll(async () => {
  app = await startApp();
  url = app.database.url;
  await installVariant(url, '_no_lock', (text) =>
    text.replaceAll(/\s+for no key update(?: skip locked)?/g, ''),
  );
  await installVariant(url, '_late_lock', (text) =>
    text.includes(BEFORE_DECIDING)
      ? text
          .replace(LOCK, LOCK.replace(' for no key update', ''))
          .replace(BEFORE_DECIDING, `  ${LOCK}\n${BEFORE_DECIDING}`)
      : text,
  );
  // Whoever changes the locked row makes an older snapshot fail; here nobody does.
  await installVariant(url, '_row_untouched', (text) =>
    text.replace(VERSION, `${VERSION} and false`),
  );
});
afterAll(() => app.close());

/** What went wrong on purpose is taken out again, so that the audit means something. */
let broken: string[] = [];
afterEach(async () => {
  const db = app.database.open(null);
  for (const eventId of broken) {
    await db.pool.query(
      `delete from inventory.person_use where event_id = '${eventId}';
       delete from inventory.hold where event_id = '${eventId}';
       update inventory.seat set status = 'free', hold_id = null, expires_at = null
         where event_id = '${eventId}';
       update inventory.pool set held = 0 where event_id = '${eventId}'`,
    );
  }
  broken = [];
  await expectAuditClean(app);
});

const hold = (suffix: string, eventId: string, request: object) => async (session: Session) => {
  const [answer] = await callLane(session, `inventory.hold_batch${suffix}`, eventId, [request]);
  return wordOf(answer);
};

describe('a cap of 2 per person, and two requests for 2', () => {
  async function twice(suffix: string, options: { isolation?: string; before?: boolean } = {}) {
    // Of two pools, so that nothing but the cap is in the way of the second.
    const { eventId, types } = await pooledSale(app, [10, 10], { maxTicketsPerPerson: 2 });
    const request = (type = '') =>
      holdRequest(eventId, [{ type, quantity: 2 }], { personKeys: ['email_a'] });
    if (suffix !== functionSuffix()) broken.push(eventId);
    const calls = {
      first: hold(suffix, eventId, request(types[0])),
      second: hold(suffix, eventId, request(types[1])),
      ...(options.isolation ? { isolation: options.isolation } : {}),
    };
    const look = (session: Session) => session.query('select 1 from inventory.sale');
    const { first, second } = await race(url, options.before ? { ...calls, before: look } : calls);
    const held = (await poolsOf(app, eventId)).map((pool) => pool.held);
    return { verdicts: [first, second], held };
  }

  it('without the lock: 4', async () => {
    expect(await twice('_no_lock')).toEqual({ verdicts: ['granted', 'granted'], held: [2, 2] });
  });

  it('read before the lock: 4', async () => {
    expect(await twice('_late_lock')).toEqual({ verdicts: ['granted', 'granted'], held: [2, 2] });
  });

  it('with the lock first, and everything read after it: 2', async () => {
    const held = { verdicts: ['granted', 'per_person_limit'], held: [2, 0] };
    expect(await twice(functionSuffix())).toEqual(held);
  });

  const old = { isolation: 'repeatable read', before: true };

  it('in a snapshot from before the lock: 4, although the lock was waited for', async () => {
    const both = { verdicts: ['granted', 'granted'], held: [2, 2] };
    expect(await twice('_row_untouched', old)).toEqual(both);
  });

  it('in such a snapshot, as every batch changes the row that is locked: an error', async () => {
    await expect(twice(functionSuffix(), old)).rejects.toMatchObject({ code: '40001' });
  });
});

describe('one statement instead of a function', () => {
  /** Locks, counts, checks and writes; its one snapshot is from before its wait for the lock. */
  const CTE = `
    with locked as materialized (
      select s.event_id, s.person_limit from inventory.sale s where s.event_id = $1
      for no key update
    ), used as materialized (
      select coalesce(sum(u.quantity), 0) as quantity
      from locked l left join inventory.person_use u
        on u.event_id = l.event_id and u.person_key = 'email_a'
    )
    insert into inventory.person_use (event_id, person_key, hold_id, quantity)
    select l.event_id, 'email_a', $2, 2 from locked l, used u
    where u.quantity + 2 <= l.person_limit returning quantity`;
  const FUNCTION = `
    create function pg_temp.hold_two(p_event text, p_hold text) returns int language plpgsql as $$
    declare
      v_limit int;
    begin
      select s.person_limit into v_limit from inventory.sale s
      where s.event_id = p_event for no key update;
      insert into inventory.person_use (event_id, person_key, hold_id, quantity)
      select p_event, 'email_a', p_hold, 2 where 2 <= v_limit - (
        select coalesce(sum(u.quantity), 0) from inventory.person_use u
        where u.event_id = p_event and u.person_key = 'email_a');
      return (select 2 where found);
    end $$`;

  async function twice(ask: (session: Session, eventId: string, id: string) => Promise<unknown>) {
    const { eventId } = await pooledSale(app, [10], { maxTicketsPerPerson: 2 });
    broken.push(eventId);
    await race(url, {
      first: (session) => ask(session, eventId, 'first'),
      second: (session) => ask(session, eventId, 'second'),
    });
    const { rows } = await app.ctx.db.pool.query<{ total: number }>(
      'select sum(quantity) as total from inventory.person_use where event_id = $1',
      [eventId],
    );
    return rows[0]?.total;
  }

  it('sells 4 where the cap is 2', async () => {
    expect(await twice((session, eventId, id) => session.query(CTE, [eventId, id]))).toBe(4);
  });

  it('sells 2 where the same statements stand in a function, the lock first', async () => {
    const total = await twice(async (session, eventId, id) => {
      await session.query(FUNCTION);
      await session.query('select pg_temp.hold_two($1, $2)', [eventId, id]);
    });
    expect(total).toBe(2);
  });
});

describe('two buyers and one seat', () => {
  async function both(suffix: string) {
    const { eventId, typeId } = await seatedSale(app, { rows: 1, places: 4 });
    if (suffix !== functionSuffix()) broken.push(eventId);
    const request = (seatNos: readonly number[]) =>
      holdRequest(eventId, [{ type: typeId, quantity: 2 }], { seatNos });
    const { first, second } = await race(url, {
      first: hold(suffix, eventId, request([0, 1])),
      second: hold(suffix, eventId, request([1, 2])),
    });
    const { rows } = await app.ctx.db.pool.query<{ seats: number[] }>(
      `select array_agg(seat_no order by seat_no) as seats from inventory.seat
       where event_id = $1 and status = 'held'`,
      [eventId],
    );
    const places = (await poolsOf(app, eventId))[0]?.held;
    return { verdicts: [first, second], seats: rows[0]?.seats, places };
  }

  it('without the lock: both have it, and four places are three seats', async () => {
    const verdicts = ['granted', 'granted'];
    expect(await both('_no_lock')).toEqual({ verdicts, seats: [0, 1, 2], places: 4 });
  });

  it('with it: the second gets neither that seat nor the other one', async () => {
    const verdicts = ['granted', 'seat_taken'];
    expect(await both(functionSuffix())).toEqual({ verdicts, seats: [0, 1], places: 2 });
  });
});

describe('two parties and the last accessible pair', () => {
  async function both(suffix: string) {
    const { eventId, typeId } = await seatedSale(app, {
      ...{ rows: 1, places: 6 },
      specials: { 'A-1-1': 'accessible', 'A-1-2': 'companion' },
    });
    if (suffix !== functionSuffix()) broken.push(eventId);
    const request = () =>
      holdRequest(eventId, [{ type: typeId, quantity: 2 }], {
        ...{ seatNos: [null, null], best: [true], accessible: [1] },
      });
    const search = async (session: Session) => {
      const name = `inventory.search_batch${suffix}`;
      const [answer] = await callLane(session, name, eventId, [request()]);
      // A search answers with objects.
      const { verdict, seatNos } = answer as { verdict: string; seatNos?: number[] };
      return [verdict, seatNos];
    };
    const { first, second } = await race(url, { first: search, second: search });
    return [first, second, (await poolsOf(app, eventId))[0]?.held];
  }

  it('without the lock: both are found the same seats', async () => {
    const found = ['granted', [0, 1]];
    expect(await both('_no_lock')).toEqual([found, found, 4]);
  });

  it('with it: one has them, and the other is given nothing else', async () => {
    expect(await both(functionSuffix())).toEqual([['granted', [0, 1]], ['sold_out', undefined], 2]);
  });
});

describe('two lines in two pools with one place each, asked for in opposite order', () => {
  it('without the lock and the tables’ check both have both; with them one has', async () => {
    const db = app.database.open(null);
    const both = async (suffix: string) => {
      const { eventId, types } = await pooledSale(app, [1, 1]);
      if (suffix !== functionSuffix()) broken.push(eventId);
      const lines = types.map((type) => ({ type, quantity: 1 }));
      const { first, second } = await race(url, {
        first: hold(suffix, eventId, holdRequest(eventId, lines)),
        second: hold(suffix, eventId, holdRequest(eventId, [...lines].reverse())),
      });
      const held = (await poolsOf(app, eventId)).map((pool) => pool.held);
      return { eventId, verdicts: [first, second], held };
    };
    await db.pool.query('alter table inventory.pool drop constraint pool_never_oversold');
    const wrong = await both('_no_lock');
    expect(wrong).toMatchObject({ verdicts: ['granted', 'granted'], held: [2, 2] });
    await db.pool.query(
      `update inventory.pool set held = 0 where event_id = '${wrong.eventId}';
       alter table inventory.pool add constraint pool_never_oversold
         check (held + claimed + sold + reserved + blocked <= capacity)`,
    );
    await expect(both('_no_lock')).rejects.toThrow(/pool_never_oversold/);
    expect(await both(functionSuffix())).toMatchObject({
      verdicts: ['granted', 'sold_out'],
      held: [1, 1],
    });
  });

  it('takes nothing of the first where the second has none', async () => {
    const { eventId, types } = await pooledSale(app, [5, 1]);
    const [a = '', b = ''] = types;
    const { first, second } = await race(url, {
      first: hold(functionSuffix(), eventId, holdRequest(eventId, [{ type: b, quantity: 1 }])),
      second: hold(
        functionSuffix(),
        eventId,
        holdRequest(eventId, [
          { type: a, quantity: 2 },
          { type: b, quantity: 1 },
        ]),
      ),
    });
    expect([first, second]).toEqual(['granted', 'sold_out']);
    expect((await poolsOf(app, eventId)).map((pool) => pool.held)).toEqual([0, 1]);
  });
});
