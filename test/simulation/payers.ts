/** What becomes of orders: paid by good and bad cards, late, twice, by hand; given up; refunded. */
import { asList, asObject, asText, codeOf, noteOrder, pause, type Run, send } from './asking.ts';
import { hold, pickRecent } from './buyers.ts';
import type { EventHistory, Order } from './history.ts';
import { ADMIN_KEY } from './instances.ts';
import type { Operation } from './plan.ts';

const GOOD_CARD = 'pm_card_visa';
const BAD_CARD = 'pm_card_chargeDeclined';
/** Its refunds succeed, and come back days later. */
const BOUNCING_CARD = 'pm_card_refundFail';
const BANK_CARD = 'pm_card_authenticationRequired';
/** How often an order is looked at while its capture is waited for. */
const LOOKS_MAX = 25;
const LOOK_MS = 5;

type Way = (run: Run, event: EventHistory, order: Order, operation: Operation) => Promise<void>;

/** How orders are paid, and how often among 100. */
const WAYS: readonly (readonly [number, Way])[] = [
  [14, (run, _event, order, { instance }) => pay(run, order, instance, GOOD_CARD)],
  [8, (run, _event, order, { instance }) => pay(run, order, instance, BOUNCING_CARD)],
  [10, (run, _event, order, { instance }) => pay(run, order, instance, BAD_CARD)],
  [6, payTwice],
  [10, payLate],
  [8, captureByHand],
  [8, cancelByHand],
  [10, askTheBank],
  [6, satisfyTheBank],
  [10, regret],
  [10, cancelWhileClaimed],
];

/** The same on the provider's page. */
const WAYS_ON_THE_PAGE: readonly (readonly [number, Way])[] = [
  [45, (run, _event, order, { instance }) => press(run, order, instance, 'pay')],
  [15, (run, _event, order, { instance }) => press(run, order, instance, 'decline')],
  [20, payLateOnThePage],
  [10, satisfyTheBankOnThePage],
  [10, regretOnThePage],
];

export async function payOrder(run: Run, event: EventHistory, operation: Operation): Promise<void> {
  const order = pickRecent(payable(event), operation.target);
  if (!order) return hold(run, event, operation);
  await payBy(run, event, order, operation);
}

const payable = (event: EventHistory) =>
  event.orders.filter(
    (each) =>
      (each.clientSecret !== null || each.page !== null) &&
      !each.payTried &&
      // Its places are counted as free from then on.
      each.endedAtMs === null,
  );

/** Most pay as soon as they have booked. */
export async function payAtOnce(
  run: Run,
  event: EventHistory,
  operation: Operation,
): Promise<void> {
  const order = payable(event).at(-1);
  if (order && operation.target < 0.7) await payBy(run, event, order, operation);
}

async function payBy(run: Run, event: EventHistory, order: Order, operation: Operation) {
  order.payTried = true;
  order.hold.touched = true;
  order.hold.mayOutlive = true;
  let left = operation.way * 100;
  const way = (order.page === null ? WAYS : WAYS_ON_THE_PAGE).find(([weight]) => {
    left -= weight;
    return left < 0;
  });
  await way?.[1](run, event, order, operation);
}

const intentOf = (order: Order) => (order.clientSecret ?? '').replace(/_secret_.*/, '');

async function pay(run: Run, order: Order, instance: number, card: string): Promise<void> {
  const secret = order.clientSecret ?? '';
  await send(run, instance, {
    method: 'POST',
    path: `/sandbox/stripe/v1/payment_intents/${intentOf(order)}/confirm`,
    headers: { authorization: `Bearer ${run.keys.publishable}` },
    body: new URLSearchParams({ client_secret: secret, payment_method: card }).toString(),
  });
}

/** Presses a button of the provider's page. */
async function press(run: Run, order: Order, instance: number, action: string): Promise<void> {
  const page = order.page ?? `/sandbox/pay/${intentOf(order)}`;
  const secret = order.clientSecret === null ? {} : { client_secret: order.clientSecret };
  await send(run, instance, {
    method: 'POST',
    path: page,
    body: new URLSearchParams({ action, ...secret }).toString(),
  });
  if (order.page !== null && action === 'pay') run.counters.count('paid_on_the_page');
}

/** The buyer's bank wants to know more, and is content. */
async function satisfyTheBank(run: Run, _event: EventHistory, order: Order, on: Operation) {
  await pay(run, order, on.instance, BANK_CARD);
  await pause(on.seat * 100);
  await press(run, order, on.instance + 1, 'approve');
  run.counters.count('bank_was_content');
}

async function satisfyTheBankOnThePage(
  run: Run,
  _event: EventHistory,
  order: Order,
  on: Operation,
) {
  await press(run, order, on.instance, 'authenticate');
  await pause(on.seat * 100);
  await press(run, order, on.instance + 1, 'approve');
  run.counters.count('bank_was_content');
}

/** Sessions outlive holds: nothing but our ending it keeps a buyer from paying on the page. */
async function payLateOnThePage(
  run: Run,
  _event: EventHistory,
  order: Order,
  { instance }: Operation,
) {
  await pause(Math.max(0, order.hold.expiresAtMs - Date.now()));
  await press(run, order, instance, 'pay');
}

async function regretOnThePage(run: Run, event: EventHistory, order: Order, on: Operation) {
  await Promise.all([press(run, order, on.instance + 1, 'pay'), giveUp(run, event, order, on)]);
}

/** As the organizer does it in the provider's dashboard, behind our back. */
async function byHand(run: Run, order: Order, instance: number, what: 'capture' | 'cancel') {
  await send(run, instance, {
    method: 'POST',
    path: `/sandbox/stripe/v1/payment_intents/${intentOf(order)}/${what}`,
    headers: { authorization: `Bearer ${run.keys.secret}` },
    body: '',
  });
}

