/** The log of what was sent to an endpoint, and what is sent by hand. */
import type { Key } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, type Busy, inTx, maybe, one, run, type Tx } from '../../kernel/db.ts';
import { type DeliveryId, type EndpointId, endpointOf, newScopedId } from '../../kernel/ids.ts';
import { enqueue } from '../../kernel/jobs.ts';
import { readNow } from '../../kernel/now.ts';
import { type CursorRefusal, type Page, readCursor, toPage } from '../../kernel/page.ts';
import { ok, present, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { askAgain, insertTest, selectDeliveries, selectDelivery } from './delivery.sql.ts';
import { type DeliveryView, deliveryView } from './delivery-view.ts';
import type { EndpointRow } from './endpoint.sql.ts';
import { findEndpoint, findToChange } from './find-endpoint.ts';
import { SEND_JOB, type SendJob } from './jobs.ts';
import { messageOf } from './write-deliveries.ts';

const TEST_KIND = 'webhook_test';

type Asked = Result<DeliveryView, RefusalOf<'not_found' | 'webhook_endpoint_disabled'> | Busy>;

export async function listDeliveries(
  ctx: Ctx,
  key: Key,
  endpointId: EndpointId,
  query: {
    readonly limit: number;
    readonly cursor?: string | undefined;
    readonly status?: string | undefined;
  },
): Promise<Result<Page<DeliveryView>, CursorRefusal | RefusalOf<'not_found'>>> {
  const cursor = readCursor(ctx.secrets, 'webhook-deliveries', query.cursor);
  if (!cursor.ok) return cursor;
  const endpoint = await findEndpoint(ctx.db, key, endpointId);
  if (!endpoint.ok) return endpoint;
  const before = cursor.value ? present(cursor.value[0], 'cursor value') : null;
  const wanted = { status: query.status ?? null, before };
  const found = await all(ctx.db, selectDeliveries(endpointId, wanted, query.limit + 1));
  return ok(
    toPage(ctx.secrets, 'webhook-deliveries', found, query.limit, {
      view: deliveryView,
      key: (row) => [row.deliveryId],
    }),
  );
}

/** Sends a message of no event, once, also to an endpoint that is paused. */
export function testEndpoint(ctx: Ctx, key: Key, endpointId: EndpointId): Promise<Asked> {
  return byHand(ctx, key, endpointId, async (tx, { organizerId }) => {
    const now = await readNow(tx, ctx.clock);
    const deliveryId = newScopedId(ctx.ids, 'whd', endpointId);
    const body = messageOf(TEST_KIND, now, { organizerId, endpointId });
    await run(tx, insertTest({ endpointId, deliveryId, kind: TEST_KIND, body }, now));
    return deliveryId;
  });
}

/** Sends a message once more, whatever became of it, and whatever its turn. */
export function resendDelivery(ctx: Ctx, key: Key, deliveryId: DeliveryId): Promise<Asked> {
  const endpointId = endpointOf(deliveryId);
  return byHand(ctx, key, endpointId, async (tx) => {
    const touched = await run(tx, askAgain(endpointId, deliveryId, ctx.clock.now()));
    return touched === 1 ? deliveryId : null;
  });
}

async function byHand(
  ctx: Ctx,
  key: Key,
  endpointId: EndpointId,
  ask: (tx: Tx, endpoint: EndpointRow) => Promise<DeliveryId | null>,
): Promise<Asked> {
  const done = await inTx(ctx, async (tx) => {
    const endpoint = await findToChange(tx, key, endpointId);
    if (!endpoint.ok) return endpoint;
    const deliveryId = await ask(tx, endpoint.value);
    if (deliveryId === null) return refused('not_found');
    if (endpoint.value.status === 'disabled') return refused('webhook_endpoint_disabled');
    const data: SendJob = { endpointId };
    await enqueue(tx, { kind: SEND_JOB, key: endpointId, data });
    return ok(deliveryView(await one(tx, selectDelivery(endpointId, deliveryId))));
  });
  if (done.ok) ctx.wakeJobs();
  return done;
}

export async function readDelivery(
  ctx: Ctx,
  key: Key,
  deliveryId: DeliveryId,
): Promise<Result<DeliveryView, RefusalOf<'not_found'>>> {
  const endpointId = endpointOf(deliveryId);
  const endpoint = await findEndpoint(ctx.db, key, endpointId);
  if (!endpoint.ok) return endpoint;
  const found = await maybe(ctx.db, selectDelivery(endpointId, deliveryId));
  return found ? ok(deliveryView(found)) : refused('not_found');
}
