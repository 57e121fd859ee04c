import { describe, expect, it } from 'vitest';
import { gate } from '../../test/kit/kernel.ts';
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

  it('begins nothing after a failure, and ends when nothing is under way', async () => {
    const begun: number[] = [];
    const done: number[] = [];
    const slow = gate();
    const all = eachOf([1, 2, 3, 4, 5], 2, async (item) => {
      begun.push(item);
      if (item === 2) throw new Error('two');
      await slow.reached;
      done.push(item);
    });
    const over = all.catch(({ message }: Error) => [message, ...done]);
    slow.open();
    expect(await over).toEqual(['two', 1]);
    expect(begun).toEqual([1, 2]);
  });
});
