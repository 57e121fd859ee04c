/**
 * G14: a lane whose connection breaks asks again, with the same requests. Every function of a lane
 * then answers alike and changes nothing more; here each is simply called twice.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionSuffix } from '../../server/kernel/functions.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { callLane, holdRequest, pooledSale, purchaseOf } from '../kit/lane-calls.ts';
import { seatedSale } from '../kit/seated.ts';

let app: TestApp;
let organizerId: string;
beforeAll(async () => {
  app = await startApp();
  const { rows } = await app.ctx.db.pool.query('select organizer_id as id from identity.organizer');
  organizerId = rows[0].id;
});
afterAll(() => app.close());

const soon = new Date(Date.now() + 60_000);
const TABLES = [
  'inventory.pool',
  'inventory.seat',
  'inventory.hold',
  'inventory.person_use',
  'orders.order',
  'orders.ticket',
  'orders.remedy',
  'orders.credit_return',
  'payments.payment',
  'payments.refund',
  'payments.transfer',
  'kernel.state_change',
];

const call = (eventId: string, name: string, requests: readonly object[]) =>
  callLane(app.ctx.db.pool, name + functionSuffix(), eventId, requests, soon);

/** All rows of an event; how many facts there are. */
async function rowsOf(eventId: string) {
  const pool = app.database.open(null).pool;
  const all: unknown[] = [];
  for (const table of TABLES) {
    const { rows } = await pool.query(
      `select to_jsonb(t) as row from ${table} t where event_id = $1 order by to_jsonb(t)::text`,
      [eventId],
    );
    all.push(...rows.map(({ row }) => row));
  }
  return all;
}

/** Calls twice; both answers. No row differs after the second. */
async function twice(eventId: string, name: string, requests: readonly object[]) {
  const first = await call(eventId, name, requests);
  const rows = await rowsOf(eventId);
  expect(rows.length).toBeGreaterThan(0);
  const second = await call(eventId, name, requests);
  expect(await rowsOf(eventId)).toEqual(rows);
  await expectAuditClean(app);
  return { first, second };
}

/** Both answers are these. */
async function alike(
  eventId: string,
  name: string,
  requests: readonly object[],
  expected: unknown,
) {
  const { first, second } = await twice(eventId, name, requests);
  expect(first).toMatchObject(expected as object);
  expect(second).toEqual(first);
}

/** Two purchases of 2 places each, as far as is said. */
async function bought(upTo: 'held' | 'booked' | 'claimed' | 'confirmed', price = 1_000) {
  const { eventId, types, pools } = await pooledSale(app, [10], {
    maxTicketsPerPerson: 4,
    ...(price === 0
      ? { ticketTypes: [{ name: 'Free', price: { amount: 0, currency: 'EUR' }, capacity: 10 }] }
      : {}),
  });
  const type = types[0] ?? '';
  const holds = ['ann', 'bob'].map((person) =>
    holdRequest(eventId, [{ type, quantity: 2 }], { personKeys: [person] }),
  );
  const buys = holds.map((hold) => purchaseOf(eventId, hold.holdId, 2, organizerId));
  await call(eventId, 'inventory.hold_batch', holds);
  const free = price === 0 ? { paymentId: null } : {};
  const beats = [
    ['held', '', []],
    ['booked', 'shopping.book_batch', buys.map((buy) => buy.book)],
    ['claimed', 'shopping.claim_batch', buys.map((buy) => ({ ...buy.claim, ...free }))],
    [
      'confirmed',
      'shopping.confirm_batch',
      buys.map((b) => ({ ...b.confirm(2 * price), ...free })),
    ],
  ] as const;
  for (const [, name, requests] of beats.slice(
    1,
    1 + beats.findIndex(([state]) => state === upTo),
  )) {
    await call(eventId, name, requests);
  }
  return { eventId, type, poolId: pools[0] ?? '', holds, buys };
}

/** No seat is named: all are to be searched for. */
const none = (quantity: number) => Array.from({ length: quantity }, () => null);
const hall = async () => seatedSale(app, { rows: 1, places: 6 });

