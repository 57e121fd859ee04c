/** Routes for those who run it: alive, ready, measured. They stand outside the API's base path. */
import { z } from 'zod';
import type { Ctx } from './kernel/context.ts';
import { isAway } from './kernel/db.ts';
import { pendingMigrations } from './kernel/migrate.ts';
import { ok, refused } from './kernel/result.ts';
import { type Route, route } from './kernel/route.ts';

export { oldestSnapshotSeconds } from './operating.sql.ts';

const alive = z.object({ status: z.literal('ok') });
const ready = z.object({ status: z.literal('ready'), database: z.literal('ok') });

async function whyNotReady(ctx: Ctx): Promise<string | null> {
  if (ctx.isDraining()) return 'the server is shutting down';
  try {
    const pending = await pendingMigrations(ctx.db.pool);
    return pending.length > 0 ? `migrations are missing: ${pending.join(', ')}` : null;
  } catch (error) {
    if (isAway(error)) return 'the database cannot be reached';
    throw error;
  }
}

export const operatingRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '//healthz',
    summary: 'Alive',
    description: 'Says only that the process answers; restart it if it does not.',
    tag: 'Operating',
    access: { kind: 'public' },
    success: { status: 200, schema: alive, description: 'It answers' },
    refusals: {},
    handle: async () => ok({ body: { status: 'ok' as const } }),
  }),
  route({
    method: 'GET',
    path: '//readyz',
    summary: 'Ready to take requests',
    description: 'The database answers, its migrations are done, and the server is not draining.',
    tag: 'Operating',
    access: { kind: 'public' },
    success: { status: 200, schema: ready, description: 'Send requests here' },
    refusals: { not_ready: { status: 503, title: 'Not ready', retryAfterSeconds: 2 } },
    handle: async (ctx) => {
      const reason = await whyNotReady(ctx);
      if (reason !== null) return refused('not_ready', { detail: reason });
      return ok({ body: { status: 'ready' as const, database: 'ok' as const } });
    },
  }),
  route({
    method: 'GET',
    path: '//metrics',
    summary: 'Metrics in the Prometheus text format',
    tag: 'Operating',
    access: { kind: 'public' },
    success: {
      status: 200,
      schema: z.string(),
      description: 'Metrics of this process',
      contentType: 'text/plain; version=0.0.4',
    },
    refusals: {},
    handle: async (ctx) => ok({ body: await ctx.metrics.registry.metrics() }),
  }),
];
