import { z } from 'zod';
import type { Actor } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { maybe } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { ok, type RefusalOf, type Result, refused } from '../../kernel/result.ts';
import { moneyOut, timeOut } from '../../kernel/schemas.ts';
import { eventView, findEvent } from '../catalog/index.ts';
import { openedBy, type PromoRefusal } from './apply-code.ts';
import { selectCode } from './promo-code.sql.ts';
import { isFor, priceWith } from './rules.ts';

export const checkedSchema = z
  .object({
    code: z.string(),
    maxTickets: z.int().nullable().describe('For how many tickets of one order'),
    validUntil: timeOut.nullable(),
    ticketTypes: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        price: moneyOut.describe('Without the code'),
        priceWithCode: moneyOut,
        unlocked: z.boolean().describe('Can be had with a code only, and with this one'),
      }),
    ),
  })
  .meta({ id: 'CheckedPromoCode' });

/** What a code would do for a buyer now. Unknown, disabled and ended codes are told alike. */
export async function checkCode(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
  code: string,
): Promise<Result<z.input<typeof checkedSchema>, PromoRefusal | RefusalOf<'not_found'>>> {
  const seen = await findEvent(ctx, actor, eventId);
  if (!seen) return refused('not_found');
  const row = await maybe(ctx.db, selectCode(eventId, code));
  const usable = await openedBy(ctx, eventId, code, []);
  if (!usable.ok) return usable;
  if (!row) return refused('promo_code_invalid');
  // Of staff's view what the code opens, and what everybody sees.
  const { ticketTypes } = await eventView(ctx.db, seen.event, 'staff');
  const shown = ticketTypes.filter(({ id, visibility }) => {
    return isFor(row, id) && (visibility === 'public' || (visibility === 'code' && row.unlocks));
  });
  return ok({
    code,
    maxTickets: row.maxTickets,
    validUntil: row.validUntil?.toISOString() ?? null,
    ticketTypes: shown.map(({ id, name, price, visibility }) => ({
      id,
      name,
      price,
      priceWithCode: { ...price, amount: priceWith(row, id, price.amount) },
      unlocked: visibility === 'code',
    })),
  });
}
