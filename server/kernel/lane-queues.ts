/** The queues of one lane: one of each kind, each with its own bound. */
import type { Clock } from './clock.ts';
import { type Busy, busy } from './db.ts';
import type { LaneKind } from './lane-kind.ts';
import type { Result } from './result.ts';

export type Waiting = {
  readonly request: unknown;
  readonly clock: Clock;
  readonly isGone: (() => boolean) | undefined;
  /** Of `performance.now()`, in milliseconds. */
  readonly since: number;
  readonly resolve: (answer: Result<unknown, Busy>) => void;
  readonly reject: (error: unknown) => void;
};

type AnyKind = LaneKind<unknown, unknown>;
type Queue = { readonly kind: AnyKind; waiting: Waiting[] };

/** An undecided request is asked again for so long, even where its kind has no bound. */
const UNDECIDED_MAX_MS = 1_000;

export type Queues = ReturnType<typeof createQueues>;

export function createQueues() {
  const queues = new Map<string, Queue>();
  let ranked: Queue[] = [];
  const queueOf = (kind: AnyKind): Queue => {
    const known = queues.get(kind.name);
    if (known) return known;
    const queue = { kind, waiting: [] };
    queues.set(kind.name, queue);
    ranked = [...queues.values()].sort((a, b) => a.kind.rank - b.kind.rank);
    return queue;
  };
  return {
    /** False where the queue of this kind is full. */
    add: <Request, Answer>(
      kind: LaneKind<Request, Answer>,
      waiting: Omit<Waiting, 'resolve'> & {
        readonly resolve: (answer: Result<Answer, Busy>) => void;
      },
    ): boolean => {
      // What a kind is given and what it answers stay together: `take` hands both to the same kind.
      const queue = queueOf(kind as unknown as AnyKind);
      if (queue.waiting.length >= kind.queueMax) return false;
      // As above.
      queue.waiting.push(waiting as Waiting);
      return true;
    },
    /** Whether an undecided request has not waited too long to be asked again. */
    mayWait: (kind: AnyKind, waiting: Waiting): boolean =>
      performance.now() - waiting.since <= (kind.waitMaxMs ?? UNDECIDED_MAX_MS),
    /** Puts undecided requests in front again, in the order in which they came. */
    again: (kind: AnyKind, undecided: readonly Waiting[]): void => {
      if (undecided.length > 0) queueOf(kind).waiting.unshift(...undecided);
    },
    kinds: (): readonly AnyKind[] =>
      ranked.filter((queue) => queue.waiting.length > 0).map((queue) => queue.kind),
    /** The next batch of a kind. Who has gone, or has waited too long, is dropped unexecuted. */
    take: (kind: AnyKind): readonly Waiting[] => takeFrom(queueOf(kind)),
    takeAll: (): readonly Waiting[] =>
      ranked.flatMap((queue) => queue.waiting.splice(0, queue.waiting.length)),
    isEmpty: (): boolean => ranked.every((queue) => queue.waiting.length === 0),
  };
}

function takeFrom(queue: Queue): readonly Waiting[] {
  const { kind } = queue;
  const now = performance.now();
  const batch: Waiting[] = [];
  const later: Waiting[] = [];
  const names = new Set<string>();
  let looked = 0;
  for (const waiting of queue.waiting) {
    if (batch.length === kind.batchMax) break;
    looked += 1;
    if (isStale(kind, waiting, now)) {
      waiting.resolve(busy());
      continue;
    }
    const name = kind.nameOf?.(waiting.request);
    // One call has one instant; requests of the same name go one after the other.
    const fits = waiting.clock === (batch[0] ?? waiting).clock;
    if (!fits || (name !== undefined && names.has(name))) {
      later.push(waiting);
      continue;
    }
    if (name !== undefined) names.add(name);
    batch.push(waiting);
  }
  queue.waiting = later.concat(queue.waiting.slice(looked));
  return batch;
}

function isStale(kind: AnyKind, waiting: Waiting, now: number): boolean {
  if (kind.waitMaxMs === null) return false;
  return now - waiting.since > kind.waitMaxMs || waiting.isGone?.() === true;
}
