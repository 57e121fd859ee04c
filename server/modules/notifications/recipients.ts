import type { Ctx } from '../../kernel/context.ts';
import { type Queryable, run } from '../../kernel/db.ts';
import type { Channel } from './kinds.ts';
import { forgetBounce } from './message.sql.ts';
import { recipientKey } from './notify.ts';

/** Its owner has just read a message there: mail arrives again. */
export async function forgetBounces(
  ctx: Ctx,
  on: Queryable,
  channel: Channel,
  address: string,
): Promise<void> {
  await run(on, forgetBounce(recipientKey(ctx.secrets, channel, address)));
}
