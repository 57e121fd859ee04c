import { one, run } from '../../kernel/db.ts';
import type { JobHandler, Recurring } from '../../kernel/jobs.ts';
import {
  countWaiting,
  deleteDeliveriesTo,
  deleteLostStreams,
  deleteOldDeliveries,
} from './delivery.sql.ts';
import { FORGET_JOB, type SendJob } from './jobs.ts';

const KEPT_DAYS = 30;
const FORGOTTEN_AT_ONCE = 1_000;
const FORGET_MS = 60_000;

const forgetEndpoint: JobHandler = async (ctx, job) => {
  // Written by whoever deletes an endpoint.
  const { endpointId } = job.data as SendJob;
  while ((await run(ctx.db, deleteDeliveriesTo(endpointId, FORGOTTEN_AT_ONCE))) > 0);
  await run(ctx.db, deleteLostStreams());
};

export const forgetEndpointJob = { kind: FORGET_JOB, handler: forgetEndpoint } as const;

/** The log goes back so far; what has waited for longer is not sent any more. */
export const forgetDeliveriesRecurring: Recurring = {
  name: 'forget_deliveries',
  everyMs: FORGET_MS,
  run: async (ctx) => {
    const now = ctx.clock.now();
    while ((await run(ctx.db, deleteOldDeliveries(KEPT_DAYS, FORGOTTEN_AT_ONCE, now))) > 0);
    await run(ctx.db, deleteLostStreams());
    ctx.metrics.webhooksWaiting.set((await one(ctx.db, countWaiting())).waiting);
  },
};
