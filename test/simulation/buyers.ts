/** What buyers do: hold, change, give up, book, ask again, click twice. */
import {
  addHold,
  asList,
  asNumber,
  asObject,
  asText,
  codeOf,
  complain,
  type Heard,
  noteAnswer,
  noteOrder,
  type Run,
  seatsOf,
  send,
} from './asking.ts';
import {
  type Ask,
  addAsk,
  type EventHistory,
  type Hold,
  type Line,
  type Order,
  type Selection,
} from './history.ts';
import type { Operation } from './plan.ts';

/** Only the last ones are chosen from: the others are over. */
const RECENT = 40;

export function pickRecent<T>(list: readonly T[], target: number): T | undefined {
  const recent = list.slice(-RECENT);
  return recent[Math.floor(target * recent.length)];
}

export function personOf(event: EventHistory, operation: Operation) {
  const { person } = operation;
  const email = `p${person}.e${event.plan.ordinal}@example.org`;
  // Two people share a number: each key of a person counts by itself.
  const phone = `+4930${String(1_000_000 + event.plan.ordinal * 100 + (person >> 1)).slice(-7)}`;
  return operation.withPhone ? { email, phone } : { email };
}

const peopleOf = (person: { email: string; phone?: string }) => [
  person.email,
  ...(person.phone ? [person.phone] : []),
];

export const linesOf = (event: EventHistory, operation: Operation): readonly Line[] =>
  operation.lines.map(({ type, quantity }, n) => {
    const { typeId = '', poolId = '' } = event.types[type] ?? {};
    const pool = event.pools.find((each) => each.poolId === poolId);
    const line = { typeId, quantity };
    if (!pool?.seated) return line;
    // Two lines of one pool never name the same seats: one of them leaves them to us.
    if (n > 0 || operation.seat < BEST_PART) return { ...line, seated: 'best' as const };
    const first = Math.floor(((operation.seat - BEST_PART) / (1 - BEST_PART)) * pool.capacity);
    return { ...line, seated: 'named' as const, seatIds: seatsFrom(event, first, quantity) };
  });

/** How many leave the choice of their seats to us. */
const BEST_PART = 0.45;

function seatsFrom({ plan }: EventHistory, first: number, quantity: number): readonly string[] {
  const { rows = 1, places = 1 } = plan.grid ?? {};
  return Array.from({ length: quantity }, (_, n) => {
    const seat = (first + n) % (rows * places);
    return `A-${Math.floor(seat / places) + 1}-${(seat % places) + 1}`;
  });
}

const itemsOf = (lines: readonly Line[]) =>
  lines.map(({ typeId, quantity, seated, seatIds }) => ({
    ticketTypeId: typeId,
    ...(seated === 'named'
      ? { seatIds }
      : seated === 'best'
        ? { bestAvailable: { quantity } }
        : { quantity }),
  }));

const deviceOf = (operation: Operation): Readonly<Record<string, string>> =>
  operation.withDevice ? { 'x-device-token': `device-of-person-${operation.person}-x` } : {};

function newAsk(
  event: EventHistory,
  operation: Operation,
  given: Pick<Ask, 'kind' | 'path' | 'body' | 'people' | 'lines' | 'offered'>,
): Ask {
  const key = `k${operation.index}`;
  const nowMs = Date.now();
  const ask: Ask = {
    ...given,
    key,
    headers: { 'idempotency-key': key, ...deviceOf(operation) },
    askedAtMs: nowMs,
    state: 'open',
    lastAtMs: nowMs,
    answer: null,
    grantedAtMs: null,
    hold: null,
    order: null,
  };
  addAsk(event, ask);
  return ask;
}

const requestOf = ({ path, headers, body }: Ask) => ({
  method: 'POST' as const,
  path,
  headers,
  body,
});

const holdAsk = (event: EventHistory, operation: Operation): Ask =>
  holdAskOf(event, operation, linesOf(event, operation), false);

export function holdAskOf(
  event: EventHistory,
  operation: Operation,
  lines: readonly Line[],
  offered: boolean,
): Ask {
  const buyer = personOf(event, operation);
  return newAsk(event, operation, {
    kind: 'hold',
    path: `/api/v1/events/${event.eventId}/holds`,
    body: { items: itemsOf(lines), ...(operation.named ? { buyer } : {}) },
    people: operation.named ? peopleOf(buyer) : [],
    lines,
    offered,
  });
}

export async function hold(run: Run, event: EventHistory, operation: Operation): Promise<void> {
  const ask = holdAsk(event, operation);
  noteAnswer(run, event, ask, await send(run, operation.instance, requestOf(ask)));
}

