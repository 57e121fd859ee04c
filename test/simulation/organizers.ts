/** What organizers do: put an event on sale, pause it, change how much there is, end it. */
import type pg from 'pg';
import { isAway, sqlStateOf } from '../../server/kernel/db.ts';
import { type EventId, newScopedId } from '../../server/kernel/ids.ts';
import { inTurn } from '../../server/kernel/lanes.ts';
import { ok } from '../../server/kernel/result.ts';
import { openSeats } from '../../server/modules/inventory/index.ts';
import { gridPlan } from '../../server/modules/venues/index.ts';
import {
  asList,
  asNumber,
  asObject,
  asText,
  codeOf,
  complain,
  pause,
  type Run,
  send,
} from './asking.ts';
import { hold } from './buyers.ts';
import { setHoldMs } from './by-hand.ts';
import type { EventHistory } from './history.ts';
import { ADMIN_KEY } from './instances.ts';
import type { EventPlan, Operation } from './plan.ts';

const DAY_MS = 86_400_000;
const CURRENCY = 'EUR';
const PAUSE_MS = 40;
/** A request whose server was killed keeps its key for half a minute, and may meet another kill. */
const OPENED_MAX_MS = 300_000;
const UNIQUE_VIOLATION = '23505';

const authorized = (key?: string) => ({
  authorization: `Bearer ${ADMIN_KEY}`,
  ...(key === undefined ? {} : { 'idempotency-key': key }),
});

const typeOf = (priceMinor: number, n: number, supply: object) => ({
  name: `Type ${n}`,
  price: { amount: priceMinor, currency: CURRENCY },
  ...supply,
});

/** On sale, with the hold time that its plan says. */
export async function putOnSale(run: Run, pool: pg.Pool, plan: EventPlan): Promise<EventHistory> {
  const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();
  const counted = plan.types.slice(0, plan.pools.length - (plan.grid ? 1 : 0));
  const made = await post(run, '/api/v1/events', `event${plan.ordinal}`, {
    name: `Event ${plan.ordinal}`,
    startsAt: inDays(30),
    timezone: 'Europe/Berlin',
    currency: CURRENCY,
    ...(plan.personLimit === null ? {} : { maxTicketsPerPerson: plan.personLimit }),
    ...(plan.refundable ? { refundableUntil: inDays(20) } : {}),
    ticketTypes: counted.map(({ priceMinor, pool }, n) =>
      typeOf(priceMinor, n, { capacity: plan.pools[pool] }),
    ),
  });
  const eventId = asText(made['id']);
  const types = asList(made['ticketTypes']).map((each) => {
    const type = asObject(each);
    return { typeId: asText(type['id']), poolId: asText(type['poolId']) };
  });
  const seatedPoolId = plan.grid ? await openGrid(run, eventId, plan.grid) : '';
  for (const [n, { pool, priceMinor }] of plan.types.slice(counted.length).entries()) {
    const supply = { poolId: types[pool]?.poolId ?? seatedPoolId };
    const path = `/api/v1/events/${eventId}/ticket-types`;
    const body = typeOf(priceMinor, counted.length + n, supply);
    const type = await post(run, path, `type${plan.ordinal}.${n}`, body);
    types.push({ typeId: asText(type['id']), poolId: supply.poolId ?? '' });
  }
  await setHoldMs(pool, eventId, plan.holdMs);
  return {
    plan,
    eventId,
    types,
    pools: plan.pools.map((capacity, n) => ({
      poolId: types[n]?.poolId ?? '',
      capacity,
      seated: plan.grid !== null && n === plan.pools.length - 1,
      waiting: 0,
      blocked: 0,
      everWaited: false,
      unsureUntilMs: 0,
    })),
    asks: new Map(),
    unsure: new Set(),
    holds: [],
    occupying: [],
    orders: [],
    offers: [],
    blockedSeats: new Set(),
    cancelTried: false,
    inFlight: 0,
    begun: 0,
  };
}

/** A pool of seats, until plans can be imported over HTTP: `A-1-1` is the first of them. */
async function openGrid(
  run: Run,
  eventId: string,
  grid: { readonly rows: number; readonly places: number },
): Promise<string> {
  const [door] = run.doors;
  if (!door) throw new Error('no door to open seats through');
  const { ctx } = door;
  // Made by the product a moment ago.
  const id = eventId as EventId;
  const poolId = newScopedId(ctx.ids, 'pool', id);
  const plan = gridPlan([{ section: 'A', poolId, rows: grid.rows, placesPerRow: grid.places }]);
  const seats = plan.seats.map((seat) => ({
    ...seat,
    key: `${seat.section}-${seat.row + 1}-${seat.place + 1}`,
  }));
  for (const untilMs = Date.now() + OPENED_MAX_MS; ; ) {
    try {
      const opened = await inTurn(ctx, id, async (turn) => {
        await openSeats(turn, { poolId, name: 'Seats', seats });
        return ok(null);
      });
      if (opened.ok) return poolId;
    } catch (error) {
      // An attempt whose answer was lost had opened them.
      if (sqlStateOf(error) === UNIQUE_VIOLATION) return poolId;
      if (!isAway(error)) throw error;
    }
    if (Date.now() > untilMs) throw new Error(`the seats of ${eventId} cannot be opened`);
    await pause(PAUSE_MS);
  }
}