/** Two tabs. */
async function payTwice(run: Run, _event: EventHistory, order: Order, { instance }: Operation) {
  await Promise.all([
    pay(run, order, instance, GOOD_CARD),
    pay(run, order, instance + 1, GOOD_CARD),
  ]);
}

async function payLate(run: Run, _event: EventHistory, order: Order, { instance }: Operation) {
  await pause(Math.max(0, order.hold.expiresAtMs - Date.now()));
  await pay(run, order, instance, GOOD_CARD);
}

/** Money that was taken while its order was being given up: one of them comes first. */
async function captureByHand(run: Run, event: EventHistory, order: Order, operation: Operation) {
  order.takenByHand = true;
  await pay(run, order, operation.instance, GOOD_CARD);
  await Promise.all([
    giveUp(run, event, order, operation),
    byHand(run, order, operation.instance + 1, 'capture'),
  ]);
}

/** The authorisation goes away while we are about to capture it. */
async function cancelByHand(run: Run, _event: EventHistory, order: Order, operation: Operation) {
  await pay(run, order, operation.instance, GOOD_CARD);
  await byHand(run, order, operation.instance + 1, 'cancel');
}

/** The buyer's bank wants to know more, and the buyer gives up, mostly after a while. */
async function askTheBank(run: Run, event: EventHistory, order: Order, operation: Operation) {
  await pay(run, order, operation.instance, BANK_CARD);
  await pause(operation.seat * 200);
  if (operation.seat < 0.5) return giveUp(run, event, order, operation);
  await byHand(run, order, operation.instance + 1, 'cancel');
}

/** Between our claim and the end of its capture: waits for it for a moment. */
async function whileClaimed(run: Run, order: Order, instance: number): Promise<void> {
  for (let look = 0; look < LOOKS_MAX; look++) {
    const { answer } = await read(run, order, instance);
    const [payment] = asList(asObject(answer?.body)['payments']).map(asObject);
    if (payment?.['status'] !== 'created') return;
    await pause(LOOK_MS);
  }
}

/** Paid, and cancelled while the money is being taken. */
async function regret(run: Run, event: EventHistory, order: Order, operation: Operation) {
  await pay(run, order, operation.instance, GOOD_CARD);
  await whileClaimed(run, order, operation.instance);
  await giveUp(run, event, order, operation);
}

/** The authorisation goes away when the places are claimed for it already. */
async function cancelWhileClaimed(
  run: Run,
  _event: EventHistory,
  order: Order,
  operation: Operation,
) {
  await pay(run, order, operation.instance, GOOD_CARD);
  await whileClaimed(run, order, operation.instance);
  await byHand(run, order, operation.instance + 1, 'cancel');
}

export async function cancelOrder(
  run: Run,
  event: EventHistory,
  operation: Operation,
): Promise<void> {
  const open = event.orders.filter((each) => each.token !== null && !each.endTried);
  const order = pickRecent(open, operation.target);
  if (!order) return hold(run, event, operation);
  await giveUp(run, event, order, operation);
}

async function giveUp(run: Run, event: EventHistory, order: Order, operation: Operation) {
  order.endTried = true;
  order.hold.touched = true;
  const { answer, sentAtMs } = await send(run, operation.instance, {
    method: 'POST',
    path: `/api/v1/orders/${order.orderId}/cancel`,
    headers: {
      authorization: `Bearer ${order.token ?? ADMIN_KEY}`,
      'idempotency-key': `cancel${operation.index}`,
    },
  });
  const code = codeOf(answer);
  if (code === 'payment_in_progress') run.counters.count('payment_in_progress_answered');
  if (code === 'refund_window_closed') run.counters.count('refund_window_closed_answered');
  if (answer?.status !== 200) return;
  run.counters.count('order_cancelled_by_buyer');
  noteOrder(run, event, order, answer.body, sentAtMs);
}

/** The organizer gives money back: for some tickets, or all. */
export async function refund(run: Run, event: EventHistory, operation: Operation): Promise<void> {
  const confirmed = event.orders.filter((each) => each.ticketIds.length > 0);
  const order = pickRecent(confirmed, operation.target);
  if (!order) return look(run, event, operation);
  order.endTried = true;
  order.hold.touched = true;
  const some = order.ticketIds.slice(0, 1);
  const body = { reason: 'Asked for it', ...(operation.way < 0.7 ? { ticketIds: some } : {}) };
  const request = {
    method: 'POST',
    path: `/api/v1/orders/${order.orderId}/refunds`,
    headers: {
      authorization: `Bearer ${ADMIN_KEY}`,
      'idempotency-key': `refund${operation.index}`,
    },
    body,
  } as const;
  const { answer, sentAtMs } = await send(run, operation.instance, request);
  if (answer?.status !== 201) return;
  const status = asText(asObject(answer.body)['status']);
  const isWhole = status === 'refunded';
  run.counters.count(isWhole ? 'order_refunded_whole' : 'order_refunded_in_part');
  noteOrder(run, event, order, answer.body, sentAtMs);
}

const read = (run: Run, order: Order, instance: number) =>
  send(run, instance, {
    method: 'GET',
    path: `/api/v1/orders/${order.orderId}`,
    headers: { authorization: `Bearer ${order.token ?? ADMIN_KEY}` },
  });

/** The buyer looks at the order: what it says is noted, and must not go back. */
export async function look(run: Run, event: EventHistory, operation: Operation): Promise<void> {
  const order = pickRecent(event.orders, operation.target);
  if (!order) return hold(run, event, operation);
  const { answer, sentAtMs } = await read(run, order, operation.instance);
  if (answer?.status === 200) noteOrder(run, event, order, answer.body, sentAtMs);
}
