/**
 * A database as it is in the middle of a sale, made of rows: holds in every state, their seats,
 * people, orders, tickets and payments. Nothing was ever analysed, nothing will be.
 */
import type pg from 'pg';
import { newId } from './lane-calls.ts';

const TABLES = [
  'inventory.sale',
  'inventory.pool',
  'inventory.ticket_type',
  'inventory.seat',
  'inventory.hold',
  'inventory.person_use',
  'orders.order',
  'orders.order_item',
  'orders.ticket',
  'orders.remedy',
  'payments.payment',
  'payments.refund',
  'payments.transfer',
  'sessions.session',
  'promotions.promo_code',
  'promotions.code_use',
  'kernel.outbox',
  'kernel.state_change',
];

/** Every so many holds of an event are in the same state; after these, half are sold. */
export const RANGE = 192;
/**
 * `bound`: with an order that is not paid. `free`: with one that costs nothing. `late`: lapsed, its
 * order cancelled, its payment open. `concerned`: sold, for those whose remedy takes several steps.
 */
const STATES = [
  'active',
  'bound',
  'claimed',
  'sold',
  'free',
  'lapsed',
  'late',
  'concerned',
  'kept',
] as const;
type State = (typeof STATES)[number];

/** Where the first hold of a state stands among those of its event; holds are numbered from 1. */
export const firstOf = (state: State): number => 1 + STATES.indexOf(state) * RANGE;

const among = (...states: readonly State[]) =>
  `state in (${states.map((state) => `'${state}'`).join(', ')})`;
const ORDERED = among('bound', 'claimed', 'sold', 'free', 'late', 'concerned');
const SOLD = among('sold', 'concerned');

export async function neverAnalyse(client: pg.ClientBase): Promise<void> {
  for (const table of TABLES) {
    await client.query(`alter table ${table} set (autovacuum_enabled = off)`);
  }
}

/** The orders, tickets and payments of the holds in the table `made`. */
const ORDERS = `    insert into orders.order (event_id, order_id, organizer_id, hold_id, buyer_name, buyer_email,
      status, expires_at, total_minor, currency, method, caller, key, body_hash, made_at)
    select ev, 'o' || i, 'org', 'h' || i, 'n', 'e', case when ${SOLD} then 'confirmed'
        when state = 'late' then 'cancelled' else 'pending' end, '2999-01-01', 1000, 'EUR',
      'payment_intent', 'c', 'k' || i, '\\x00', '2019-01-01'
    from made where ${ORDERED};
    update orders.order set end_reason = 'expired' where status = 'cancelled';
    insert into orders.order_item
      (event_id, order_id, line, ticket_type_id, quantity, unit_price_minor, list_price_minor)
    select ev, 'o' || i, 0, 'seats', 1, 1000, 1000 from made where ${ORDERED};
    insert into orders.ticket
      (event_id, ticket_id, order_id, ticket_type_id, price_minor, seat_key, status)
    select ev, 't' || i, 'o' || i, 'seats', 1000, 's' || i, case when ${SOLD} then 'valid'
      else 'pending_capture' end from made where ${SOLD} or state = 'claimed';
    insert into payments.payment (event_id, payment_id, reference, organizer_id, method,
      amount_minor, currency, status, captured_minor)
    select ev, 'y' || i, 'o' || i, 'org', 'payment_intent', 1000, 'EUR',
      case when ${SOLD} then 'captured' when state = 'claimed' then 'authorized'
        else 'created' end,
      case when ${SOLD} then 1000 else 0 end
    from made where ${ORDERED} and state <> 'free';
    insert into sessions.session (event_id, session_id, organizer_id, currency, status, made_at,
      expires_at, caller, hold_id, hold_no, look_at)
    select ev, 's' || i, 'org', 'EUR', 'open', '2019-01-01', '2999-01-01', 'c', 'h' || i, 1,
      '2999-01-01'
    from made where state = 'active';
    insert into kernel.state_change (event_id, machine, object_id, to_state, actor)
    select ev, 'order', 'o' || i, 'pending', 'x' from made where ${ORDERED};`;

/**
 * Events `<prefix>1` to `<prefix>n`, each with `holds` holds `h1`, `h2`, … of one seat each, and as
 * many seats again that are free. Lapsed means: before 2020; bound holds end in two days,
 * so that they can be extended, everything else in 2999.
 */
