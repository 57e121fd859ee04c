/** People who wait for sold-out events, and places that come back. */

import { functionSuffix } from '../../server/kernel/functions.ts';
import type { EventId, HoldId } from '../../server/kernel/ids.ts';
import { inTurn } from '../../server/kernel/lanes.ts';
import { ok, present } from '../../server/kernel/result.ts';
import {
  blockSeats,
  personKeys,
  releaseHold,
  unblockSeats,
} from '../../server/modules/inventory/index.ts';
import { lookAtLists } from '../../server/modules/waitlist/index.ts';
import type { TestApp } from './app.ts';
import { eventually, inDays, somebody } from './given.ts';
import { callLane, holdRequest, newId, pooledSale, wordOf } from './lane-calls.ts';
import { seatedSale } from './seated.ts';

/** Looks at every list of this database where there is something to do. */
export const looks = (app: Pick<TestApp, 'ctx'>): Promise<number> => lookAtLists(app.ctx);

const JOINS_AT_ONCE = 64;

type Wish = {
  readonly quantity?: number;
  readonly email?: string;
  readonly ticketTypeIds?: readonly (string | undefined)[];
  readonly sections?: readonly string[];
  readonly acceptsFewer?: boolean;
};

/** Somebody joins as a guest, and what they may do then. */
export async function joinList(app: TestApp, eventId: string, wish: Wish = {}) {
  const body = { quantity: 1, ...somebody(), ...wish };
  const answer = await app.guest.post(`/events/${eventId}/waitlist`, body);
  const id = (answer.body.id ?? '') as string;
  const caller = app.as(answer.body.accessToken);
  const read = async () => (await caller.get(`/waitlist/${id}`)).body;
  return {
    id,
    answer,
    caller,
    email: body.email,
    read,
    left: async () => (await caller.delete(`/waitlist/${id}`)).status,
    untilOffered: () => eventually(read, ({ status }) => status === 'offered', 10_000, 5),
  };
}

export type Waiting = Awaited<ReturnType<typeof joinList>>;

type SoldOut = {
  /** How many places each hold has; all of a pool where it is not given. */
  readonly each?: number;
  /** How many places of each pool are held; all where it is not given. */
  readonly hold?: readonly number[];
  readonly more?: Record<string, unknown>;
};

/** An event whose pools are held, by holds that a test gives back; and its waitlist. */
export async function soldOut(app: TestApp, capacities: readonly number[], options: SoldOut = {}) {
  const { eventId, types, pools } = await pooledSale(app, capacities, options.more);
  const holds: HoldId[][] = capacities.map(() => []);
  const holdMore = async (pool: number, quantity: number, who: { email: string } = somebody()) => {
    const request = holdRequest(eventId, [{ type: types[pool] ?? '', quantity }], {
      personKeys: personKeys(app.ctx.secrets, { email: who.email }),
      // The clock of a test may go on for weeks.
      expiresAt: inDays(25),
      key: newId('hld', eventId),
      byRight: true,
    });
    const [answer] = await callLane(
      app.ctx.db.pool,
      `inventory.hold_batch${functionSuffix()}`,
      eventId,
      [request],
      app.ctx.clock.now(),
    );
    if (wordOf(answer) !== 'granted') throw new Error(`not held: ${JSON.stringify(answer)}`);
    holds[pool]?.push(request.holdId);
  };
  for (const [pool, capacity] of capacities.entries()) {
    const held = options.hold?.[pool] ?? capacity;
    const each = options.each ?? held;
    for (let n = 0; n < held; n += each) await holdMore(pool, each);
  }
  return {
    eventId,
    types,
    pools,
    holds,
    holdMore,
    /** The nth hold of a pool is given up, in this server or another. */
    give: async (pool: number, nth: number, by: Pick<TestApp, 'ctx'> = app) => {
      const released = await releaseHold(by.ctx, present(holds[pool]?.[nth], 'that hold'));
      if (!released.ok) throw new Error(released.refusal.code);
    },
    join: (wish: Wish = {}) => joinList(app, eventId, wish),
    list: () => app.admin.get(`/events/${eventId}/waitlist`),
  };
}

/** A hall all of whose seats are off sale until a test frees some; and its waitlist. */
export async function seatedHall(app: TestApp, grid: { rows: number; places: number }) {
  const { eventId, poolId, typeId } = await seatedSale(app, grid);
  const id = eventId as EventId;
  const all = Array.from({ length: grid.rows * grid.places }, (_, n) => {
    return `A-${Math.floor(n / grid.places) + 1}-${(n % grid.places) + 1}`;
  });
  const turn = (work: Parameters<typeof inTurn<ReturnType<typeof ok<null>>>>[2]) =>
    inTurn(app.ctx, id, work);
  await turn(async (at) => {
    await blockSeats(at, null, all);
    return ok(null);
  });
  const offerOf = async (entry: Waiting) => {
    const { offer } = await entry.read();
    return (await entry.caller.get(`/offers/${offer.id}`)).body;
  };
  return {
    eventId,
    poolId,
    typeId,
    free: (seats: readonly string[]) =>
      turn(async (at) => {
        await unblockSeats(at, app.ctx.clock.now(), seats);
        return ok(null);
      }),
    join: (wish: Wish = {}) => joinList(app, eventId, wish),
    offerOf,
    seatsOf: async (entry: Waiting) => (await offerOf(entry)).seats,
  };
}

/** So many join for one place each, straight in the lane; nobody asks for their positions. */
export async function joinMany(app: TestApp, eventId: string, people: number): Promise<void> {
  const request = () => ({
    ...{ do: 'join', entryId: newId('wle', eventId), organizerId: 'org_0000000000000' },
    ...{ closesAt: inDays(29), key: null, bodyHash: '', quantity: 1, acceptsFewer: false },
    ...{ ticketTypeIds: null, sections: null, person: somebody(), userId: null },
  });
  for (let left = people; left > 0; left -= JOINS_AT_ONCE) {
    const requests = Array.from({ length: Math.min(left, JOINS_AT_ONCE) }, request).map((one) => ({
      ...one,
      caller: one.entryId,
      personKeys: [one.entryId],
    }));
    const name = `waitlist.change_batch${functionSuffix()}`;
    const now = app.ctx.clock.now();
    for (const answer of await callLane(app.ctx.db.pool, name, eventId, requests, now)) {
      if (wordOf(answer) !== 'joined') throw new Error(`not joined: ${JSON.stringify(answer)}`);
    }
  }
}

/** One look with room for so many offers, as the maker of offers asks for it. */
export async function lookOnce(app: TestApp, eventId: string, slots: number, suffix?: string) {
  const request = {
    slots: Array.from({ length: slots }, () => ({
      offerId: newId('off', eventId),
      holdId: newId('hld', eventId),
      sessionId: newId('ssn', eventId),
    })),
  };
  const name = `waitlist.offer_batch${suffix ?? functionSuffix()}`;
  const [answer] = await callLane(app.ctx.db.pool, name, eventId, [request], app.ctx.clock.now());
  return answer;
}
