/**
 * The sender. There is one job for an endpoint; it makes a few posts at once, each the first
 * message of another event, until nothing is due or its time is over. So a slow endpoint holds up
 * itself, and no event waits for another; nor do the endpoints of one organizer wait for those of
 * another, however many of these are slow.
 *
 * What is due is decided by the rows. Each attempt is claimed before it is made, and written down
 * under that claim: two workers never make the same one, and what a worker that died has claimed is
 * sent again after a minute.
 */
import type { Ctx } from '../../kernel/context.ts';
import { all, maybe } from '../../kernel/db.ts';
import type { EndpointId } from '../../kernel/ids.ts';
import { enqueue, type JobHandler, type Recurring } from '../../kernel/jobs.ts';
import { readNow } from '../../kernel/now.ts';
import { takeAsked, takeDue } from './delivery.sql.ts';
import { selectDueEndpoints, selectEndpoint } from './endpoint.sql.ts';
import { SEND_JOB, type SendJob } from './jobs.ts';
import { noteEmpty, noteOutcome } from './note-outcome.ts';
import { secretOf, signedHeaders } from './sign-message.ts';
import { inTurn } from './turns.ts';

/** To one endpoint. */
const POSTS_AT_ONCE = 4;
/** With the longest attempt behind it, a job ends within its lease. */
const JOB_MS = 20_000;
const LOOK_MS = 1_000;
const DUE_AT_ONCE = 1_000;

const sendToEndpoint: JobHandler = async (base, job) => {
  const ctx = { ...base, db: base.outgoingDb };
  // Written by whoever enqueues this kind.
  const { endpointId } = job.data as SendJob;
  const endpoint = await maybe(ctx.db, selectEndpoint(endpointId));
  if (!endpoint) return;
  await inTurn(ctx, endpoint.organizerId, () => sendDue(ctx, endpointId));
};

async function sendDue(ctx: Ctx, endpointId: EndpointId): Promise<void> {
  const until = performance.now() + JOB_MS;
  const hand = async () => {
    while (await sendNext(ctx, endpointId)) {
      if (performance.now() > until || ctx.isDraining()) return;
    }
  };
  const hands = await Promise.allSettled(Array.from({ length: POSTS_AT_ONCE }, hand));
  const broken = hands.find((each) => each.status === 'rejected');
  if (broken) throw broken.reason;
  // What is left is due already: the next job of this endpoint, behind those of the others.
  if (performance.now() > until) {
    const data: SendJob = { endpointId };
    await enqueue(ctx.db, { kind: SEND_JOB, key: endpointId, data });
  }
}

/** Makes one attempt; false where none is due. */
async function sendNext(ctx: Ctx, endpointId: EndpointId): Promise<boolean> {
  const now = ctx.clock.now();
  const taken =
    (await maybe(ctx.db, takeAsked(endpointId, now))) ??
    (await maybe(ctx.db, takeDue(endpointId, now)));
  if (!taken) return false;
  const { eventId, deliveryId, body, step, token } = taken;
  if (deliveryId === null || body === null || step === null) {
    await ctx.pause('webhook.before_end');
    if (eventId !== null) await noteEmpty(ctx, { endpointId, eventId, token });
    return true;
  }
  const endpoint = await maybe(ctx.db, selectEndpoint(endpointId));
  if (!endpoint) return false;
  await ctx.pause('webhook.before_post');
  const at = await readNow(ctx.db, ctx.clock);
  const isPreviousGood = endpoint.previousUntil !== null && endpoint.previousUntil > at;
  const good = isPreviousGood ? [endpoint.secretNo, endpoint.secretNo - 1] : [endpoint.secretNo];
  const secrets = good.map((secretNo) => secretOf(ctx.secrets, { endpointId, secretNo }));
  const outcome = await ctx.ports.webhooks.post({
    url: endpoint.url,
    headers: signedHeaders(secrets, { id: deliveryId, at, body }),
    body,
  });
  await noteOutcome(ctx, { ...taken, endpointId, deliveryId, step }, outcome, at);
  return true;
}

export const sendWebhooksJob = { kind: SEND_JOB, handler: sendToEndpoint } as const;

/** A retry whose time has come, what was lost on the way to a job, what a dead worker had. */
export const dueWebhooksRecurring: Recurring = {
  name: 'due_webhooks',
  everyMs: LOOK_MS,
  run: async (ctx) => {
    const due = await all(ctx.db, selectDueEndpoints(ctx.clock.now(), DUE_AT_ONCE));
    for (const { endpointId } of due) {
      const data: SendJob = { endpointId };
      await enqueue(ctx.db, { kind: SEND_JOB, key: endpointId, data });
    }
    if (due.length > 0) ctx.wakeJobs();
  },
};
