/**
 * C3, C4, E3, F4: two buyers, one place; one person, two requests. Each race first happens without
 * its guard, then does not with it. The interleaving is made by hand: the first transaction stays
 * open until the second has either answered or is seen waiting for it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionSuffix } from '../../server/kernel/functions.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { onSale } from '../kit/given.ts';
import {
  installVariant,
  openSession,
  type Session,
  untilAnybodyBlocked,
  untilBlocked,
} from '../kit/variants.ts';

let app: TestApp;
let url: string;
beforeAll(async () => {
  app = await startApp();
  url = app.database.url;
  await installVariant(url, '_no_lock', (text) =>
    text.replaceAll(/\s+for no key update( skip locked)?/g, ''),
  );
});
afterAll(() => app.close());

let n = 0;

/** Calls the function as the application does; the answer's verdict. */
async function hold(
  session: Session,
  suffix: string,
  eventId: string,
  typeId: string,
  person = '',
) {
  n += 1;
  const id = `hld_${eventId.slice(4)}${String(n).padStart(24, '0')}`;
  const request = {
    holdId: id,
    caller: 'race',
    key: `key-${n}`,
    bodyHash: '00',
    guarded: false,
    personKeys: person ? [person] : [],
    ticketTypeIds: [typeId],
    quantities: [1],
    offered: false,
  };
  const { rows } = await session.query(
    `select inventory.hold_batch${suffix}($1, null, $2) as answers`,
    [eventId, JSON.stringify([request])],
  );
  return rows[0].answers[0].verdict as string;
}

/** First holds and stays open; second asks; only then does the first commit. */
async function race(suffix: string, eventId: string, typeId: string, person = '') {
  const [first, second] = await Promise.all([openSession(url), openSession(url)]);
  try {
    const one = await hold(first, suffix, eventId, typeId, person);
    const asked = hold(second, suffix, eventId, typeId, person);
    const waits = await Promise.race([
      asked.then(() => false),
      untilBlocked(url, second.pid).then(() => true),
    ]);
    await first.commit();
    const two = await asked;
    await second.commit();
    return { verdicts: [one, two], waits };
  } finally {
    await Promise.all([first.end(), second.end()]);
  }
}

const held = async (eventId: string) => {
  const { rows } = await app.database
    .open(null)
    .pool.query('select held, capacity from inventory.pool where event_id = $1', [eventId]);
  return rows[0] as { held: number; capacity: number };
};

describe('two buyers and the last place', () => {
  it('without the lock (and the table’s own check) the place is given twice', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 1 });
    await app.database
      .open(null)
      .pool.query('alter table inventory.pool drop constraint pool_never_oversold');
    const { verdicts } = await race('_no_lock', eventId, typeId);
    expect(verdicts).toEqual(['granted', 'granted']);
    expect(await held(eventId)).toEqual({ held: 2, capacity: 1 });
    await app.database.open(null).pool.query(
      `delete from inventory.hold where event_id = '${eventId}';
       update inventory.pool set held = 0 where event_id = '${eventId}';
       alter table inventory.pool add constraint pool_never_oversold
         check (held + claimed + sold + reserved + blocked <= capacity)`,
    );
  });

  it('without the lock the table’s check is the last line: an error, not a ticket too many', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 1 });
    await expect(race('_no_lock', eventId, typeId)).rejects.toThrow(/pool_never_oversold/);
    expect((await held(eventId)).held).toBeLessThanOrEqual(1);
  });

  it('with it the second waits and is told that it is sold out', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 1 });
    const { verdicts, waits } = await race(functionSuffix(), eventId, typeId);
    expect(waits).toBe(true);
    expect(verdicts).toEqual(['granted', 'sold_out']);
    expect(await held(eventId)).toEqual({ held: 1, capacity: 1 });
  });
});

