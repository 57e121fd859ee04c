import { describe, expect, it } from 'vitest';
import { eachOf } from './concurrent.ts';

describe('work for each of many', () => {
  it('is done for all, at most so many at once', async () => {
    const done: number[] = [];
    let now = 0;
    let most = 0;
    await eachOf([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      now += 1;
      most = Math.max(most, now);
      await Promise.resolve();
      done.push(item);
      now -= 1;
    });
    expect(done.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBe(3);
  });

  it('fails where one fails', async () => {
    const work = async (item: number) => {
      if (item === 2) throw new Error('two');
    };
    await expect(eachOf([1, 2, 3], 1, work)).rejects.toThrow('two');
    await expect(eachOf([], 5, work)).resolves.toBeUndefined();
  });
});
