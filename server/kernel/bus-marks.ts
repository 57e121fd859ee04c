/**
 * How far the groups of a bus are, as positions in the log. A mark says: all facts up to this
 * number lie before these offsets. Once a group has handled everything before the offsets, it is at
 * least at that number.
 */
import type { Ctx } from './context.ts';
import { one, run } from './db.ts';
import { type Every, every } from './every.ts';
import type { BusOffsets, FactBus } from './fact-bus.ts';
import { ALL_FACTS } from './fact-sink.ts';
import { command, int, rows } from './sql.ts';

const selectPosition = (name: string) => rows({ position: int })`
  select position from kernel.consumer where name = ${name}`;

/** In one moment: a fact is parked before the position passes it. */
const selectPublished = (sink: string) => rows({ position: int })`
  select least(c.position, (
    select min(p.n) - 1 from kernel.parked_fact p where p.consumer = c.name)) as position
  from kernel.consumer c where c.name = ${sink}`;

const advance = (name: string, position: number) => command`
  update kernel.consumer set position = ${position}
  where name = ${name} and position < ${position}`;

const MARK_MS = 2_000;

type Mark = { readonly n: number; readonly ends: BusOffsets };

export async function positionOf(ctx: Ctx, name: string): Promise<number> {
  return (await one(ctx.db, selectPosition(name))).position;
}

export type Marks = {
  readonly take: () => Promise<Mark>;
  /** Writes down how far a group is; tells whether it has reached the mark. */
  readonly writeDown: (group: string, mark: Mark) => Promise<boolean>;
};

export function createMarks(getCtx: () => Ctx, bus: FactBus, sinkName: string): Marks {
  /** Of each group, the mark that it comes to next. */
  const pending = new Map<string, Mark>();
  return {
    take: async () => {
      // In this order: what the sink has passed is on the bus, and before the end of it; but for
      // what it has parked, which comes later.
      const { position: n } = await one(getCtx().db, selectPublished(sinkName));
      return { n, ends: await bus.endOf(ALL_FACTS) };
    },
    writeDown: async (group, mark) => {
      const handled = await bus.handledBy(group, ALL_FACTS);
      const reached = [mark, pending.get(group)].find((each) => each && isReached(each, handled));
      if (reached) await run(getCtx().db, advance(group, reached.n));
      if (reached || !pending.has(group)) pending.set(group, mark);
      return reached === mark;
    },
  };
}

/** Writes down again and again how far the groups are. */
export function keepMarking(getCtx: () => Ctx, marks: Marks, groups: readonly string[]): Every {
  const markAll = async () => {
    const mark = await marks.take();
    for (const group of groups) await marks.writeDown(group, mark);
  };
  return every(MARK_MS, markAll, (error) =>
    getCtx().log.debug({ err: error }, 'how far the groups of the bus are is not known'),
  );
}

function isReached({ ends }: Mark, handled: BusOffsets): boolean {
  return [...ends].every(([partition, end]) => (handled.get(partition) ?? 0n) >= end);
}
