/** `/sandbox/clock`: move time, and holds, sales windows and refund windows obey. */
import { z } from 'zod';
import type { TestClock } from '../kernel/clock.ts';
import { ok, refused } from '../kernel/result.ts';
import { type Route, route } from '../kernel/route.ts';
import { timeOut } from '../kernel/schemas.ts';
import { advanceTestClock } from '../kernel/test-clock.ts';

/** Ten years: further than any sale is planned ahead. */
const ADVANCE_MAX_SECONDS = 315_360_000;

const clockSchema = z
  .object({ now: timeOut, offsetSeconds: z.number() })
  .meta({ id: 'SandboxClock' });

export function clockRoutes(clock: TestClock, nowMs: () => number): readonly Route[] {
  const view = () => ({
    now: new Date(nowMs()).toISOString(),
    offsetSeconds: clock.offsetMs() / 1000,
  });
  const access = { kind: 'platform', scope: 'sandbox:write' } as const;
  return [
    route({
      method: 'GET',
      path: '//sandbox/clock',
      summary: 'What time the sandbox has',
      tag: 'Sandbox',
      access,
      success: { status: 200, schema: clockSchema, description: 'The test clock' },
      refusals: {},
      handle: async () => ok({ body: view() }),
    }),
    route({
      method: 'POST',
      path: '//sandbox/clock',
      summary: 'Move the sandbox’s time forward',
      tag: 'Sandbox',
      access,
      idempotency: 'none',
      body: z.strictObject({ advanceSeconds: z.int().min(0).max(ADVANCE_MAX_SECONDS) }),
      success: { status: 200, schema: clockSchema, description: 'The test clock' },
      refusals: {
        clock_too_far: { status: 409, title: 'The sandbox would be ten years ahead and more' },
      },
      example: { body: { advanceSeconds: 900 } },
      handle: async (ctx, { body }) => {
        const aheadSeconds = clock.offsetMs() / 1000 + body.advanceSeconds;
        // The clock does not go back: beyond what dates can say, nothing would work any more.
        if (aheadSeconds > ADVANCE_MAX_SECONDS) return refused('clock_too_far');
        await advanceTestClock(ctx.db, clock, body.advanceSeconds * 1000);
        return ok({ body: view() });
      },
    }),
  ];
}