describe('one person asking twice at once', () => {
  const capped = () => onSale(app.admin, { more: { maxTicketsPerPerson: 1 } });

  it('without the lock gets twice the cap', async () => {
    const { eventId, typeId } = await capped();
    const { verdicts } = await race('_no_lock', eventId, typeId, 'email_a');
    expect(verdicts).toEqual(['granted', 'granted']);
  });

  it('with it gets the cap', async () => {
    const { eventId, typeId } = await capped();
    const { verdicts } = await race(functionSuffix(), eventId, typeId, 'email_a');
    expect(verdicts).toEqual(['granted', 'per_person_limit']);
  });

  it('is refused by a snapshot older than the lock, instead of being counted wrongly', async () => {
    const { eventId, typeId } = await capped();
    const [first, second] = await Promise.all([
      openSession(url),
      openSession(url, 'repeatable read'),
    ]);
    try {
      // The second takes its snapshot before the first changes anything.
      await second.query('select 1 from inventory.sale');
      await hold(first, functionSuffix(), eventId, typeId, 'email_a');
      await first.commit();
      await expect(
        hold(second, functionSuffix(), eventId, typeId, 'email_a'),
      ).rejects.toMatchObject({
        code: '40001',
      });
    } finally {
      await Promise.all([first.end(), second.end()]);
    }
  });
});

describe('a sale that closes while somebody waits for the lock', () => {
  beforeAll(() =>
    // The transaction's start instead of the moment after the lock.
    installVariant(url, '_tx_start', (text) =>
      text.replaceAll('kernel.instant(p_now)', 'coalesce(p_now, now())'),
    ),
  );

  /** The waiting transaction began before the close; the close is committed before it decides. */
  async function closeWhileWaiting(suffix: string) {
    const { eventId, typeId } = await onSale(app.admin);
    const [first, second] = await Promise.all([openSession(url), openSession(url)]);
    try {
      await first.query('select from inventory.sale where event_id = $1 for no key update', [
        eventId,
      ]);
      const asked = hold(second, suffix, eventId, typeId);
      await untilBlocked(url, second.pid);
      await first.query(
        'update inventory.sale set closes_at = clock_timestamp() where event_id = $1',
        [eventId],
      );
      await first.commit();
      const verdict = await asked;
      await second.rollback();
      return verdict;
    } finally {
      await Promise.all([first.end(), second.end()]);
    }
  }

  it('sells after its close where the time is that of the transaction’s start', async () => {
    expect(await closeWhileWaiting('_tx_start')).toBe('granted');
  });

  it('does not where the time is read after the lock', async () => {
    expect(await closeWhileWaiting(functionSuffix())).toBe('sale_closed');
  });
});

describe('a ticket type that changes its price while a hold is being decided', () => {
  it('waits for the lock, so that a hold sees one pool and one price', async () => {
    const { event, eventId, typeId } = await onSale(app.admin);
    const [type] = event.ticketTypes;
    const session = await openSession(url);
    try {
      await session.query('select from inventory.sale where event_id = $1 for no key update', [
        eventId,
      ]);
      const dearer = { name: 'A', price: { amount: 9_900, currency: 'EUR' }, poolId: type?.poolId };
      const changed = app.admin.put(`/events/${eventId}/ticket-types/${typeId}`, dearer);
      const waits = await Promise.race([
        changed.then(() => false),
        untilAnybodyBlocked(url, session.pid).then(() => true),
      ]);
      expect(waits).toBe(true);
      await session.commit();
      expect((await changed).body.price.amount).toBe(9_900);
    } finally {
      await session.end();
    }
  });
});

describe('over HTTP', () => {
  it('C3 gives 10 places to 60 guests at once, and not one more', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 10 });
    const ask = (i: number) =>
      app.guest.post(
        `/events/${eventId}/holds`,
        { items: [{ ticketTypeId: typeId, quantity: 1 }] },
        { 'idempotency-key': `guest-${i}` },
      );
    const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(i)));
    const codes = answers.map(({ status, body }) => (status === 201 ? 'held' : body.code));
    expect(codes.filter((code) => code === 'held')).toHaveLength(10);
    expect(codes.filter((code) => code === 'sold_out')).toHaveLength(50);
  });

  it('G14 gives one hold to one request that comes 20 times at once', async () => {
    const { eventId, typeId } = await onSale(app.admin, { capacity: 50 });
    const body = { items: [{ ticketTypeId: typeId, quantity: 2 }] };
    const device = {
      'x-device-token': 'device-0123456789abcdef',
      'idempotency-key': 'double-click',
    };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => app.guest.post(`/events/${eventId}/holds`, body, device)),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
    expect(answers.every((answer) => answer.status === 201)).toBe(true);
    expect((await held(eventId)).held).toBe(2);
    const other = await app.guest.post(
      `/events/${eventId}/holds`,
      { items: [{ ticketTypeId: typeId, quantity: 1 }] },
      device,
    );
    expect(other.body).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
  });
});