export async function fillEvents(
  client: pg.ClientBase,
  prefix: string,
  events: number,
  holds: number,
): Promise<void> {
  const stateOf = STATES.map((state) => `when i < ${firstOf(state) + RANGE} then '${state}'`);
  await client.query(`
    set session_replication_role = replica;
    create temp table made as
    select '${prefix}' || e as ev, i, case ${stateOf.join(' ')}
        when i % 2 = 0 then 'sold' else 'active' end as state
    from generate_series(1, ${events}) as e, generate_series(1, ${holds}) as i;
    insert into inventory.sale (event_id, organizer_id, currency, state, ends_at, hold_ms,
      person_limit, oldest_expiry)
    select '${prefix}' || e, 'org', 'EUR', 'open', '2999-01-01', 900000, 10, '2019-01-01'
    from generate_series(1, ${events}) as e;
    insert into inventory.pool (event_id, pool_id, name, capacity, held, claimed, sold, seated)
    select ev, 'seats', 'Seats', ${2 * holds},
      count(*) filter (where ${among('active', 'bound', 'free', 'lapsed', 'kept')}),
      count(*) filter (where state = 'claimed'), count(*) filter (where ${SOLD}), true
    from made group by ev;
    insert into inventory.pool (event_id, pool_id, name, capacity)
    select distinct ev, 'standing', 'Standing', 1000000 from made;
    insert into inventory.ticket_type (event_id, ticket_type_id, pool_id, price_minor, max_per_order)
    select distinct ev, pool, pool, 1000, 20 from made, (values ('seats'), ('standing')) as t(pool);
    insert into inventory.hold (event_id, hold_id, status, caller, key, body_hash, bound, guarded,
      made_at, granted_until, expires_at, ticket_type_ids, pool_ids, quantities, unit_prices,
      returned, person_keys, seat_nos)
    select ev, 'h' || i, case when ${SOLD} then 'sold' when state = 'late' then 'lapsed'
        when state = 'claimed' then 'claimed' else 'active' end, 'caller', 'k' || i, '\\x00',
      not ${among('active', 'lapsed', 'kept')}, false, '2019-01-01', '2999-01-01',
      case when ${among('lapsed', 'late')} then '2019-01-01'::timestamptz
        when state = 'bound' then current_date + 2 else '2999-01-01' end,
      '{seats}', '{seats}', '{1}', '{1000}', '{0}', array['p' || i], array[i]
    from made;
    insert into inventory.seat (event_id, seat_no, seat_key, pool_id, section, row_no, place,
      distance, status, hold_id, expires_at)
    select ev, i, 's' || i, 'seats', 'A', i / 50, i % 50, i, case when ${SOLD} then 'sold'
        when state = 'claimed' then 'claimed' when state = 'late' then 'free' else 'held' end,
      case when state <> 'late' then 'h' || i end,
      case when ${SOLD} or ${among('claimed', 'late')} then null
        when state = 'lapsed' then '2019-01-01'::timestamptz else '2999-01-01' end
    from made;
    insert into inventory.seat (event_id, seat_no, seat_key, pool_id, section, row_no, place, distance)
    select ev, ${holds} + i, 's' || ${holds} + i, 'seats', 'A', (${holds} + i) / 50,
      (${holds} + i) % 50, i
    from made;
    insert into inventory.person_use (event_id, person_key, hold_id, quantity)
    select ev, 'p' || i, 'h' || i, 1 from made where state <> 'late';
    insert into promotions.promo_code (event_id, code, kind, value, unlocks, max_uses)
    select ev, 'CODE' || i, 'percent', 10, false, 1 from made;
    insert into promotions.code_use (event_id, order_id, code, quantity, made_at)
    select ev, 'o' || i, 'CODE' || i, 1, '2019-01-01' from made where ${SOLD};`);
  await client.query(`
    ${ORDERS}
    drop table made;
    set session_replication_role = origin`);
}

type Batch = {
  readonly name: string;
  readonly requests: readonly object[];
  /** Where one function has several ways to go. */
  readonly what?: string;
};

const SEEN = { ticketTypeIds: ['seats'], quantities: [1], unitPrices: [1_000] };
const book = (i: number) => ({
  ...{ holdId: `h${i}`, orderId: `new o${i}`, paymentId: `new y${i}`, organizerId: 'org' },
  ...{ userId: null, buyerName: 'n', buyerEmail: 'e', buyerPhone: null, actor: 'a' },
  ...{ refundableUntil: null, currency: 'EUR', method: 'payment_intent', caller: 'new' },
  ...{ key: `new ${i}`, bodyHash: '00', checkSeconds: 45, payAfterSeconds: null },
  ...{ promoCode: `CODE${i}`, promoVersion: 1, promoQuantity: 1, prices: { seats: 900 } },
  ...{ personKeys: [`m${i}`, `n${i}`], seen: { ...SEEN, promoCode: null } },
});
/** What was paid for one place, for one like it. */
const redemption = (i: number) => ({
  ...{ ...book(i), orderId: `moved o${i}`, key: `moved ${i}`, method: 'payment_intent' },
  ...{ promoCode: null, prices: { seats: 1_000 }, creditMinor: 1_000, creditUntil: null },
  ...{ creditId: `c${i}`, creditReservation: `c${i}`, ticketIds: [`moved t${i}`] },
});
/** Of the holds that their first order has left behind. */
const purchase = (i: number) => ({
  ...{ ...book(i), orderId: `next o${i}`, paymentId: `next y${i}` },
  ...{ sessionId: `s${i}`, version: 1, caller: `s${i}` },
});

