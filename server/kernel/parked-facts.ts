/** Facts that wait for a person, and what a person does with them: all of them, page by page. */
import type { Consumer } from './consumers.ts';
import type { Ctx } from './context.ts';
import { all, run } from './db.ts';
import { tryToHandle } from './handle-facts.ts';
import { factColumns, factSelect } from './relay.ts';
import { command, instant, int, rows, text } from './sql.ts';

const AT_ONCE = 1_000;

const parkedColumns = { ...factColumns, consumer: text, key: text, error: text, parkedAt: instant };

const selectParked = (consumer: string | null, key: string | null, most: number) => rows(
  parkedColumns,
)`
  select ${factSelect}, f.consumer, f.key, f.error, f.parked_at as "parkedAt"
  from kernel.parked_fact f
  where (${consumer}::text is null or f.consumer = ${consumer})
    and (${key}::text is null or f.key = ${key})
  order by f.consumer, f.key, f.n limit ${most}`;

/** Of each key the first, which the others wait for, and how many they are together. */
const selectKeys = (
  { consumer, key }: { readonly consumer: string | null; readonly key: string | null },
  after: { readonly consumer: string; readonly key: string },
  most: number,
) => rows({ ...parkedColumns, facts: int })`
  select ${factSelect}, f.consumer, f.key, f.error, f.parked_at as "parkedAt", (
    select count(*)::int from kernel.parked_fact b where b.consumer = f.consumer and b.key = f.key
  ) as facts
  from (
    select distinct on (p.consumer, p.key) p.consumer, p.key, p.n
    from kernel.parked_fact p
    where (${consumer}::text is null or p.consumer = ${consumer})
      and (${key}::text is null or p.key = ${key})
      and (p.consumer, p.key) > (${after.consumer}, ${after.key})
    order by p.consumer, p.key, p.n limit ${most}
  ) k
  join kernel.parked_fact f on f.consumer = k.consumer and f.n = k.n
  order by f.consumer, f.key`;

const countByConsumer = (consumer: string | null, key: string | null) => rows({
  consumer: text,
  facts: int,
})`
  select f.consumer, count(*)::int as facts from kernel.parked_fact f
  where (${consumer}::text is null or f.consumer = ${consumer})
    and (${key}::text is null or f.key = ${key})
  group by f.consumer order by f.consumer`;

const deleteParked = (consumer: string, n: number) => command`
  delete from kernel.parked_fact where consumer = ${consumer} and n = ${n}`;

export type ParkedFact = ReturnType<ReturnType<typeof selectParked>['decode']>;
type ParkedKey = ReturnType<ReturnType<typeof selectKeys>['decode']>;
type Of = { readonly consumer?: string | undefined; readonly key?: string | undefined };

/** What waits for a person, the first thousand by consumer, key and number. */
export function parkedFacts(ctx: Ctx, of: Of = {}): Promise<readonly ParkedFact[]> {
  return all(ctx.db, selectParked(of.consumer ?? null, of.key ?? null, AT_ONCE));
}

/** The first fact of every key, with how many wait there: by consumer and key, without an end. */
export async function* parkedKeys(ctx: Ctx, of: Of = {}): AsyncGenerator<ParkedKey> {
  const wanted = { consumer: of.consumer ?? null, key: of.key ?? null };
  for (let after = { consumer: '', key: '' }; ; ) {
    const page = await all(ctx.db, selectKeys(wanted, after, AT_ONCE));
    yield* page;
    const last = page.at(-1);
    if (!last) return;
    after = last;
  }
}

/** How many facts wait, by consumer. */
export async function countParked(ctx: Ctx, of: Of = {}): Promise<ReadonlyMap<string, number>> {
  const counted = await all(ctx.db, countByConsumer(of.consumer ?? null, of.key ?? null));
  return new Map(counted.map(({ consumer, facts }) => [consumer, facts]));
}

type Retried = {
  readonly done: number;
  /** What is in the way of the others, by consumer and key. */
  readonly failed: ReadonlyMap<string, string>;
  /** How many wait for consumers that this process does not have. */
  readonly elsewhere: ReadonlyMap<string, number>;
};

/** Handles parked facts again, in the order of each key, up to the first that still cannot be. */
export async function retryParked(
  ctx: Ctx,
  consumers: readonly Consumer[],
  of: Of = {},
): Promise<Retried> {
  let done = 0;
  const failed = new Map<string, string>();
  const elsewhere = new Map(await countParked(ctx, of));
  for (const consumer of consumers) {
    const { name } = consumer;
    if (!elsewhere.delete(name)) continue;
    for await (const { key } of parkedKeys(ctx, { ...of, consumer: name })) {
      const retried = await retryKey(ctx, consumer, key);
      done += retried.done;
      if (retried.error !== null) failed.set(`${name} ${key}`, retried.error);
    }
  }
  return { done, failed, elsewhere };
}

async function retryKey(
  ctx: Ctx,
  consumer: Consumer,
  key: string,
): Promise<{ readonly done: number; readonly error: string | null }> {
  const { name, kinds, takesAll = false } = consumer;
  let done = 0;
  for (;;) {
    const page = await parkedFacts(ctx, { consumer: name, key });
    if (page.length === 0) return { done, error: null };
    for (const fact of page) {
      const isKnown = takesAll || kinds.includes(fact.kind);
      const error = isKnown
        ? await tryToHandle(ctx, consumer, fact)
        : `this version does not know ${fact.kind}`;
      if (error !== null) return { done, error };
      done += await run(ctx.db, deleteParked(name, fact.n));
    }
  }
}
