/**
 * A server of this process without HTTP: holds are asked for, changed and given up through the
 * doors of its rooms, under the names that HTTP would give them, so that either may repeat the
 * other's requests. It is cheaper than a socket; everything else goes there.
 */
import type { Actor } from '../../server/kernel/actor.ts';
import { callerOf } from '../../server/kernel/actor.ts';
import type { Ctx } from '../../server/kernel/context.ts';
import { isAway, isBusy } from '../../server/kernel/db.ts';
import { hashBody } from '../../server/kernel/idempotency.ts';
import type { EventId, HoldId, TicketTypeId } from '../../server/kernel/ids.ts';
import {
  changeHold,
  type Hold,
  type HoldItem,
  holdPlaces,
  holdRefusals,
  personKeys,
  releaseHold,
} from '../../server/modules/inventory/index.ts';
import { findHold } from '../../server/modules/shopping/find-hold.ts';
import { type Answer, Lost, type Request, type Wire } from './wire.ts';

type Item = {
  readonly ticketTypeId: TicketTypeId;
  readonly quantity?: number;
  readonly seatIds?: readonly string[];
  readonly bestAvailable?: { readonly quantity: number };
};

type HoldBody = {
  readonly items: readonly Item[];
  readonly buyer?: { readonly email: string; readonly phone?: string };
};

const HOLDS = /^\/api\/v1\/events\/([^/]+)\/holds$/;
const HOLD = /^\/api\/v1\/holds\/([^/]+)$/;

export function openDoors(ctx: Ctx, wire: Wire): Wire {
  const send = (request: Request): Promise<Answer> => {
    const inside = enter(ctx, request);
    return inside ? inside.catch(answerOfError) : wire.send(request);
  };
  return { send, close: () => {} };
}

/** Null for what has no door here. */
function enter(ctx: Ctx, request: Request): Promise<Answer> | null {
  const { method, path } = request;
  const eventId = HOLDS.exec(path)?.[1];
  // The clients' own requests, in the contract's shapes.
  if (eventId && method === 'POST') return hold(ctx, eventId as EventId, request);
  const holdId = HOLD.exec(path)?.[1];
  if (holdId && method === 'PUT') return change(ctx, holdId as HoldId, request);
  if (holdId && method === 'DELETE') return release(ctx, holdId as HoldId, request);
  return null;
}

function answerOfError(error: unknown): Answer {
  if (isBusy(error)) return refusal('busy');
  if (isAway(error)) throw new Lost(String(error));
  return { status: 500, body: { code: error instanceof Error ? error.stack : String(error) } };
}

function actorOf({ headers }: Request): Actor {
  const device = headers?.['x-device-token'] ?? null;
  return { kind: 'anonymous', device, accessToken: null };
}

const itemsOf = (items: readonly Item[]): readonly HoldItem[] =>
  items.map(({ ticketTypeId, quantity = 0, seatIds, bestAvailable }) => {
    if (seatIds) return { ticketTypeId, quantity: seatIds.length, seatIds };
    if (bestAvailable) return { ticketTypeId, quantity: bestAvailable.quantity, best: {} };
    return { ticketTypeId, quantity };
  });

async function hold(ctx: Ctx, eventId: EventId, request: Request): Promise<Answer> {
  // As the client has made it.
  const body = request.body as HoldBody;
  const caller = callerOf(actorOf(request));
  const held = await holdPlaces(ctx, {
    eventId,
    items: itemsOf(body.items),
    personKeys: personKeys(ctx.secrets, body.buyer ?? {}),
    caller,
    key: request.headers?.['idempotency-key'] ?? '',
    bodyHash: hashBody(body),
    guarded: caller !== 'anonymous',
    sees: null,
    offered: request.offered ?? false,
  });
  return held.ok ? { status: 201, body: viewOf(held.value) } : refusal(held.refusal.code);
}

async function change(ctx: Ctx, holdId: HoldId, request: Request): Promise<Answer> {
  if (!(await findHold(ctx, actorOf(request), holdId, 'orders:write'))) return refusal('not_found');
  const { items } = request.body as HoldBody;
  const changed = await changeHold(ctx, holdId, itemsOf(items));
  return changed.ok ? { status: 200, body: viewOf(changed.value) } : refusal(changed.refusal.code);
}

async function release(ctx: Ctx, holdId: HoldId, request: Request): Promise<Answer> {
  if (!(await findHold(ctx, actorOf(request), holdId, 'orders:write'))) return refusal('not_found');
  const released = await releaseHold(ctx, holdId);
  return released.ok ? { status: 204, body: null } : refusal(released.refusal.code);
}

function viewOf({ id, expiresAt, currency, items }: Hold) {
  const money = (amount: number) => ({ amount, currency });
  return {
    id,
    expiresAt: expiresAt.toISOString(),
    items: items.map(({ ticketTypeId, quantity, seats, unitPriceMinor }) => ({
      ticketTypeId,
      quantity,
      ...(seats ? { seats: [...seats] } : {}),
      unitPrice: money(unitPriceMinor),
    })),
    total: money(items.reduce((sum, each) => sum + each.quantity * each.unitPriceMinor, 0)),
  };
}

function refusal(code: string): Answer {
  const known: Readonly<Record<string, { readonly status: number }>> = holdRefusals;
  const status = known[code]?.status ?? (code === 'not_found' ? 404 : 503);
  return { status, body: { code } };
}
