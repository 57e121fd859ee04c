/**
 * Events: what happened, with the object as it was then. They are collected while a call runs and
 * written at its end, together with one delivery for every endpoint that asked for their type.
 */
import { z } from 'zod';
import { all, maybe } from '../../kernel/db.ts';
import { noSuch, noSuchParam } from '../api/errors.ts';
import { createdFilter, createdInterval, flag, list, page, text } from '../api/params.ts';
import { answer, endpoint } from '../api/route.ts';
import { START } from '../store.ts';
import { API_VERSION, type Call, newId, nowS } from '../world.ts';
import {
  cursorOfEvent,
  type EventFilter,
  insertDeliveries,
  insertEvents,
  listEvents,
  listUndelivered,
  selectEndpoints,
  selectEvent,
} from './events.sql.ts';

const DEFAULT_PAGE = 10;

type EventBody = {
  readonly id: string;
  readonly object: 'event';
  readonly account?: string;
  readonly api_version: string;
  readonly created: number;
  readonly data: { readonly object: object };
  readonly livemode: false;
  readonly pending_webhooks: number;
  readonly request: { readonly id: string | null; readonly idempotency_key: string | null };
  readonly type: string;
};

export function happen(call: Call, type: string, of: { owner: string; data: object }): void {
  call.happened.push({ type, owner: of.owner, object: of.data });
}

/** Whether there is anything: then the delivery is worth waking after the commit. */
export async function recordHappenings(call: Call): Promise<boolean> {
  if (call.happened.length === 0) return false;
  const endpoints = await all(call.tx, selectEndpoints());
  const events: EventBody[] = [];
  const planned: Planned[] = [];
  for (const { type, owner, object } of call.happened) {
    const wanted = endpoints.filter((to) => reaches(to, owner) && wants(to.events, type));
    const event: EventBody = {
      id: newId(call.world, 'evt'),
      object: 'event',
      ...(owner === '' ? {} : { account: owner }),
      api_version: API_VERSION,
      created: nowS(call.world),
      data: { object },
      livemode: false,
      pending_webhooks: wanted.length,
      request: { id: call.requestId, idempotency_key: call.idempotencyKey },
      type,
    };
    events.push(event);
    for (const { id } of wanted) planned.push(...plan(call, event, id));
  }
  call.happened.length = 0;
  await all(call.tx, insertEvents(JSON.stringify(events)));
  if (planned.length === 0) return false;
  await all(
    call.tx,
    insertDeliveries(
      planned.map((delivery) => delivery.eventId),
      planned.map((delivery) => delivery.endpointId),
      planned.map((delivery) => delivery.holdMs),
      planned.map((delivery) => delivery.dropped),
    ),
  );
  return true;
}

/**
 * An endpoint gets what happens in its own account, or, where it was made for that, in all accounts
 * connected to it: never both.
 */
function reaches(
  to: { readonly owner: string; readonly connect: boolean },
  owner: string,
): boolean {
  return to.connect ? to.owner === '' && owner !== '' : to.owner === owner;
}

function wants(types: unknown, type: string): boolean {
  return Array.isArray(types) && (types.includes('*') || types.includes(type));
}

type Planned = {
  readonly eventId: string;
  readonly endpointId: string;
  readonly holdMs: number;
  readonly dropped: boolean;
};

/** One delivery, or what the faults make of it. */
function plan(call: Call, event: EventBody, endpointId: string): readonly Planned[] {
  const strikes = call.world.faults.forWebhook(event.type);
  const holdMs = strikes.reduce((sum, strike) => sum + strike.ms, 0);
  const dropped = strikes.some(({ kind }) => kind === 'drop_webhook');
  const delivery = { eventId: event.id, endpointId, holdMs, dropped };
  const twice = strikes.some(({ kind }) => kind === 'duplicate_webhook');
  return twice ? [delivery, delivery] : [delivery];
}

const listParams = z.strictObject({
  ...page,
  type: text.optional(),
  types: list(text).optional(),
  created: createdFilter.optional(),
  delivery_success: flag.optional(),
});

export const eventEndpoints = [
  endpoint('GET', '/v1/events/:id', z.strictObject({}), async (call, _params, id) => {
    const found = await maybe(call.tx, selectEvent(call.owner, id));
    return found ? answer(shown(found)) : noSuch('event', id);
  }),
  endpoint('GET', '/v1/events', listParams, async (call, params) => {
    const after = params.starting_after;
    const before =
      after === undefined ? START : await maybe(call.tx, cursorOfEvent(call.owner, after));
    if (!before) return noSuchParam('event', after ?? '', 'starting_after');
    const limit = params.limit ?? DEFAULT_PAGE;
    const interval = createdInterval(params.created);
    const filter: EventFilter = {
      owner: call.owner,
      types: params.types ?? (params.type === undefined ? null : [params.type]),
      createdFromS: interval.createdFromS ?? 0,
      createdToS: interval.createdToS ?? Number.MAX_SAFE_INTEGER,
      before,
      limit: limit + 1,
    };
    const delivered = params.delivery_success;
    const statement =
      delivered === false ? listUndelivered(filter) : listEvents(filter, delivered ?? false);
    const found = await all(call.tx, statement);
    return answer({
      object: 'list',
      data: found.slice(0, limit).map(shown),
      has_more: found.length > limit,
      url: '/v1/events',
    });
  }),
];

function shown(row: { readonly body: unknown; readonly pending: number }): object {
  // `recordHappenings` wrote it.
  return { ...(row.body as EventBody), pending_webhooks: row.pending };
}
