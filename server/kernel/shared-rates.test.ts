import { describe, expect, it } from 'vitest';
import { sharedMemory } from '../../test/kit/shared.ts';
import { countInWindows } from './http-rates.ts';
import type { Shared } from './shared.ts';
import { shareRates } from './shared-rates.ts';

const WINDOW_MS = 60_000;

/** What one process does for each request of a caller. */
function member(shared: Shared, nowMs?: () => number) {
  const windows = countInWindows(nowMs);
  const rates = shareRates(shared, WINDOW_MS);
  rates.stop();
  return {
    asked: (name: string) => {
      const used = windows(name);
      rates.counted(name, used);
      return used.count;
    },
    tell: rates.tell,
  };
}

const times = (n: number, work: () => number) => Array.from({ length: n }, work).at(-1);

describe('C7 counting across processes', () => {
  it('adds what others have counted since, once', async () => {
    const memory = sharedMemory();
    const [one, other] = [member(memory.join()), member(memory.join())];
    times(3, () => one.asked('ann'));
    times(4, () => other.asked('ann'));
    other.asked('bob');
    await one.tell();
    await other.tell();
    expect(other.asked('ann')).toBe(8);
    expect(one.asked('ann')).toBe(4);
    await other.tell();
    await one.tell();
    expect(one.asked('ann')).toBe(3 + 5 + 2);
    await one.tell();
    await one.tell();
    expect(one.asked('ann')).toBe(11);
    expect(other.asked('bob')).toBe(2);
  });

  it('does not count its own requests of the window before', async () => {
    let now = 0;
    const shared = sharedMemory().join();
    const one = member(shared, () => now);
    times(5, () => one.asked('ann'));
    await one.tell();
    now += WINDOW_MS;
    expect(one.asked('ann')).toBe(1);
    await one.tell();
    expect(one.asked('ann')).toBe(2);
  });

  it('never counts less than it has seen itself, where the sums are lost', async () => {
    const sums = new Map<string, number>();
    const shared: Shared = {
      ...sharedMemory().join(),
      addUp: async (counted) =>
        counted.map(({ name, by }) => {
          sums.set(name, (sums.get(name) ?? 0) + by);
          return sums.get(name) ?? 0;
        }),
    };
    const [one, other] = [member(shared), member(shared)];
    times(10, () => one.asked('ann'));
    await one.tell();
    sums.clear();
    times(2, () => other.asked('ann'));
    await other.tell();
    one.asked('ann');
    await one.tell();
    expect(one.asked('ann')).toBe(10 + 1 + 2 + 1);
  });

  it('does not count its own requests again after an answer that came too late', async () => {
    let now = 0;
    let isLate = false;
    const memory = sharedMemory();
    const shared = memory.join();
    const late: Shared = {
      ...shared,
      addUp: async (...asked) => {
        const sums = await shared.addUp(...asked);
        return isLate ? null : sums;
      },
    };
    const [one, other] = [member(late, () => now), member(memory.join())];
    times(2, () => one.asked('ann'));
    await one.tell();
    isLate = true;
    times(5, () => one.asked('ann'));
    await one.tell();
    times(4, () => one.asked('ann'));
    await one.tell();
    isLate = false;
    times(3, () => other.asked('ann'));
    await other.tell();
    expect(one.asked('ann')).toBe(2 + 5 + 4 + 1);
    await one.tell();
    expect(one.asked('ann')).toBe(2 + 5 + 4 + 2 + 3);
    // Nor in the next window what was not answered in this one.
    isLate = true;
    await one.tell();
    now += WINDOW_MS;
    isLate = false;
    expect(one.asked('ann')).toBe(1);
    await one.tell();
    expect(one.asked('ann')).toBe(2);
  });

  it('does not count its own requests again whose answer comes in the next window', async () => {
    let now = 0;
    const memory = sharedMemory();
    const shared = memory.join();
    let answer = () => {};
    const isAnswered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const slow: Shared = {
      ...shared,
      addUp: async (...asked) => {
        const sums = await shared.addUp(...asked);
        await isAnswered;
        return sums;
      },
    };
    const one = member(slow, () => now);
    times(5, () => one.asked('ann'));
    const told = one.tell();
    now += WINDOW_MS;
    expect(one.asked('ann')).toBe(1);
    answer();
    await told;
    await one.tell();
    expect(one.asked('ann')).toBe(2);
  });

  it('counts by itself where nobody answers', async () => {
    const one = member({ ...sharedMemory().join(), addUp: async () => null });
    times(3, () => one.asked('ann'));
    await one.tell();
    expect(one.asked('ann')).toBe(4);
  });
});
