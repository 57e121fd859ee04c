/**
 * Handling facts, whatever they were read from: in order for each key, several keys at once. A fact
 * that cannot be handled is parked, with those of its key that follow.
 */
import { eachOf } from './concurrent.ts';
import type { Consumer } from './consumers.ts';
import type { Ctx } from './context.ts';
import { all, isAway, isBusy, isRetryable, run } from './db.ts';
import { BusAway } from './fact-bus.ts';
import { groupBy } from './group-by.ts';
import { NotNow } from './not-now.ts';
import type { Relayed } from './relay.ts';
import { command, rows, text } from './sql.ts';

const KEYS_AT_ONCE = 8;
/** One that fails is tried so often, with a pause that grows, while those behind it wait. */
const TRIES_MAX = 5;
const TRY_AGAIN_MS = 100;
const ERROR_CHARS = 1_000;

const selectParkedKeys = (consumer: string, keys: readonly string[]) => rows({ key: text })`
  select distinct key from kernel.parked_fact
  where consumer = ${consumer} and key = any (${keys}::text[])`;

/**
 * Nothing where none of its key is parked any more. Whoever takes the one away that is ahead of it
 * waits until it is here, and finds it next.
 */
const insertBehind = (consumer: string, key: string, f: Relayed) => command`
  insert into kernel.parked_fact as f
    (consumer, n, key, event_id, seq, kind, version, data, at, error)
  select ${consumer}, ${f.n}, ${key}, ${f.eventId}, ${f.seq}, ${f.kind}, ${f.version},
    ${JSON.stringify(f.data)}::jsonb, ${f.at}, 'behind one that was parked'
  from (
    select from kernel.parked_fact p where p.consumer = ${consumer} and p.key = ${key}
    order by p.n limit 1 for key share
  ) ahead
  on conflict (consumer, n) do update set error = f.error`;

const insertParked = (consumer: string, key: string, f: Relayed, error: string) => command`
  insert into kernel.parked_fact (consumer, n, key, event_id, seq, kind, version, data, at, error)
  values (${consumer}, ${f.n}, ${key}, ${f.eventId}, ${f.seq}, ${f.kind}, ${f.version},
    ${JSON.stringify(f.data)}::jsonb, ${f.at}, ${error})
  on conflict do nothing`;

/**
 * Handles facts that are in order for each key, parking what cannot be. Throws where it is not the
 * facts' fault: the database or the bus is away, or somebody is in the way, and the same facts have
 * to come again.
 */
export async function handleFacts(
  ctx: Ctx,
  consumer: Consumer,
  facts: readonly Relayed[],
): Promise<void> {
  const byKey = groupBy(facts, consumer.keyOf);
  const parked = await all(ctx.db, selectParkedKeys(consumer.name, [...byKey.keys()]));
  const stuck = new Set(parked.map(({ key }) => key));
  const free = facts.filter((fact) => !stuck.has(consumer.keyOf(fact)));
  const areDone = await areHandledAtOnce(ctx, consumer, free);
  await eachOf([...byKey], KEYS_AT_ONCE, async ([key, own]) => {
    if (areDone && !stuck.has(key)) return;
    for (const fact of own) {
      if (stuck.has(key) && (await run(ctx.db, insertBehind(consumer.name, key, fact))) > 0)
        continue;
      // Whatever was parked has been retried meanwhile.
      stuck.delete(key);
      const error = await tryToHandle(ctx, consumer, fact);
      if (error === null) continue;
      await run(ctx.db, insertParked(consumer.name, key, fact, error.slice(0, ERROR_CHARS)));
      stuck.add(key);
      const { n, kind } = fact;
      ctx.log.error({ consumer: consumer.name, key, n, kind, error }, 'a fact was parked');
    }
  });
}

async function areHandledAtOnce(
  ctx: Ctx,
  { handleMany }: Consumer,
  facts: readonly Relayed[],
): Promise<boolean> {
  if (!handleMany || facts.length === 0) return false;
  try {
    await handleMany(ctx, facts);
    return true;
  } catch (error) {
    if (isGone(error) || isHeldUp(error)) throw error;
    // One of them is to blame, and must not hold up the others.
    return false;
  }
}

/** The database or the bus is away: nothing else can be done now, either. */
const isGone = (error: unknown) => error instanceof BusAway || isAway(error);

/** Somebody is in the way, of this fact perhaps and not of others. */
const isHeldUp = (error: unknown) => error instanceof NotNow || isBusy(error) || isRetryable(error);

/**
 * Null where it is done; else why it cannot be. What the fact is not to blame for is thrown, and
 * where somebody is in the way not at once: else a slice of many might never come to its end.
 */
export async function tryToHandle(
  ctx: Ctx,
  consumer: Consumer,
  fact: Relayed,
): Promise<string | null> {
  for (let attempt = 1; ; attempt++) {
    try {
      await consumer.handle(ctx, fact);
      return null;
    } catch (error) {
      if (isGone(error)) throw error;
      if (attempt === TRIES_MAX && isHeldUp(error)) throw error;
      if (attempt === TRIES_MAX) return error instanceof Error ? error.message : String(error);
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS * 2 ** (attempt - 1)));
    }
  }
}
