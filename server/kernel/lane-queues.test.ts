import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SayKind, sayKind } from '../../test/kit/scratch-lanes.ts';
import { databaseClock } from './clock.ts';
import type { LaneKind } from './lane-kind.ts';
import { createQueues, type Waiting } from './lane-queues.ts';

type Added = Waiting & { readonly told: unknown[] };

function waiting(word: string, more: Partial<Waiting> = {}): Added {
  const told: unknown[] = [];
  return {
    request: { word },
    clock: databaseClock,
    isGone: undefined,
    since: performance.now(),
    resolve: (answer) => told.push(answer),
    reject: (error) => told.push(error),
    told,
    ...more,
  };
}
// `take` is for kinds of any request; a lane asks it with those that it was given.
const anyKind = (kind: SayKind) => kind as unknown as LaneKind<unknown, unknown>;
// As above: all requests here are words.
const wordOf = (w: Waiting) => (w.request as { word: string }).word;
const named: SayKind = { ...sayKind, nameOf: ({ word }) => word };

describe('the queues of a lane', () => {
  it('give each request once, whatever their names and clocks, those of a name in order', () => {
    const clocks = [databaseClock, { now: () => new Date(0) }, { now: () => new Date(1) }];
    const asked = fc.array(fc.record({ word: fc.constantFrom('a', 'b', 'c'), clock: fc.nat(2) }), {
      maxLength: 40,
    });
    const check = fc.property(asked, fc.integer({ min: 1, max: 7 }), (requests, batchMax) => {
      const kind = { ...named, batchMax };
      const queues = createQueues();
      const added = requests.map(({ word, clock }) =>
        waiting(word, { clock: clocks[clock] ?? databaseClock }),
      );
      for (const one of added) expect(queues.add(kind, one)).toBe(true);
      const taken: Waiting[] = [];
      while (!queues.isEmpty()) {
        const batch = queues.take(anyKind(kind));
        expect(batch.length).toBeGreaterThan(0);
        expect(batch.length).toBeLessThanOrEqual(batchMax);
        expect(new Set(batch.map((one) => one.clock)).size).toBe(1);
        expect(new Set(batch.map(wordOf)).size).toBe(batch.length);
        taken.push(...batch);
      }
      expect(new Set(taken)).toEqual(new Set(added));
      expect(taken).toHaveLength(added.length);
      for (const word of ['a', 'b', 'c']) {
        for (const clock of clocks) {
          const same = (one: Waiting) => wordOf(one) === word && one.clock === clock;
          expect(taken.filter(same)).toEqual(added.filter(same));
        }
      }
    });
    fc.assert(check, { numRuns: 200 });
  });

  it('bound each kind by itself', () => {
    const queues = createQueues();
    const kinds = ['one', 'two'].map((name) => ({ ...sayKind, name, queueMax: 2 }));
    for (const kind of kinds) {
      const answers = ['a', 'b', 'c'].map((word) => queues.add(kind, waiting(word)));
      expect(answers).toEqual([true, true, false]);
    }
    expect(queues.takeAll().map(wordOf)).toEqual(['a', 'b', 'a', 'b']);
    expect(queues.isEmpty()).toBe(true);
  });

  it('name the kinds with something to do, lowest rank first', () => {
    const queues = createQueues();
    for (const [name, rank] of [
      ['c', 3],
      ['a', 1],
      ['b', 2],
    ] as const) {
      queues.add({ ...sayKind, name, rank }, waiting(name));
    }
    expect(queues.kinds().map((kind) => kind.name)).toEqual(['a', 'b', 'c']);
    queues.take(anyKind({ ...sayKind, name: 'b' }));
    expect(queues.kinds().map((kind) => kind.name)).toEqual(['a', 'c']);
  });

  it('tell whoever is dropped that it is busy, and never drop who has no bound', () => {
    const queues = createQueues();
    const hasty = { ...sayKind, name: 'hasty', waitMaxMs: 50 };
    const late = waiting('late', { since: performance.now() - 51 });
    const gone = waiting('gone', { isGone: () => true });
    const there = waiting('there', { isGone: () => false });
    const patient = waiting('patient', { since: -1e9, isGone: () => true });
    for (const one of [late, gone, there]) queues.add(hasty, one);
    queues.add(sayKind, patient);
    expect(queues.take(anyKind(hasty))).toEqual([there]);
    expect(queues.take(anyKind(sayKind))).toEqual([patient]);
    for (const { told } of [late, gone]) {
      expect(told).toMatchObject([{ ok: false, refusal: { code: 'busy' } }]);
    }
    expect([there.told, patient.told]).toEqual([[], []]);
  });

  it('take what is undecided before whatever came later, in its order', () => {
    const queues = createQueues();
    const [a, b, c] = [waiting('a'), waiting('b'), waiting('c')];
    for (const one of [a, b]) queues.add(sayKind, one);
    const batch = queues.take(anyKind(sayKind));
    queues.add(sayKind, c);
    queues.again(anyKind(sayKind), batch);
    expect(queues.take(anyKind(sayKind))).toEqual([a, b, c]);
  });

  it('let the undecided wait as long as their kind, or a second', () => {
    const queues = createQueues();
    const since = (ms: number) => waiting('a', { since: performance.now() - ms });
    const may = (kind: SayKind, ms: number) => queues.mayWait(anyKind(kind), since(ms));
    expect([may(sayKind, 500), may(sayKind, 1_500)]).toEqual([true, false]);
    const hasty = { ...sayKind, waitMaxMs: 100 };
    expect([may(hasty, 50), may(hasty, 500)]).toEqual([true, false]);
  });
});