async function post(run: Run, path: string, key: string, body: object) {
  const headers = authorized(key);
  // Until it is done: without an event there is nothing to do.
  for (const untilMs = Date.now() + OPENED_MAX_MS; ; ) {
    const { answer } = await send(run, 0, { method: 'POST', path, headers, body });
    if (answer?.status === 201) return asObject(answer.body);
    if (answer && answer.status !== 503) {
      throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    if (Date.now() > untilMs) throw new Error(`${path}: nobody answers`);
  }
}

async function moveTo(run: Run, event: EventHistory, instance: number, move: string) {
  const path = `/api/v1/events/${event.eventId}/sales/${move}`;
  return send(run, instance, { method: 'POST', path, headers: authorized() });
}

/** Pauses or closes the sale for a moment; somebody asks meanwhile. */
export async function moveSale(run: Run, event: EventHistory, operation: Operation): Promise<void> {
  await moveTo(run, event, operation.instance, operation.way < 0.5 ? 'pause' : 'close');
  await hold(run, event, operation);
  await pause(operation.target * PAUSE_MS);
  await moveTo(run, event, operation.instance + 1, 'resume');
}

/** Whoever paused it may have been too busy to resume it. Done, or on sale already. */
export async function resumeSale(run: Run, event: EventHistory): Promise<void> {
  const untilMs = Date.now() + OPENED_MAX_MS;
  for (let attempt = 0; Date.now() < untilMs && !run.over.aborted; attempt++) {
    const { answer } = await moveTo(run, event, attempt, 'resume');
    if (answer && answer.status !== 503) return;
    await pause(PAUSE_MS);
  }
}

export async function moveCapacity(
  run: Run,
  event: EventHistory,
  operation: Operation,
): Promise<void> {
  const counted = event.pools.filter(({ seated }) => !seated);
  const pool = counted[Math.floor(operation.target * counted.length)];
  if (!pool || pool.unsureUntilMs === Number.POSITIVE_INFINITY) return hold(run, event, operation);
  const most = Math.max(...event.plan.pools) + 10;
  const capacity = Math.floor(operation.way * most);
  const before = pool.capacity;
  pool.unsureUntilMs = Number.POSITIVE_INFINITY;
  const { answer, lost, heardAtMs } = await send(run, operation.instance, {
    method: 'PUT',
    path: `/api/v1/events/${event.eventId}/pools/${pool.poolId}`,
    headers: authorized(),
    body: { name: 'Pool', capacity },
  });
  if (answer?.status === 200 && lost === 0) {
    pool.capacity = capacity;
    pool.unsureUntilMs = heardAtMs;
    if (capacity !== before) {
      run.counters.count(capacity > before ? 'capacity_raised' : 'capacity_lowered');
    }
  } else if (codeOf(answer) === 'capacity_below_committed' && lost === 0) {
    pool.unsureUntilMs = heardAtMs;
    run.counters.count('capacity_below_committed_refused');
  } else if (codeOf(answer) === 'event_over' && event.cancelTried) {
    pool.unsureUntilMs = heardAtMs;
  } else if (answer && answer.status < 500 && lost === 0) {
    complain(run, event, 'ANSWER', pool.poolId, `${answer.status} ${codeOf(answer)}`);
  }
}

/** What is shown is never more than there is. */
export async function readAvailability(
  run: Run,
  event: EventHistory,
  operation: Operation,
): Promise<void> {
  const capacityOf = (typeId: string) => {
    const poolId = event.types.find((type) => type.typeId === typeId)?.poolId;
    const pool = event.pools.find((each) => each.poolId === poolId);
    return pool && pool.unsureUntilMs === 0 ? pool.capacity : Number.POSITIVE_INFINITY;
  };
  for (const [typeId, available] of await availability(run, event, operation.instance)) {
    if (available >= 0 && available <= capacityOf(typeId)) continue;
    complain(run, event, 'G4', typeId, `${available} shown of ${capacityOf(typeId)}`);
  }
}

/** By ticket type. */
export async function availability(
  run: Run,
  event: EventHistory,
  instance: number,
): Promise<ReadonlyMap<string, number>> {
  const path = `/api/v1/events/${event.eventId}/availability`;
  const { answer } = await send(run, instance, { method: 'GET', path });
  if (answer?.status !== 200) return new Map();
  const types = asList(asObject(answer.body)['ticketTypes']).map(asObject);
  return new Map(types.map((type) => [asText(type['id']), asNumber(type['available'])]));
}

/** Near its end an event's sale is closed, or the event cancelled while people still ask. */
export async function endSale(run: Run, event: EventHistory, operation: Operation): Promise<void> {
  const { ends } = event.plan;
  if (ends === 'closed') await moveTo(run, event, operation.instance, 'close');
  if (ends !== 'cancelled') return;
  event.cancelTried = true;
  const path = `/api/v1/events/${event.eventId}/cancel`;
  const { answer } = await send(run, operation.instance, {
    method: 'POST',
    path,
    headers: authorized(`end${event.plan.ordinal}`),
    body: {},
  });
  const hadOrders = event.orders.some((order) => order.confirmedAtMs !== null);
  if (answer?.status === 200 && hadOrders) run.counters.count('event_cancelled_with_orders');
}
