import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { eventually } from '../../test/kit/given.ts';
import { connect, gate, kernelCtx, scopeOn } from '../../test/kit/kernel.ts';
import type { Ctx } from './context.ts';
import { inTx } from './db.ts';
import {
  createWorker,
  enqueue,
  type JobHandler,
  measureJobs,
  NotYet,
  type Worker,
} from './jobs.ts';
import { ok, refused } from './result.ts';

let database: TestDb;
let outside: pg.Client;
let ctx: Ctx;

beforeAll(async () => {
  database = await cloneDb();
  outside = await connect(database.url);
  ctx = kernelCtx(database.db);
});
afterAll(async () => {
  await outside.end();
  await database.close();
});
beforeEach(async () => {
  await outside.query('truncate kernel.job');
  ctx.metrics.jobs.reset();
});

const worker = (handle: JobHandler, concurrency = 4): Worker =>
  createWorker(() => ctx, { work: handle }, [], concurrency);
const add = (key: string, more: { data?: unknown; delaySeconds?: number } = {}) =>
  enqueue(database.db, { kind: 'work', key, ...more });
const jobs = async () => {
  const { rows } = await outside.query(
    `select key, attempts, data, last_error as error, parked_at is not null as parked,
            leased_until > clock_timestamp() as leased,
            round(extract(epoch from run_at - clock_timestamp()))::int as "inSeconds"
     from kernel.job order by id`,
  );
  return rows;
};
const makeDue = () => outside.query(`update kernel.job set run_at = clock_timestamp()`);
const counted = async (outcome: string) => {
  const { values } = await ctx.metrics.jobs.get();
  return values.find((value) => value.labels['outcome'] === outcome)?.value ?? 0;
};

describe('enqueue', () => {
  it('exists exactly if the transaction does', async () => {
    await inTx(scopeOn(database.db), async (tx) => {
      await enqueue(tx, { kind: 'work', key: 'no' });
      return refused('no');
    });
    await inTx(scopeOn(database.db), async (tx) => {
      await enqueue(tx, { kind: 'work', key: 'yes' });
      return ok(null);
    });
    expect((await jobs()).map((job) => job.key)).toEqual(['yes']);
  });

  it('keeps one of a kind and key, at the earliest time', async () => {
    await add('a', { delaySeconds: 100, data: { first: true } });
    await add('a', { delaySeconds: 50 });
    await add('a', { delaySeconds: 200 });
    await add('b');
    const [a, b] = await jobs();
    expect(a).toMatchObject({ key: 'a', inSeconds: 50, data: { first: true } });
    expect(b).toMatchObject({ key: 'b' });
  });

  it('only if missing, leaves alone what is there', async () => {
    await add('a', { delaySeconds: 100 });
    await enqueue(database.db, { kind: 'work', key: 'a', onlyIfMissing: true });
    expect(await jobs()).toMatchObject([{ key: 'a', inSeconds: 100 }]);
  });

  it('gives a parked job one more attempt', async () => {
    await add('a');
    await outside.query('update kernel.job set parked_at = clock_timestamp(), attempts = 20');
    await add('a');
    expect(await jobs()).toMatchObject([{ parked: false, attempts: 19, inSeconds: 0 }]);
    await worker(async () => {
      throw new Error('still broken');
    }).drain();
    expect(await jobs()).toMatchObject([{ parked: true, attempts: 20 }]);
    await add('a');
    expect(await worker(async () => {}).drain()).toBe(1);
    expect(await jobs()).toEqual([]);
  });
});

describe('a worker', () => {
  it('runs what is due, as the job, and deletes it', async () => {
    const seen: unknown[] = [];
    await add('a', { data: { n: 1 } });
    await add('later', { delaySeconds: 60 });
    const count = await worker(async ({ actor }, job) => {
      seen.push({ actor, key: job.key, data: job.data, attempts: job.attempts });
    }).drain();
    expect(count).toBe(1);
    expect(seen).toEqual([{ actor: 'job:work', key: 'a', data: { n: 1 }, attempts: 1 }]);
    expect((await jobs()).map((job) => job.key)).toEqual(['later']);
  });

  it('leaves kinds that it does not know to others', async () => {
    await enqueue(database.db, { kind: 'other', key: 'a' });
    expect(await worker(async () => {}).drain()).toBe(0);
    expect(await jobs()).toHaveLength(1);
  });

  it('drains also what its jobs enqueue', async () => {
    await add('3');
    const seen: string[] = [];
    const count = await worker(async (own, job) => {
      seen.push(job.key);
      const next = Number(job.key) - 1;
      if (next > 0) await enqueue(own.db, { kind: 'work', key: String(next) });
    }).drain();
    expect(count).toBe(3);
    expect(seen).toEqual(['3', '2', '1']);
  });

  it('runs each of many jobs once, beside a second worker', async () => {
    for (let i = 0; i < 60; i++) await add(`k${i}`);
    const seen: string[] = [];
    const handle: JobHandler = async (_ctx, job) => {
      seen.push(job.key);
    };
    const counts = await Promise.all([worker(handle).drain(), worker(handle).drain()]);
    expect(counts.reduce((a, b) => a + b)).toBe(60);
    expect(new Set(seen).size).toBe(60);
  });

  it('runs no more at once than it may', async () => {
    for (let i = 0; i < 20; i++) await add(`k${i}`);
    let now = 0;
    let most = 0;
    await worker(async (own) => {
      now++;
      most = Math.max(most, now);
      await own.db.pool.query('select 1');
      now--;
    }, 3).drain();
    expect(most).toBe(3);
  });
});

