/** Facts that wait for a person, and what a person does with them. */
import type { Consumer } from './consumers.ts';
import type { Ctx } from './context.ts';
import { all, run } from './db.ts';
import { tryToHandle } from './handle-facts.ts';
import { factColumns, factSelect } from './relay.ts';
import { command, instant, rows, text } from './sql.ts';

const parkedColumns = { ...factColumns, consumer: text, key: text, error: text, parkedAt: instant };

const selectParked = (consumer: string | null, key: string | null, most: number) => rows(
  parkedColumns,
)`
  select ${factSelect}, f.consumer, f.key, f.error, f.parked_at as "parkedAt"
  from kernel.parked_fact f
  where (${consumer}::text is null or f.consumer = ${consumer})
    and (${key}::text is null or f.key = ${key})
  order by f.consumer, f.key, f.n limit ${most}`;

const deleteParked = (consumer: string, n: number) => command`
  delete from kernel.parked_fact where consumer = ${consumer} and n = ${n}`;

export type ParkedFact = ReturnType<ReturnType<typeof selectParked>['decode']>;

const PARKED_AT_ONCE = 1_000;

/** What waits for a person, the first thousand by consumer, key and number. */
export function parkedFacts(
  ctx: Ctx,
  of: { readonly consumer?: string | undefined; readonly key?: string | undefined } = {},
): Promise<readonly ParkedFact[]> {
  return all(ctx.db, selectParked(of.consumer ?? null, of.key ?? null, PARKED_AT_ONCE));
}

/**
 * Handles parked facts again, in the order of each key, up to the first that still cannot be.
 * Answers how many were done, and what is in the way of the others, by key.
 */
export async function retryParked(
  ctx: Ctx,
  consumers: readonly Consumer[],
  of: { readonly consumer?: string | undefined; readonly key?: string | undefined } = {},
): Promise<{ readonly done: number; readonly failed: ReadonlyMap<string, string> }> {
  let done = 0;
  const failed = new Map<string, string>();
  for (const fact of await parkedFacts(ctx, of)) {
    const consumer = consumers.find(({ name }) => name === fact.consumer);
    const name = `${fact.consumer} ${fact.key}`;
    if (!consumer || failed.has(name)) continue;
    const error = await tryToHandle(ctx, consumer, fact);
    if (error !== null) {
      failed.set(name, error);
      continue;
    }
    done += await run(ctx.db, deleteParked(fact.consumer, fact.n));
  }
  return { done, failed };
}
