import { z } from 'zod';
import { type Actor, isStaffOf } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import { all, inTx } from '../../kernel/db.ts';
import type { OrganizerId } from '../../kernel/ids.ts';
import { readNow } from '../../kernel/now.ts';
import { pageOf, pageQuery, readCursor, toPage } from '../../kernel/page.ts';
import { ok, refused } from '../../kernel/result.ts';
import { type Route, route } from '../../kernel/route.ts';
import { id, moneyOut, timeOut } from '../../kernel/schemas.ts';
import { organizerExists } from '../identity/index.ts';
import type { TieOutItem } from './rules-tie-out.ts';
import { selectTieOuts, selectTieOutsOfDay, type TieOutRow } from './tie-out.sql.ts';
import { enqueueTieOut } from './tie-out-jobs.ts';

const day = z
  .string()
  .max(10)
  .refine(isDay, { message: 'must be a day like 2027-05-01', params: { code: 'invalid_day' } })
  .meta({ type: 'string', maxLength: 10, examples: ['2027-05-01'] });

function isDay(text: string): boolean {
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 10) === text;
}

const summary = {
  organizerId: z.string(),
  account: z.string().nullable().describe('Null: that of the installation’s own key'),
  day: z.string().describe('In UTC'),
  outcome: z
    .enum(['even', 'pending', 'differs'])
    .describe('`pending`: what has no counterpart is young, or under way'),
  books: moneyOut.describe('What our entries of the day moved'),
  provider: moneyOut.describe('What the provider’s lines of the day moved, without fees'),
  fees: moneyOut,
  pending: moneyOut,
  difference: moneyOut.describe('Of what has no counterpart; zero unless somebody has to look'),
  matched: z.int(),
  unmatched: z.int(),
  madeAt: timeOut,
};

const tieOutSchema = z.object(summary).meta({ id: 'TieOut' });

const detailSchema = z
  .object({
    ...summary,
    items: z.array(
      z.object({
        side: z.enum(['books', 'provider']).describe('Which of the two has it'),
        kind: z.string(),
        objectId: z.string(),
        intentId: z.string().nullable(),
        amount: moneyOut,
        at: timeOut,
        ageSeconds: z.int().describe('When the day was tied out'),
        state: z.enum(['pending', 'missing', 'differs']),
      }),
    ),
  })
  .meta({ id: 'TieOutDetail' });

const params = z.object({ id: id('org') });
const eur = (amount: number) => ({ amount, currency: 'EUR' });
const example = {
  organizerId: 'org_00vtdzq1a2b3c',
  account: null,
  day: '2035-05-02',
  outcome: 'even',
  books: eur(5_000),
  provider: eur(5_000),
  fees: eur(170),
  pending: eur(0),
  difference: eur(0),
  matched: 2,
  unmatched: 0,
  madeAt: '2035-05-03T01:00:00.000Z',
};

const NOT_FOUND = refused('not_found');

async function reaches(
  ctx: Ctx,
  actor: Actor,
  organizerId: OrganizerId,
  scope: string,
): Promise<boolean> {
  return isStaffOf(actor, organizerId, scope) && (await organizerExists(ctx.db, organizerId));
}

export const tieOutRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/organizers/:id/tie-outs',
    summary: 'List how the books compare with the provider’s',
    description: 'One for each day, account and currency; newest days first.',
    tag: 'Reports',
    access: { kind: 'scope', scope: 'statistics:read' },
    params,
    query: z.strictObject(pageQuery),
    success: { status: 200, schema: pageOf(tieOutSchema), description: 'A page of tie-outs' },
    refusals: {},
    example: { response: { data: [example], nextCursor: null } },
    handle: async (ctx, { actor, params: { id: organizerId }, query }) => {
      if (!(await reaches(ctx, actor, organizerId, 'statistics:read'))) return NOT_FOUND;
      const list = `tie-outs ${organizerId}`;
      const cursor = readCursor(ctx.secrets, list, query.cursor);
      if (!cursor.ok) return cursor;
      const found = await all(ctx.db, selectTieOuts(organizerId, cursor.value, query.limit + 1));
      const body = toPage(ctx.secrets, list, found, query.limit, {
        view,
        key: (row) => [row.day, row.account, row.currency],
      });
      return ok({ body });
    },
  }),
  route({
    method: 'GET',
    path: '/organizers/:id/tie-outs/detail',
    summary: 'Read the tie-outs of one day, with what has no counterpart in them',
    description: 'At most the first 1,000 of those are listed; `unmatched` counts all.',
    tag: 'Reports',
    access: { kind: 'scope', scope: 'statistics:read' },
    params,
    query: z.strictObject({ day: day.optional().describe('The newest that was tied out') }),
    success: {
      status: 200,
      schema: z.object({ data: z.array(detailSchema) }),
      description: 'By account and currency; empty for a day that was not tied out',
    },
    refusals: {},
    example: { response: { data: [{ ...example, items: [] }] } },
    handle: async (ctx, { actor, params: { id: organizerId }, query }) => {
      if (!(await reaches(ctx, actor, organizerId, 'statistics:read'))) return NOT_FOUND;
      const found = await all(ctx.db, selectTieOutsOfDay(organizerId, query.day ?? null));
      const data = found.map(({ items, ...row }) => ({
        ...view(row),
        // Written by `tieOut`.
        items: (items as readonly TieOutItem[]).map(({ amountMinor, ...item }) => ({
          ...item,
          amount: { amount: amountMinor, currency: row.currency },
        })),
      }));
      return ok({ body: { data } });
    },
  }),
  route({
    method: 'POST',
    path: '/organizers/:id/tie-outs',
    summary: 'Tie a day out now',
    description: 'Jobs do it, one for each account; its result is read with GET a moment later.',
    tag: 'Reports',
    access: { kind: 'scope', scope: 'refunds:write' },
    params,
    body: z.strictObject({ day }).meta({ id: 'TieOutInput' }),
    success: { status: 202, schema: z.object({ day: z.string() }), description: 'It will be done' },
    refusals: { day_in_future: { status: 422, title: 'That day has not begun' } },
    example: { body: { day: '2026-01-31' }, response: { day: '2026-01-31' } },
    handle: async (ctx, { actor, params: { id: organizerId }, body }) => {
      if (!(await reaches(ctx, actor, organizerId, 'refunds:write'))) return NOT_FOUND;
      const today = (await readNow(ctx.db, ctx.clock)).toISOString().slice(0, 10);
      if (body.day > today) return refused('day_in_future');
      const done = await inTx(ctx, async (tx) => {
        await enqueueTieOut(tx, body.day);
        return ok({ day: body.day });
      });
      if (!done.ok) return done;
      ctx.wakeJobs();
      return ok({ body: done.value });
    },
  }),
];

function view(row: TieOutRow) {
  const { booksMinor, providerMinor, feesMinor, pendingMinor, differenceMinor } = row;
  const { currency, account, madeAt, ...rest } = row;
  const money = (amount: number) => ({ amount, currency });
  return {
    organizerId: rest.organizerId,
    account: account === '' ? null : account,
    day: rest.day,
    outcome: rest.outcome,
    books: money(booksMinor),
    provider: money(providerMinor),
    fees: money(feesMinor),
    pending: money(pendingMinor),
    difference: money(differenceMinor),
    matched: rest.matched,
    unmatched: rest.unmatched,
    madeAt: madeAt.toISOString(),
  };
}
