/**
 * Two versions run side by side for a while. A fact of a kind that only the newer one knows would
 * be passed by the older one, and nobody would ever handle it. So every process writes down what
 * kinds its version knows, before it makes anything happen, and one that knows fewer leaves the
 * consumer to the others.
 *
 * Who goes back to the older version has to wait: when nobody who knows more has been there for
 * some minutes, it goes on, and passes what it does not know.
 */
import type { Consumer } from './consumers.ts';
import type { Ctx } from './context.ts';
import { maybe, run } from './db.ts';
import { bool, command, fragment, listOf, rows, text } from './sql.ts';

/** Told again after so long: one that is missed is told by the next, in good time. */
const TELL_SECONDS = 60;

type Knowing = Pick<Consumer, 'name' | 'kinds'>;

/** Whoever has not told anything since is gone. */
const absentSince = fragment`clock_timestamp() - interval '5 minutes'`;

const selectOthers = ({ name, kinds }: Knowing) => rows({ unknown: listOf(text), areGone: bool })`
  select array(select k from unnest(c.kinds) k where k <> all (${kinds}::text[]) order by k)
      as unknown, c.known_at < ${absentSince} as "areGone"
  from kernel.consumer c where c.name = ${name}`;

const updateKinds = ({ name, kinds }: Knowing) => command`
  update kernel.consumer c
  set kinds = ${kinds}::text[], known_at = clock_timestamp()
  where c.name = ${name}
    and (c.kinds <@ ${kinds}::text[] or c.known_at < ${absentSince})
    and (not ${kinds}::text[] <@ c.kinds
      or c.known_at < clock_timestamp() - make_interval(secs => ${TELL_SECONDS}))`;

/** The kinds that only others know who were there within the last minutes. */
async function unknownKinds(ctx: Ctx, consumer: Knowing): Promise<readonly string[]> {
  const others = await maybe(ctx.db, selectOthers(consumer));
  return others && !others.areGone ? others.unknown : [];
}

/** Nobody else knows more: what this process passes, nobody misses. */
export async function isKnown(ctx: Ctx, consumer: Knowing): Promise<boolean> {
  return (await unknownKinds(ctx, consumer)).length === 0;
}

/** Tells what is known here, once more; answers whether nobody else knows more. */
export type Teller = (ctx: Ctx) => Promise<boolean>;

export function createTeller(consumer: Knowing): Teller {
  let before: readonly string[] = [];
  return async (ctx) => {
    const unknown = await unknownKinds(ctx, consumer);
    if (unknown.length === 0) await run(ctx.db, updateKinds(consumer));
    const said = { consumer: consumer.name, kinds: unknown.length > 0 ? unknown : before };
    if (unknown.length > 0 && before.length === 0) {
      ctx.log.warn(
        said,
        'facts are left to a newer version, which knows kinds that this one does not',
      );
    }
    if (unknown.length === 0 && before.length > 0) {
      ctx.log.warn(
        said,
        'the newer version is gone: facts of kinds that this one does not know are passed',
      );
    }
    before = unknown;
    return unknown.length === 0;
  };
}