describe('a failing job', () => {
  it('waits twice as long each time, up to five minutes', async () => {
    await add('a');
    const broken = worker(async () => {
      throw new Error('broken\u2026');
    });
    const pauses: number[] = [];
    for (let i = 0; i < 11; i++) {
      await makeDue();
      await broken.drain();
      pauses.push((await jobs())[0].inSeconds);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    expect(await jobs()).toMatchObject([{ attempts: 11, error: 'broken…', parked: false }]);
    expect(await counted('failed')).toBe(11);
  });

  it('is parked after its twentieth attempt, counted, and not run again', async () => {
    await add('a');
    await outside.query('update kernel.job set attempts = 19');
    const broken = worker(async () => {
      throw 'no error object';
    });
    await broken.drain();
    expect(await jobs()).toMatchObject([{ parked: true, attempts: 20, error: 'no error object' }]);
    await makeDue();
    expect(await broken.drain()).toBe(0);
    await measureJobs(ctx);
    expect((await ctx.metrics.jobsParked.get()).values).toMatchObject([{ value: 1 }]);
    expect(await counted('parked')).toBe(1);
  });

  it('that ends its worker each time is parked too', async () => {
    await add('a');
    await outside.query(`update kernel.job
      set deaths = 60, leased_until = clock_timestamp() - interval '1 second'`);
    expect(await worker(async () => expect.unreachable()).drain()).toBe(0);
    await measureJobs(ctx);
    expect(await jobs()).toMatchObject([{ parked: true, error: 'the worker ended each time' }]);
  });

  it('NotYet is no failure, however often', async () => {
    await add('a');
    const waiting = worker(async () => {
      throw new NotYet(7);
    });
    for (let i = 0; i < 25; i++) {
      await makeDue();
      await waiting.drain();
    }
    expect(await jobs()).toMatchObject([{ attempts: 0, inSeconds: 7, parked: false }]);
    expect(await counted('not_yet')).toBe(25);
    await makeDue();
    await worker(async () => {
      throw new Error('the first real failure');
    }).drain();
    expect(await jobs()).toMatchObject([{ attempts: 1, inSeconds: 1, parked: false }]);
  });

  it('NotYet takes no attempt away that there was not: its worker had died', async () => {
    await add('a');
    await outside.query(`update kernel.job
      set deaths = 1, leased_until = clock_timestamp() - interval '1 second'`);
    await worker(async () => {
      throw new NotYet(7);
    }).drain();
    expect(await jobs()).toMatchObject([{ attempts: 0, inSeconds: 7 }]);
  });

  it('does not keep others from running', async () => {
    await add('bad');
    await add('good');
    const done: string[] = [];
    await worker(async (_own, job) => {
      if (job.key === 'bad') throw new Error('bad');
      done.push(job.key);
    }, 1).drain();
    expect(done).toEqual(['good']);
  });
});

describe('a started worker', () => {
  it('is woken, and finds what others enqueued', async () => {
    const seen: string[] = [];
    const one = worker(async (_own, job) => {
      seen.push(job.key);
    });
    one.start();
    await add('a');
    one.wake();
    await eventually(
      async () => seen.length,
      (n) => n === 1,
    );
    await add('unannounced');
    await eventually(
      async () => seen.length,
      (n) => n === 2,
    );
    await one.stop();
  });

  it('stops only when what runs has ended, and takes nothing more', async () => {
    await add('a');
    const started = gate();
    const finish = gate();
    const events: string[] = [];
    const one = worker(async () => {
      started.open();
      await finish.reached;
      events.push('job ended');
    });
    one.start();
    await started.reached;
    const stopped = one.stop().then(() => events.push('stopped'));
    await add('b');
    one.wake();
    finish.open();
    await stopped;
    expect(events).toEqual(['job ended', 'stopped']);
    expect((await jobs()).map((job) => job.key)).toEqual(['b']);
  });

  it('does what recurs at once when it starts: it came due while nobody was there', async () => {
    let runs = 0;
    const HOUR_MS = 3_600_000;
    const run = async () => {
      runs++;
    };
    const one = createWorker(() => ctx, {}, [{ name: 'hourly', everyMs: HOUR_MS, run }], 1);
    one.start();
    expect(runs).toBe(1);
    await one.stop();
  });

  it('does what recurs, not beside itself, and survives its failure', async () => {
    let runs = 0;
    let running = 0;
    const task = {
      name: 'tick',
      everyMs: 1,
      run: async (own: Ctx) => {
        expect(++running).toBe(1);
        runs++;
        await own.db.pool.query('select 1');
        running--;
        if (runs === 1) throw new Error('once');
      },
    };
    const one = createWorker(() => ctx, {}, [task], 1);
    one.start();
    await eventually(
      async () => runs,
      (n) => n >= 3,
    );
    await one.stop();
    const after = runs;
    await database.db.pool.query('select 1');
    expect(runs).toBe(after);
    expect(await counted('failed')).toBe(1);
  });

  it('lives on when the jobs cannot be read', async () => {
    await outside.query('revoke update on kernel.job from fanfare_app');
    const seen: string[] = [];
    const one = worker(async (_own, job) => {
      seen.push(job.key);
    });
    one.start();
    await add('a', { delaySeconds: 0 }).catch(() => {});
    await outside.query('grant update on kernel.job to fanfare_app');
    await add('a');
    one.wake();
    await eventually(
      async () => seen,
      (keys) => keys.includes('a'),
    );
    await one.stop();
  });
});