describe('called again with the same requests', () => {
  it('hold: granted, then repeated with the same content', async () => {
    const { eventId, type } = await bought('held');
    const requests = ['cem', 'ann', 'dora'].map((person, i) =>
      holdRequest(eventId, [{ type, quantity: i === 1 ? 3 : 2 }], { personKeys: [person] }),
    );
    const { first, second } = await twice(eventId, 'inventory.hold_batch', requests);
    expect(first).toMatchObject([
      { verdict: 'granted', unitPrices: [1_000] },
      { verdict: 'per_person_limit' },
      { verdict: 'granted', unitPrices: [1_000] },
    ]);
    expect(second[1]).toEqual(first[1]);
    for (const i of [0, 2]) {
      // Of these shapes, as was just asserted.
      const { expiresAt, currency } = first[i] as { expiresAt: string; currency: string };
      expect(second[i]).toEqual({
        verdict: 'repeated',
        holdId: requests[i]?.holdId,
        expiresAt,
        currency,
        promoCode: null,
        items: [{ ticketTypeId: type, quantity: 2, unitPriceMinor: 1_000 }],
      });
    }
  });

  it('search: the seats that were found first', async () => {
    const { eventId, typeId } = await hall();
    const best = { sections: [null], best: [true] };
    const requests = [2, 3].map((quantity) =>
      holdRequest(eventId, [{ type: typeId, quantity }], { ...best, seatNos: none(quantity) }),
    );
    const { first, second } = await twice(eventId, 'inventory.search_batch', requests);
    expect(first).toMatchObject([{ verdict: 'granted' }, { verdict: 'granted' }]);
    // As above.
    const found = (first as { seatNos: number[] }[]).map(({ seatNos }) => seatNos);
    expect(second).toMatchObject(
      found.map((seatNos) => ({ verdict: 'repeated', items: [{ seatNos }] })),
    );
  });

  it('change', async () => {
    const { eventId, type, holds } = await bought('held');
    const requests = [1, 4].map((quantity, i) => ({
      holdId: holds[i]?.holdId,
      ticketTypeIds: [type],
      quantities: [quantity],
      seatNos: null,
    }));
    const granted = [1, 4].map((quantity) => ({ verdict: 'granted', items: [{ quantity }] }));
    await alike(eventId, 'inventory.change_batch', requests, granted);
  });

  it('change of seats, chosen or searched', async () => {
    const { eventId, typeId } = await hall();
    const hold = holdRequest(eventId, [{ type: typeId, quantity: 2 }], { seatNos: [0, 1] });
    await call(eventId, 'inventory.hold_batch', [hold]);
    const swap = { holdId: hold.holdId, ticketTypeIds: [typeId], quantities: [3] };
    const named = [{ ...swap, seatNos: [1, 2, 3], best: null, sections: null }];
    await alike(eventId, 'inventory.change_batch', named, [
      { verdict: 'granted', items: [{ seatNos: [1, 2, 3] }] },
    ]);
    const quantities = [5];
    const searched = [{ ...swap, quantities, seatNos: none(5), best: [true], sections: [null] }];
    await alike(eventId, 'inventory.change_batch', searched, [
      { verdict: 'granted', items: [{ quantity: 5 }] },
    ]);
    const prices = [{ minMinor: null, maxMinor: 2_500, currency: 'EUR' }];
    const priced = { ...swap, quantities: [3], seatNos: none(3), best: [true], prices };
    await alike(
      eventId,
      'inventory.change_batch',
      [{ ...priced, ticketTypeIds: [null] }],
      [{ verdict: 'granted', items: [{ ticketTypeId: typeId, quantity: 3 }] }],
    );
  });

  it('name', async () => {
    const { eventId, holds } = await bought('held');
    const requests = holds.map(({ holdId }) => ({ holdId, personKeys: ['mailbox', 'phone'] }));
    const granted = [{ verdict: 'granted' }, { verdict: 'granted' }];
    await alike(eventId, 'inventory.name_batch', requests, granted);
  });

  it('release', async () => {
    const { eventId, holds } = await bought('held');
    const requests = [...holds, ...holds].map(({ holdId }) => ({ holdId }));
    const released = requests.map(() => 'released');
    await alike(eventId, 'inventory.release_batch', requests, released);
  });

  it('wait', async () => {
    const { eventId, poolId } = await bought('held');
    await alike(eventId, 'inventory.wait_batch', [{ poolId, waiting: 3 }], [0]);
  });

  it('block of counted places: how many are off sale, not how many more', async () => {
    const { eventId, poolId } = await bought('held');
    const blocked = (quantity: number) => [{ poolId, quantity, seatNos: null, free: false }];
    await alike(eventId, 'inventory.block_batch', blocked(4), ['done']);
    await alike(eventId, 'inventory.block_batch', blocked(7), ['not_free']);
    await alike(eventId, 'inventory.block_batch', blocked(1), ['done']);
    const [{ rows }] = [
      await app.ctx.db.pool.query('select blocked from inventory.pool where event_id = $1', [
        eventId,
      ]),
    ];
    expect(rows).toEqual([{ blocked: 1 }]);
  });

  it('block of seats: which are off sale', async () => {
    const { eventId, poolId } = await hall();
    const seats = (seatNos: readonly number[], free: boolean) => [
      { poolId, quantity: null, seatNos, free },
    ];
    await alike(eventId, 'inventory.block_batch', seats([0, 1, 2], false), ['done']);
    await alike(eventId, 'inventory.block_batch', seats([1, 2, 4], true), ['done']);
    await alike(eventId, 'inventory.block_batch', seats([9], false), ['not_found']);
  });

  it('book', async () => {
    const { eventId, buys } = await bought('held');
    const placed = buys.map(({ orderId }) => ({ verdict: 'placed', orderId }));
    const requests = buys.map((buy) => buy.book);
    await alike(eventId, 'shopping.book_batch', requests, placed);
  });

  it('claim', async () => {
    const { eventId, buys } = await bought('booked');
    const requests = buys.map((buy) => buy.claim);
    await alike(eventId, 'shopping.claim_batch', requests, ['claimed', 'claimed']);
  });

  it('confirm, and a capture with nothing left to sell', async () => {
    const { eventId, buys } = await bought('claimed');
    const [gone] = buys;
    await call(eventId, 'orders.end_batch', [{ ...gone?.end, endClaim: true }]);
    const requests = buys.map((buy) => buy.confirm(2_000));
    await alike(eventId, 'shopping.confirm_batch', requests, ['refund_owed', 'confirmed']);
  });

  it('confirm_free', async () => {
    const { eventId, buys } = await bought('booked', 0);
    const requests = buys.map((buy) => ({ ...buy.claim, paymentId: null, capturedMinor: 0 }));
    await alike(eventId, 'shopping.confirm_free_batch', requests, ['confirmed', 'confirmed']);
  });

  it('end_order', async () => {
    const { eventId, buys } = await bought('booked');
    const requests = buys.map(({ end, paymentId }) => ({ ...end, paymentId, paymentTo: 'voided' }));
    await alike(eventId, 'orders.end_batch', requests, ['ended', 'ended']);
  });

  it('end_order that keeps the hold, also where it was bought on again meanwhile', async () => {
    const { eventId, holds, buys } = await bought('booked');
    const requests = buys.map(({ end, paymentId }) => ({
      ...{ ...end, to: 'failed', reason: 'card_declined', keepHold: true },
      ...{ paymentId, paymentTo: 'failed', failureCode: 'card_declined' },
    }));
    await alike(eventId, 'orders.end_batch', requests, ['ended', 'ended']);
    const again = purchaseOf(eventId, holds[0]?.holdId ?? '', 2, organizerId);
    const placed = [{ verdict: 'placed', orderId: again.orderId }];
    await alike(eventId, 'shopping.book_batch', [again.book], placed);
    await alike(eventId, 'orders.end_batch', requests, ['ended', 'ended']);
    await alike(eventId, 'shopping.claim_batch', [again.claim], ['claimed']);
  });

  it('refund, of all tickets and of one', async () => {
    const { eventId, buys } = await bought('confirmed');
    const requests = buys.map((buy, i) => buy.refund(i === 0 ? null : buy.ticketIds.slice(0, 1)));
    const refunded = requests.map(({ refundId }) => ({ verdict: 'refunded', refundId }));
    await alike(eventId, 'orders.refund_tickets', requests, refunded);
  });

  it('refund of what was free: there is none to submit', async () => {
    const { eventId, buys } = await bought('confirmed', 0);
    const refunded = buys.map(() => ({ verdict: 'refunded', refundId: null }));
    const requests = buys.map((buy) => buy.refund());
    await alike(eventId, 'orders.refund_tickets', requests, refunded);
  });

  it('offer_remedy, decide_remedy, finish_remedy', async () => {
    const { eventId, buys } = await bought('confirmed');
    const [money, value] = buys.map((buy) => ({
      ...{ ...buy.refund(), orderId: buy.orderId, changeNo: 1, newOrderId: null },
      ...{ choices: ['refund', 'credit'], fallback: 'refund', missing: [], holdId: null },
      ...{ holdLines: null, chooseBy: new Date(soon.getTime() + 3_600_000) },
    }));
    const offered = [{ verdict: 'offered' }, { verdict: 'offered' }];
    await alike(eventId, 'orders.offer_batch', [money ?? {}, value ?? {}], offered);
    const decisions = [
      { ...money, remedy: null, by: 'deadline' },
      { ...value, remedy: 'credit', by: 'deadline' },
    ];
    const { first, second } = await twice(eventId, 'orders.decide_batch', decisions);
    const decided = [
      { verdict: 'decided', status: 'done' },
      { verdict: 'decided', status: 'chosen' },
    ];
    expect(first).toMatchObject(decided);
    expect(second).toMatchObject(decided);
    await twice(eventId, 'orders.finish_batch', [{ ...value, creditId: null, valueMinor: null }]);
  });

  it('extend', async () => {
    const { eventId, buys } = await bought('booked');
    const until = new Date(soon.getTime() + 3_600_000);
    const requests = buys.map(({ orderId }) => ({ orderId, moreMs: 3_600_000 }));
    const { first, second } = await twice(eventId, 'orders.extend_batch', requests);
    // Texts of instants, as was asked for.
    expect((first as string[]).map((text) => new Date(text))).toEqual([until, until]);
    expect(second).toEqual(first);
  });
});
