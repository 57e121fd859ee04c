/**
 * D9, F10: people who wait, and ordinary buyers, at the same moment. What a guard prevents is
 * first shown without it.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { functionSuffix } from '../../server/kernel/functions.ts';
import { parkedFacts } from '../../server/kernel/parked-facts.ts';
import { auditAll } from '../../server/modules/reporting/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { barrier } from '../kit/barrier.ts';
import { eventually, inDays, newKey, somebody } from '../kit/given.ts';
import { callLane, holdRequest, newId, poolsOf, race, wordOf } from '../kit/lane-calls.ts';
import type { Session } from '../kit/variants.ts';
import { installVariant } from '../kit/variants.ts';
import { looks, soldOut } from '../kit/waiting.ts';

let app: TestApp;
let neighbour: TestApp;
let url: string;
const pauses = barrier();
beforeAll(async () => {
  app = await startApp({ pause: pauses.pause });
  neighbour = await startApp({ database: app.database });
  url = app.database.url;
  await installVariant(url, '_free_for_all', (text) =>
    text.replace('select least(v_pool.quantity, greatest(0, p.waiting - p.reserved))', 'select 0'),
  );
  await installVariant(url, '_asks_nobody', (text) =>
    text.replace(/p\.person_key = any \(v_keys\)\) then/, 'false) then'),
  );
  await installVariant(url, '_still_wanting', (text) =>
    text.replace(
      'delete from waitlist.want w where w.event_id = p_event and w.entry_id = any',
      '--',
    ),
  );
  await installVariant(url, '_no_lock', (text) =>
    text.replaceAll(/\s+for no key update( skip locked)?/g, ''),
  );
});
afterEach(() => expectAuditClean(app));
afterAll(async () => {
  await neighbour.close();
  await app.close();
});

const real = functionSuffix();
type On = { readonly query: Session['query'] };

const calling = (eventId: string) => {
  const call =
    (name: string, request: object, suffix = real, now: Date | null = null) =>
    async (on: On) => {
      const [answer] = await callLane(on, name + suffix, eventId, [request], now);
      return answer;
    };
  return {
    call,
    join: (personKeys: readonly string[], quantity = 1) => ({
      do: 'join',
      entryId: newId('wle', eventId),
      organizerId: 'org_0000000000000',
      closesAt: new Date(Date.now() + 86_400_000).toISOString(),
      caller: newId('wle', eventId),
      key: null,
      bodyHash: '',
      quantity,
      acceptsFewer: false,
      ticketTypeIds: null,
      sections: null,
      personKeys,
      person: { name: null, email: 'race@example.org' },
      userId: null,
    }),
    slots: (count = 4) => ({
      slots: Array.from({ length: count }, () => ({
        offerId: newId('off', eventId),
        holdId: newId('hld', eventId),
        sessionId: newId('ssn', eventId),
      })),
    }),
  };
};

const JOIN = 'waitlist.change_batch';
const LOOK = 'waitlist.offer_batch';

describe('a place that comes back', () => {
  it.each([
    ['_free_for_all', 'granted', 'waiting'],
    [real, 'sold_out', 'offered'],
  ])(
    'D9 is the waitlist’s, not a buyer’s who asks meanwhile, under %s',
    async (suffix, word, status) => {
      const sale = await soldOut(app, [1]);
      const entry = await sale.join();
      const { call } = calling(sale.eventId);
      const wanted = holdRequest(sale.eventId, [{ type: sale.types[0] ?? '', quantity: 1 }]);
      const { second } = await race(url, {
        first: call('inventory.release_batch', { holdId: sale.holds[0]?.[0] }, suffix),
        second: call('inventory.hold_batch', wanted),
      });
      expect(wordOf(second)).toBe(word);
      await looks(app);
      expect((await entry.read()).status).toBe(status);
    },
  );

  it.each([
    ['_no_lock', 0],
    [real, 1],
  ])('D9 is kept for whoever joins at that moment, under %s', async (suffix, kept) => {
    const sale = await soldOut(app, [1]);
    const { call, join } = calling(sale.eventId);
    const { first } = await race(url, {
      first: call(JOIN, join(['first']), suffix),
      second: call('inventory.release_batch', { holdId: sale.holds[0]?.[0] }, suffix),
    });
    expect(wordOf(first)).toBe('joined');
    expect(await poolsOf(app, sale.eventId)).toMatchObject([{ reserved: kept }]);
  });

  it('F10 is offered once, whoever looks', async () => {
    const sale = await soldOut(app, [1]);
    await sale.join();
    await sale.join();
    await sale.give(0, 0);
    const { call, slots } = calling(sale.eventId);
    const raced = await race(url, { first: call(LOOK, slots()), second: call(LOOK, slots()) });
    expect(raced).toMatchObject({ first: { offers: 1 }, second: { offers: 0 }, waits: true });
  });

  it('G24 F10 is the next one’s, and the audit finds where somebody got two offers', async () => {
    const states = [];
    for (const suffix of ['_still_wanting', real]) {
      const sale = await soldOut(app, [2], { each: 1 });
      const [first, second] = [await sale.join(), await sale.join()];
      const { call, slots } = calling(sale.eventId);
      for (const nth of [0, 1]) {
        await sale.give(0, nth);
        await call(LOOK, slots(), suffix)(app.ctx.db.pool);
      }
      states.push((await second.read()).status);
      if (suffix === real) continue;
      const found = (await auditAll(app.ctx)).find(({ id }) => id === 'G24')?.findings ?? [];
      expect(found.map(({ objectId }) => objectId).sort()).toEqual(
        [sale.pools[0], first.id].sort(),
      );
      const { pool } = app.ctx.db;
      await pool.query('delete from waitlist.want where entry_id = $1', [first.id]);
      await pool.query('update inventory.pool set waiting = 1 where pool_id = $1', [sale.pools[0]]);
    }
    expect(states).toEqual(['waiting', 'offered']);
  });

  it('F10 is offered once, also where the answer of the look was lost', async () => {
    const sale = await soldOut(app, [2], { each: 1 });
    await sale.join();
    await sale.join();
    await sale.give(0, 0);
    const { call, slots } = calling(sale.eventId);
    const asked = call(LOOK, slots());
    expect(await asked(app.ctx.db.pool)).toMatchObject({ offers: 1 });
    expect(await asked(app.ctx.db.pool)).toMatchObject({ offers: 0 });
    expect(await poolsOf(app, sale.eventId)).toMatchObject([{ held: 2, reserved: 0 }]);
  });
});

describe('one person', () => {
  it.each([
    ['_asks_nobody', null],
    [real, ['joined', 'already_waiting']],
  ])('D9 joins once, under %s', async (suffix, words) => {
    const sale = await soldOut(app, [1]);
    await sale.join();
    const { call, join } = calling(sale.eventId);
    const raced = race(url, {
      first: call(JOIN, join(['me', 'my phone']), suffix),
      second: call(JOIN, join(['me']), suffix),
    });
    if (words === null) await expect(raced).rejects.toMatchObject({ code: '23505' });
    else {
      const { first, second } = await raced;
      expect([wordOf(first), wordOf(second)]).toEqual(words);
    }
  });
});

describe('an offer', () => {
  const offered = async () => {
    const sale = await soldOut(app, [1]);
    const entry = await sale.join();
    await sale.give(0, 0);
    await looks(app);
    const offerId = (await entry.read()).offer.id as string;
    return { sale, entry, offerId, ...calling(sale.eventId) };
  };
  const late = new Date(Date.now() + 31 * 60_000);

  it('D9 that is accepted does not expire as well', async () => {
    const { call, slots, offerId, entry } = await offered();
    const accept = { do: 'accept', offerId, shoppingMs: 3_600_000 };
    const raced = await race(url, {
      first: call(JOIN, accept),
      second: call(LOOK, slots(), real, late),
    });
    expect(raced).toMatchObject({ first: { verdict: 'accepted' }, waits: true });
    expect((await entry.caller.get(`/offers/${offerId}`)).body.status).toBe('accepted');
    expect((await entry.read()).status).toBe('offered');
  });

  it('D9 that expires meanwhile is not accepted, and its places are the next one’s', async () => {
    const { call, slots, offerId, sale } = await offered();
    const next = await sale.join();
    const accept = { do: 'accept', offerId, shoppingMs: 3_600_000 };
    const { second } = await race(url, {
      first: call(LOOK, slots(), real, late),
      second: call(JOIN, accept),
    });
    expect(wordOf(second)).toBe('expired');
    expect((await next.read()).status).toBe('offered');
  });

  it('D9 is accepted or declined, not both', async () => {
    const { offerId, entry } = await offered();
    const stop = pauses.stopAt('waitlist.before_accept');
    const accepting = entry.caller.post(`/offers/${offerId}/accept`);
    await stop.arrived;
    expect((await entry.caller.post(`/offers/${offerId}/decline`)).status).toBe(200);
    stop.go();
    expect((await accepting).body).toMatchObject({
      code: 'offer_answered',
      offerStatus: 'declined',
    });
  });

  it('D9 that is accepted in both servers at once is one session', async () => {
    const { offerId, entry } = await offered();
    const { accessToken } = entry.answer.body;
    const answers = await Promise.all(
      [app, neighbour, app, neighbour].map((server) =>
        server.as(accessToken).post(`/offers/${offerId}/accept`),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  });

  it('D9 of a look that died before it was made is made by the next', async () => {
    const sale = await soldOut(app, [1]);
    const entry = await sale.join();
    await sale.give(0, 0);
    pauses.dieAt('waitlist.before_look');
    await expect(looks(app)).rejects.toThrow('waitlist.before_look');
    expect(await looks(neighbour)).toBe(1);
    expect((await entry.read()).status).toBe('offered');
  });
});

describe('an event that is changed', () => {
  async function edited() {
    const doors = { startsAt: inDays(30), doorsAt: inDays(29) };
    const sale = await soldOut(app, [1], { more: { startsAt: doors.startsAt } });
    const entry = await sale.join();
    await app.drainFacts();
    const path = `/events/${sale.eventId}`;
    const { name, timezone, version, maxTicketsPerPerson } = (await app.admin.get(path)).body;
    const put = { name, timezone, version, maxTicketsPerPerson, ...doors };
    expect((await app.admin.put(path, put)).status).toBe(200);
    return { ...sale, entry, path, doors };
  }

  it('D9 takes its list along, and leaves what staff sets meanwhile', async () => {
    const { path, entry, list } = await edited();
    const stop = pauses.stopAt('waitlist.before_follow');
    const following = app.drainFacts();
    await stop.arrived;
    const terms = { open: false, offerMinutes: 60 };
    expect((await app.admin.put(`${path}/waitlist`, terms)).status).toBe(200);
    stop.go();
    await following;
    expect((await list()).body).toMatchObject(terms);
    await looks(app);
    expect((await entry.read()).status).toBe('closed');
  });

  it('D9 parks nothing where it was deleted before that was heard', async () => {
    const { path, entry, give } = await edited();
    await entry.left();
    await give(0, 0);
    expect((await app.admin.delete(path)).status).toBe(204);
    await app.drainFacts();
    expect(await parkedFacts(app.ctx)).toEqual([]);
  });
});

describe('a crowd', () => {
  const HELD = 24;

  it('D9 F10 of buyers in two servers gets nothing while others wait', async () => {
    const working = [await startApp({ worker: true, database: app.database })];
    try {
      const sale = await soldOut(app, [HELD], { each: 1 });
      const entries = [];
      for (let n = 0; n < HELD; n++) entries.push(await sale.join());
      let isOver = false;
      const bought: number[] = [];
      const buying = [app, neighbour].map(async (server) => {
        const item = { ticketTypeId: sale.types[0], quantity: 1 };
        while (!isOver) {
          const body = { items: [item], buyer: somebody() };
          bought.push(
            (await server.guest.post(`/events/${sale.eventId}/holds`, body, newKey())).status,
          );
        }
      });
      await Promise.all(
        Array.from({ length: HELD }, (_, nth) => sale.give(0, nth, nth % 2 ? app : neighbour)),
      );
      await Promise.all(entries.map((entry) => entry.untilOffered()));
      isOver = true;
      await Promise.all(buying);
      expect(bought.length).toBeGreaterThan(5);
      expect(new Set(bought)).toEqual(new Set([409]));
      // The last who waited has an offer: what comes back from now on is everybody's.
      const last = entries.at(-1);
      expect(await last?.left()).toBe(204);
      await eventually(
        () => poolsOf(app, sale.eventId),
        ([pool]) => pool?.held === HELD - 1 && pool.reserved === 0,
      );
    } finally {
      for (const server of working) await server.close();
    }
  });
});