type Each = (make: (i: number) => object, first?: number) => object[];

const concerned = (i: number) => ({
  ...{ orderId: `o${i}`, changeNo: 1, actor: 'a', reason: 'x', refundId: `new r${i}` },
  newOrderId: `new o${i}`,
});
const offer = (choices: readonly string[]) => (i: number) => ({
  ...{ ...concerned(i), choices, fallback: choices[0], chooseBy: '2999-01-01', missing: [] },
  ...{ holdId: `x h${i}`, holdLines: { seats: { quantity: 1, unitPriceMinor: 1_000 } } },
});

/** Remedies that take several steps, one after the other. */
function remedyBatches(each: Each): Batch[] {
  const half = (make: (i: number) => object, rest: number) =>
    each(make, firstOf('concerned')).filter((_, k) => k % 2 === rest);
  return [
    {
      name: 'orders.offer_batch',
      requests: each(offer(['refund', 'voucher']), firstOf('concerned')),
      what: 'choice',
    },
    {
      name: 'orders.decide_batch',
      requests: each(
        (i) => ({ ...concerned(i), remedy: 'voucher', by: 'buyer' }),
        firstOf('concerned'),
      ),
    },
    {
      name: 'orders.finish_batch',
      requests: half((i) => ({ ...concerned(i), creditId: null, valueMinor: 900 }), 0),
    },
    { name: 'orders.fall_back_batch', requests: half(concerned, 1) },
  ];
}

/**
 * One batch for each hot function, of `size` requests from the `from`th of each state on. The order
 * matters: what is changed is not yet released.
 */
export function batchesOf(from: number, size: number, holds: number): Batch[] {
  const each = (make: (i: number) => object, first = 1) =>
    Array.from({ length: size }, (_, k) => make(first + from + k));
  const half = size >> 1;
  const ofActive = (make: (i: number) => object) => each(make, firstOf('active'));
  const hold = (i: number) => {
    const isSeat = i % 2 === 0;
    return {
      ...{ holdId: `new ${i}`, caller: 'new', key: `new ${i}`, bodyHash: '00', guarded: false },
      ...{ sees: null, personKeys: [`p${i}`, `q${i}`], quantities: [1], offered: false },
      ticketTypeIds: [isSeat ? 'seats' : 'standing'],
      seatNos: isSeat ? [2 * holds - i] : null,
    };
  };
  const keeping = Array.from({ length: size }, (_, k) => firstOf('active') + from + k).filter(
    (i) => i % 2 === 0,
  );
  const claim = (i: number) => ({
    ...{ orderId: `o${i}`, ticketIds: [newId('tkt', 'evt_0000000000000')], actor: 'a' },
    ...{ paymentId: `y${i}`, capturedMinor: 1_000, refundId: `new r${i}` },
  });
  const ending = { to: 'cancelled', reason: 'x', endClaim: false, actor: 'a', paymentTo: 'voided' };
  return [
    { name: 'inventory.hold_batch', requests: each(hold) },
    {
      name: 'inventory.change_batch',
      requests: ofActive((i) => ({
        ...{ holdId: `h${i}`, ticketTypeIds: ['seats'], quantities: [1] },
        seatNos: [holds + half + i],
      })),
    },
    {
      name: 'inventory.name_batch',
      requests: ofActive((i) => ({ holdId: `h${i}`, personKeys: [`n${i}`, `p${i}`] })),
    },
    { name: 'shopping.book_batch', requests: ofActive(book) },
    {
      name: 'orders.extend_batch',
      requests: each((i) => ({ orderId: `o${i}`, moreMs: 2_000_000_000 }), firstOf('bound')),
    },
    { name: 'shopping.claim_batch', requests: each(claim, firstOf('bound')) },
    { name: 'shopping.confirm_batch', requests: each(claim, firstOf('claimed')) },
    {
      name: 'orders.end_batch',
      requests: ofActive((i) => ({
        ...{ ...ending, orderId: `new o${i}`, paymentId: `new y${i}` },
        keepHold: i % 2 === 0,
      })),
    },
    {
      name: 'sessions.purchase_batch',
      requests: keeping.map(purchase),
    },
    {
      name: 'shopping.confirm_free_batch',
      requests: each((i) => ({ ...claim(i), paymentId: null }), firstOf('free')),
    },
    // What a cancelled event does for each order: decided at once, the money owed.
    { name: 'orders.offer_batch', requests: each(offer(['refund']), firstOf('sold')) },
    { name: 'shopping.claim_batch', requests: each(claim, firstOf('late')), what: 'late' },
    ...remedyBatches(each),
    { name: 'changes.redeem_batch', requests: each(redemption, firstOf('kept')) },
    {
      name: 'inventory.release_batch',
      requests: each((i) => ({ holdId: `new ${i}` })),
    },
    { name: 'inventory.sweep_batch', requests: [{ most: size }] },
  ];
}