/** The same request twice at once, at two servers. */
export async function doubleClick(
  run: Run,
  event: EventHistory,
  operation: Operation,
): Promise<void> {
  const ask = operation.way < 0.75 ? holdAsk(event, operation) : bookingAsk(event, operation);
  const both = await Promise.all(
    [0, 1].map((n) => send(run, operation.instance + n, requestOf(ask))),
  );
  // In the order in which they were heard.
  const heard = both.toSorted((a, b) => a.heardAtMs - b.heardAtMs);
  for (const each of heard) {
    if (ask.kind === 'hold') noteAnswer(run, event, ask, each);
    else noteBooking(run, event, ask, each, null);
  }
  if (heard.every(({ answer }) => answer?.status === 201)) {
    run.counters.count('key_replayed_while_in_flight');
  }
}

/** Asks again under a key that was granted, however long ago. */
export async function replay(run: Run, event: EventHistory, operation: Operation): Promise<void> {
  const granted = [...event.asks.values()].filter((ask) => ask.state === 'granted');
  const ask = pickRecent(granted, operation.target);
  if (!ask) return hold(run, event, operation);
  const heard = await send(run, operation.instance, requestOf(ask));
  if (ask.kind === 'booking') noteBooking(run, event, ask, heard, null);
  else noteAnswer(run, event, ask, heard);
  if (heard.answer?.status !== 201) return;
  const isOver = ask.hold !== null && ask.hold.expiresAtMs < heard.sentAtMs;
  run.counters.count(isOver ? 'key_replayed_after_the_end_of_its_hold' : 'key_replayed_after');
  if (ask.kind === 'booking') run.counters.count('booking_replayed');
}

/** The same key with another body: refused, and without effect. */
export async function reuse(run: Run, event: EventHistory, operation: Operation): Promise<void> {
  const granted = [...event.asks.values()].filter((ask) => ask.state === 'granted');
  const ask = pickRecent(granted, operation.target);
  if (!ask) return hold(run, event, operation);
  const lines = [{ typeId: event.types[0]?.typeId ?? '', quantity: 9 }];
  const body = { ...ask.body, items: itemsOf(lines) };
  const { answer } = await send(run, operation.instance, { ...requestOf(ask), body });
  if (answer === null || answer.status === 503) return;
  const code = codeOf(answer);
  // A booking that names a hold and items as well is refused for its form.
  if (code === 'validation_failed') return;
  if (code === 'idempotency_key_reused') run.counters.count('key_reused_and_refused');
  else complain(run, event, 'G14', ask.key, `another body: ${answer.status} ${code}`);
}

const actable = (event: EventHistory) =>
  event.holds.filter((each) => each.holdId !== null && each.order === null && !each.changing);

/** Mostly one that is alive; now and then one that has ended. */
function pickActable(event: EventHistory, { target, way }: Operation): Hold | undefined {
  const now = Date.now();
  const alive = actable(event).filter((each) => !each.touched && each.expiresAtMs > now);
  return pickRecent(way < 0.8 && alive.length > 0 ? alive : actable(event), target);
}

const headersOf = (held: Hold) => {
  const device = held.ask.headers['x-device-token'];
  return device === undefined ? {} : { 'x-device-token': device };
};

export async function change(run: Run, event: EventHistory, operation: Operation): Promise<void> {
  const held = pickActable(event, operation);
  if (!held) return hold(run, event, operation);
  const lines = linesOf(event, operation);
  const wanted: Selection = { lines, seats: null, untilMs: Number.POSITIVE_INFINITY };
  const before = [...held.selections];
  held.changing = true;
  held.selections.push(wanted);
  const heard = await send(run, operation.instance, {
    method: 'PUT',
    path: `/api/v1/holds/${held.holdId}`,
    headers: headersOf(held),
    body: { items: itemsOf(lines) },
  });
  held.changing = false;
  const { answer, lost, heardAtMs } = heard;
  if (answer === null || lost > 0 || answer.status === 503) {
    // Nobody knows which selection it is now.
    held.touched = true;
    held.changing = true;
    return;
  }
  if (answer.status === 200) {
    for (const old of before) old.untilMs = Math.min(old.untilMs, heardAtMs);
    wanted.seats = seatsOf(asObject(answer.body));
    run.counters.count('hold_changed');
    noteChanged(run, event, held, answer.body);
    return;
  }
  wanted.untilMs = heardAtMs;
  held.selections.splice(held.selections.indexOf(wanted), 1);
  held.selections.unshift(wanted);
  const isEnded = /^(hold_ended|hold_already_booked|not_found)$/.test(codeOf(answer));
  run.counters.count(isEnded ? 'hold_acted_on_after_its_end' : 'hold_change_refused_and_kept');
  const alive = held.expiresAtMs > heardAtMs + 20 && !held.touched;
  if (isEnded && alive) complain(run, event, 'G15', held.holdId ?? '', codeOf(answer));
}

/** A swap gives other places for the same time, never more time. */
function noteChanged(run: Run, event: EventHistory, held: Hold, body: unknown): void {
  const expiresAtMs = Date.parse(asText(asObject(body)['expiresAt']));
  if (expiresAtMs === held.expiresAtMs) return;
  complain(run, event, 'G5', held.holdId ?? '', 'a change has moved the end of a hold');
}

