import { describe, expect, it } from 'vitest';
import { createCounters } from './counters.ts';
import { makePlan, OPERATIONS, planDigest, planEvent } from './plan.ts';

const options = { slots: 6, instances: 3 };

describe('the plan', () => {
  it('is the same for the same seed, and another for another', () => {
    const digests = [1, 1, 2].map((seed) => planDigest({ ...options, seed }, 2_000));
    expect(digests[0]).toBe(digests[1]);
    expect(digests[0]).not.toBe(digests[2]);
  });

  it('has every kind of operation, on events that are replaced', () => {
    const plan = makePlan({ ...options, seed: 3 });
    const operations = Array.from({ length: 8_000 }, () => plan.next());
    expect(new Set(operations.map(({ kind }) => kind))).toEqual(new Set(Object.keys(OPERATIONS)));
    expect(new Set(operations.map(({ instance }) => instance)).size).toBe(options.instances);
    const perEvent = new Map<number, number>();
    for (const { event } of operations) perEvent.set(event, (perEvent.get(event) ?? 0) + 1);
    expect(perEvent.size).toBeGreaterThan(options.slots);
    for (const [ordinal, times] of perEvent) {
      expect(times).toBeLessThanOrEqual(planEvent(3, ordinal).operations);
    }
  });

  it('asks for each ticket type of an event once in a request', () => {
    const plan = makePlan({ ...options, seed: 4 });
    for (let i = 0; i < 2_000; i++) {
      const types = plan.next().lines.map(({ type }) => type);
      expect(new Set(types).size).toBe(types.length);
    }
  });
});

describe('the counters', () => {
  it('name what was not reached', () => {
    const counters = createCounters();
    expect(counters.missing('none')).toEqual([]);
    expect(counters.missing('smoke')).toContain('hold_granted');
    expect(counters.missing('smoke')).not.toContain('deadlock_provoked');
    expect(counters.missing('full')).toContain('deadlock_provoked');
    counters.count('hold_granted', 99);
    expect(counters.missing('smoke')).not.toContain('hold_granted');
    expect(counters.missing('full')).toContain('hold_granted');
    counters.count('hold_granted');
    expect(counters.missing('full')).not.toContain('hold_granted');
  });
});
