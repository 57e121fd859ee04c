/** How far an event's change is: what people chose, and where their money is. */
import { z } from 'zod';
import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, maybe, one } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { readNow } from '../../kernel/now.ts';
import { moneyOut, timeOut } from '../../kernel/schemas.ts';
import { findEvent, readEventWords } from '../catalog/index.ts';
import { remedy } from '../orders/index.ts';
import { selectChange } from './change.sql.ts';
import { countRemedies, countWithoutOffer, sumRefunds } from './progress.view.sql.ts';

const refunds = z.object({ refunds: z.int(), amount: moneyOut });

export const progressSchema = z
  .object({
    eventId: z.string(),
    kind: z.enum(['cancellation', 'reschedule']),
    remedies: z.array(remedy),
    defaultRemedy: remedy,
    chooseBy: timeOut,
    startedAt: timeOut,
    offeredAt: timeOut.nullable().describe('Since when every order has its offer, or its remedy'),
    settledAt: timeOut.nullable().describe('Since when nothing is left to be decided'),
    orders: z.object({
      waiting: z.int().describe('Not seen yet, or with a payment under way'),
      offered: z.int(),
      chosen: z.int().describe('Decided, and being carried out'),
      done: z.int(),
      withdrawn: z.int().describe('There was nothing to remedy any more'),
    }),
    byRemedy: z.array(
      z.object({
        remedy,
        orders: z.int(),
        done: z.int(),
        value: moneyOut.describe('Not in money'),
      }),
    ),
    money: z
      .object({ owed: refunds, submitted: refunds, succeeded: refunds, failed: refunds })
      .describe('`submitted`: also pending at the provider; `failed`: to be asked for again'),
    eta: timeOut.nullable().describe('When the last refund will have succeeded, as it goes now'),
  })
  .meta({ id: 'EventChange' });

export type Progress = z.input<typeof progressSchema>;

/** Of the latest change; null where there is none, or the event is not this actor's. */
export async function readProgress(
  ctx: Ctx,
  actor: Actor,
  eventId: EventId,
): Promise<Progress | null> {
  const seen = await findEvent(ctx, actor, eventId);
  if (!seen || !isStaffOf(actor, seen.event.organizerId, 'events:read')) return null;
  return progressOf(ctx, eventId);
}

/** The same for the operator, who may see all of it. */
export async function progressOf(ctx: Ctx, eventId: EventId): Promise<Progress | null> {
  const change = await maybe(ctx.db, selectChange(eventId));
  if (!change) return null;
  const { changeNo, madeAt } = change;
  const { currency } = (await readEventWords(ctx, eventId, [])).event;
  const remedies = await all(ctx.db, countRemedies(eventId, changeNo));
  const back = await all(ctx.db, sumRefunds(eventId, changeNo));
  const { orders: waiting } = await one(ctx.db, countWithoutOffer(change));
  const now = await readNow(ctx.db, ctx.clock);
  const money = (amount: number) => ({ amount, currency });
  const ordersIn = (status: string) => sum(remedies, (row) => row.status === status, 'orders');
  const refundsIn = (...statuses: string[]) => {
    const isIn = (row: { readonly status: string }) => statuses.includes(row.status);
    return { refunds: sum(back, isIn, 'refunds'), amount: money(sum(back, isIn, 'amountMinor')) };
  };
  const named = change.remedies.map((name) => {
    const own = remedies.filter(({ chosen }) => chosen === name);
    const orders = sum(own, () => true, 'orders');
    const done = sum(own, ({ status }) => status === 'done', 'orders');
    return { remedy: name, orders, done, value: money(sum(own, () => true, 'valueMinor')) };
  });
  const succeeded = refundsIn('succeeded');
  const left = sum(back, ({ status }) => status !== 'succeeded', 'refunds');
  return {
    ...{ eventId, kind: change.kind, remedies: [...change.remedies] },
    defaultRemedy: change.fallback,
    chooseBy: change.chooseBy.toISOString(),
    startedAt: madeAt.toISOString(),
    offeredAt: change.offeredAt?.toISOString() ?? null,
    settledAt: change.settledAt?.toISOString() ?? null,
    orders: {
      ...{ waiting, offered: ordersIn('offered'), chosen: ordersIn('chosen') },
      ...{ done: ordersIn('done'), withdrawn: ordersIn('withdrawn') },
    },
    byRemedy: named,
    money: {
      ...{ owed: refundsIn('owed'), submitted: refundsIn('submitted', 'pending') },
      ...{ succeeded, failed: refundsIn('failed') },
    },
    eta: etaOf(now, madeAt, succeeded.refunds, left),
  };
}

function sum<N extends string, Row extends Readonly<Record<N, number>>>(
  rows: readonly Row[],
  isMeant: (row: Row) => boolean,
  name: N,
): number {
  return rows.filter(isMeant).reduce((total, row) => total + row[name], 0);
}

/** At the pace so far; nobody knows before there is any. */
function etaOf(now: Date, startedAt: Date, done: number, left: number): string | null {
  if (left === 0 || done === 0) return null;
  const perRefundMs = Math.max(0, now.getTime() - startedAt.getTime()) / done;
  return new Date(now.getTime() + left * perRefundMs).toISOString();
}