export async function release(run: Run, event: EventHistory, operation: Operation): Promise<void> {
  const held = pickActable(event, operation);
  if (!held) return hold(run, event, operation);
  held.touched = true;
  const { answer, heardAtMs } = await send(run, operation.instance, {
    method: 'DELETE',
    path: `/api/v1/holds/${held.holdId}`,
    headers: headersOf(held),
  });
  if (answer?.status === 204) {
    const isFirst = held.releasedAtMs === null && held.expiresAtMs > heardAtMs;
    held.releasedAtMs ??= heardAtMs;
    run.counters.count(isFirst ? 'hold_released' : 'hold_acted_on_after_its_end');
  } else if (answer?.status === 409) run.counters.count('hold_acted_on_after_its_end');
}

function bookingAsk(event: EventHistory, operation: Operation, held?: Hold): Ask {
  const person = personOf(event, operation);
  const lines = held ? [] : linesOf(event, operation);
  const method = methodFor(operation);
  return newAsk(event, operation, {
    kind: 'booking',
    path: `/api/v1/events/${event.eventId}/bookings`,
    body: {
      ...(held ? { holdId: held.holdId } : { items: itemsOf(lines) }),
      buyer: { name: `Person ${operation.person}`, ...person },
      payment: { method },
    },
    people: peopleOf(person),
    lines,
  });
}

function methodFor({ way }: Operation): string {
  if (way < 0.15) return 'simulated';
  return way < 0.4 ? 'checkout_session' : 'payment_intent';
}

export async function book(run: Run, event: EventHistory, operation: Operation): Promise<void> {
  const ask = bookingAsk(event, operation);
  noteBooking(run, event, ask, await send(run, operation.instance, requestOf(ask)), null);
}

export async function bookHeld(run: Run, event: EventHistory, operation: Operation): Promise<void> {
  const now = Date.now();
  const open = actable(event).filter((each) => !each.touched && each.expiresAtMs > now);
  const held = pickRecent(open, operation.target);
  if (!held) return book(run, event, operation);
  held.touched = true;
  held.mayOutlive = true;
  // An order counts its hold for its own buyer alone; until it is answered nobody knows for whom.
  const before = [...held.people];
  held.people.clear();
  const ask = bookingAsk(event, operation, held);
  const headers = { ...ask.headers, ...headersOf(held) };
  // Whoever holds with a device's secret books with it.
  const request = { ...requestOf(ask), headers };
  Object.assign(ask, { headers });
  const heard = await send(run, operation.instance, request);
  noteBooking(run, event, ask, heard, held);
  const refused = heard.answer !== null && heard.answer.status < 500 && heard.lost === 0;
  if (!refused || heard.answer?.status === 201) return;
  held.mayOutlive = false;
  for (const [person, sinceMs] of before) held.people.set(person, sinceMs);
}

/** The order that a booking made, and its hold, where that was made by it as well. */
function noteBooking(
  run: Run,
  event: EventHistory,
  ask: Ask,
  heard: Heard,
  held: Hold | null,
): void {
  const isGranted = noteAnswer(run, event, ask, heard);
  if (!isGranted) return;
  const body = asObject(heard.answer?.body);
  const view = asObject(body['order']);
  if (ask.order) {
    noteOrder(run, event, ask.order, asReplayed(view), heard.sentAtMs);
    return;
  }
  const own = held ?? addHold(event, ask, null, Date.parse(asText(view['expiresAt'])));
  for (const person of ask.people) {
    if (!own.people.has(person)) own.people.set(person, heard.heardAtMs);
  }
  const order: Order = {
    ask,
    orderId: asText(view['id']),
    hold: own,
    totalMinor: asNumber(asObject(view['total'])['amount']),
    places: asList(view['items']).reduce<number>(
      (sum, item) => sum + asNumber(asObject(item)['quantity']),
      0,
    ),
    token: asText(body['accessToken']) || null,
    clientSecret: asText(asObject(body['payment'])['clientSecret']) || null,
    page: pageOf(asText(asObject(body['payment'])['redirectUrl'])),
    payTried: false,
    takenByHand: false,
    endTried: false,
    confirmedAtMs: null,
    endedAtMs: null,
    ticketIds: [],
  };
  ask.order = order;
  own.order = order;
  event.orders.push(order);
  const pays =
    order.totalMinor === 0 ||
    asText(asObject(asList(view['payments'])[0])['method']) === 'simulated';
  if (pays) {
    own.touched = true;
    own.mayOutlive = true;
    order.payTried = order.totalMinor > 0;
  } else if (held) own.mayOutlive = false;
  noteOrder(run, event, order, view, heard.sentAtMs);
}

/** That of a Checkout Session; that of an intent is not needed where its secret is there. */
const pageOf = (url: string): string | null =>
  url.includes('/cs_test_') ? new URL(url).pathname : null;

/** A repeated booking shows the order as it was placed: pending says nothing about now. */
const asReplayed = (view: Readonly<Record<string, unknown>>) =>
  view['status'] === 'pending' ? {} : view;
