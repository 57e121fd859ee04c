/**
 * What processes share: the same promises of the adapter and of what tests use in its place; and
 * what the adapter does where Redis is emptied, hangs or is away: it says that it knows nothing.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/kit/given.ts';
import { startRedis, type TestRedis } from '../../../test/kit/redis.ts';
import { requireEngine } from '../../../test/kit/requires.ts';
import { sharedMemory } from '../../../test/kit/shared.ts';
import { createLog } from '../../kernel/log.ts';
import { createMetrics } from '../../kernel/metrics.ts';
import { alone, type Shared } from '../../kernel/shared.ts';
import { openRedis } from './index.ts';

const program = requireEngine('redis');
const WINDOW_MS = 60_000;

let redis: TestRedis;
let processes = 0;
const open: Shared[] = [];

beforeAll(async () => {
  if (program) redis = await startRedis(program);
});
afterEach(async () => {
  for (const shared of open.splice(0)) await shared.close();
});
afterAll(async () => {
  if (program) await redis.stop();
});

async function join(installation = 'test'): Promise<Shared> {
  processes += 1;
  const shared = await openRedis({
    url: redis.url,
    log: createLog({ LOG_LEVEL: 'silent' }),
    metrics: createMetrics(),
    ...{ installation, process: `p${processes}`, hide: (name: string) => `hidden-${name}` },
  });
  open.push(shared);
  await answers(shared);
  return shared;
}

const answers = (shared: Shared) =>
  eventually(
    () => shared.addUp([{ name: `ready ${Math.random()}`, by: 1 }], WINDOW_MS),
    (sums) => sums !== null,
  );

/** What one tells until the other hears it: who subscribes late has missed what was told before. */
async function heard(from: Shared, to: Shared, message: string): Promise<readonly string[]> {
  const messages: string[] = [];
  to.onTold('events', (told) => messages.push(told));
  return eventually(
    async () => {
      from.tell('events', message);
      return messages;
    },
    (all) => all.length > 0,
  );
}

const contract = (name: string, two: () => Promise<readonly [Shared, Shared]>) =>
  describe(name, () => {
    it('C7 adds up what all of them count, under each name', async () => {
      const [one, other] = await two();
      const sums = await one.addUp([{ name: 'a', by: 2 }], WINDOW_MS);
      expect(sums).toEqual([2]);
      const counted = [
        { name: 'a', by: 3 },
        { name: 'b', by: 1 },
      ];
      expect(await other.addUp(counted, WINDOW_MS)).toEqual([5, 1]);
      expect(await one.addUp([{ name: 'short', by: 4 }], 1)).toEqual([4]);
      await eventually(
        () => other.addUp([{ name: 'short', by: 1 }], 1),
        (again) => again?.[0] === 1,
      );
    });

    it('tells the others, not whoever tells', async () => {
      const [one, other] = await two();
      const own: string[] = [];
      one.onTold('events', (message) => own.push(message));
      expect((await heard(one, other, 'evt_1,evt_2'))[0]).toBe('evt_1,evt_2');
      expect(own).toEqual([]);
    });

    it('gives out what was kept, for as long as was said', async () => {
      const [one, other] = await two();
      one.keep('document', 'a text: with words', 60_000);
      await eventually(
        () => other.read('document'),
        (text) => text === 'a text: with words',
      );
      expect(await other.read('never kept')).toBeNull();
      one.keep('document', 'short', 5);
      await eventually(
        () => other.read('document'),
        (text) => text === null,
      );
    });
  });

contract('in memory', async () => {
  const memory = sharedMemory();
  return [memory.join(), memory.join()];
});

describe('alone', () => {
  it('shares nothing, and says so', async () => {
    alone.keep('document', 'text', 1_000);
    alone.tell('events', 'evt_1');
    expect(await alone.read('document')).toBeNull();
    expect(await alone.addUp([{ name: 'a', by: 1 }], WINDOW_MS)).toBeNull();
    expect(alone.isAlone).toBe(true);
  });
});

describe.skipIf(program === undefined)('on a Redis', () => {
  let installations = 0;
  contract('of its own', async () => {
    installations += 1;
    return [await join(`i${installations}`), await join(`i${installations}`)];
  });

  it('keeps installations apart, and does not say whose counts they are', async () => {
    const [one, other] = [await join('one'), await join('other')];
    expect(await one.addUp([{ name: '203.0.113.7', by: 2 }], WINDOW_MS)).toEqual([2]);
    expect(await other.addUp([{ name: '203.0.113.7', by: 1 }], WINDOW_MS)).toEqual([1]);
  });

  it('begins anew where somebody empties it', async () => {
    const shared = await join('flushed');
    expect(await shared.addUp([{ name: 'a', by: 5 }], WINDOW_MS)).toEqual([5]);
    shared.keep('document', 'text', 60_000);
    await redis.flushAll();
    expect(await shared.addUp([{ name: 'a', by: 1 }], WINDOW_MS)).toEqual([1]);
    expect(await shared.read('document')).toBeNull();
  });

  it('waits once for a Redis that hangs, and goes on when it answers again', async () => {
    const [one, other] = [await join('hangs'), await join('hangs')];
    redis.freeze();
    const startedAt = performance.now();
    for (let i = 0; i < 200; i += 1) {
      expect(await one.addUp([{ name: 'a', by: 1 }], WINDOW_MS)).toBeNull();
      expect(await one.read('document')).toBeNull();
      one.tell('events', 'evt_1');
    }
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    redis.thaw();
    await answers(one);
    expect((await heard(one, other, 'evt_2')).at(-1)).toBe('evt_2');
  });

  it('goes on without one that is killed, and with the next', async () => {
    const [one, other] = [await join('killed'), await join('killed')];
    await redis.kill();
    expect(await one.read('document')).toBeNull();
    one.tell('events', 'evt_1');
    one.keep('document', 'text', 1_000);
    expect(await one.addUp([{ name: 'a', by: 1 }], WINDOW_MS)).toBeNull();
    await redis.start();
    await answers(one);
    expect((await heard(one, other, 'evt_2')).at(-1)).toBe('evt_2');
  });
});
