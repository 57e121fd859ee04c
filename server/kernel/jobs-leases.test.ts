/** Who has a job, and what becomes of it when somebody else has it too. */
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { connect, gate, kernelCtx } from '../../test/kit/kernel.ts';
import type { Ctx } from './context.ts';
import { createWorker, enqueue, type JobHandler, renewLease, type Worker } from './jobs.ts';

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
const endLeases = () =>
  outside.query(`update kernel.job set leased_until = clock_timestamp() - interval '1 second'`);

describe('a lease', () => {
  it('lost: another takes over, and the late completion changes nothing', async () => {
    await add('a');
    const started = gate();
    const finish = gate();
    const slow = worker(async () => {
      started.open();
      await finish.reached;
    });
    const slowDone = slow.drain();
    await started.reached;
    await endLeases();

    const again = gate();
    const hold = gate();
    const fast = worker(async (_own, job) => {
      expect(job.attempts).toBe(1);
      again.open();
      await hold.reached;
    });
    const fastDone = fast.drain();
    await again.reached;
    finish.open();
    await slowDone;
    expect(await jobs()).toMatchObject([{ key: 'a', leased: true, attempts: 1 }]);
    hold.open();
    await fastDone;
    expect(await jobs()).toEqual([]);
  });

  it('lost: a late failure changes nothing either', async () => {
    await add('a');
    const started = gate();
    const fail = gate();
    const slow = worker(async () => {
      started.open();
      await fail.reached;
      throw new Error('too late');
    });
    const slowDone = slow.drain();
    await started.reached;
    // Another worker has it now.
    await outside.query(`update kernel.job set lease_token = lease_token + 1,
      leased_until = clock_timestamp() + interval '1 minute'`);
    fail.open();
    await slowDone;
    expect(await jobs()).toMatchObject([{ error: null, attempts: 1 }]);
  });

  it('lost again and again is no attempt: the job has all of them still', async () => {
    await add('a');
    for (let death = 0; death < 30; death += 1) {
      const started = gate();
      const never = gate();
      void worker(async () => {
        started.open();
        await never.reached;
      }).drain();
      await started.reached;
      await endLeases();
    }
    expect(await jobs()).toMatchObject([{ attempts: 1, parked: false }]);
    expect(await worker(async () => {}).drain()).toBe(1);
    expect(await jobs()).toEqual([]);
  });

  it('taken away by hand while the work is done: it is done', async () => {
    await add('a');
    await worker(async () => {
      await outside.query('update kernel.job set leased_until = null');
    }).drain();
    expect(await jobs()).toEqual([]);
  });

  it('held: nobody else takes the job', async () => {
    await add('a');
    const started = gate();
    const finish = gate();
    const first = worker(async () => {
      started.open();
      await finish.reached;
    }).drain();
    await started.reached;
    expect(await worker(async () => expect.unreachable()).drain()).toBe(0);
    finish.open();
    await first;
  });
});

describe('enqueued again while it runs', () => {
  it('runs once more, after this run and not beside it', async () => {
    await add('a');
    let running = 0;
    let runs = 0;
    const crowded: number[] = [];
    const handle: JobHandler = async () => {
      running++;
      runs++;
      crowded.push(running);
      if (runs === 1) {
        await add('a');
        await add('a');
        // Somebody else looks for work at just this moment.
        expect(await worker(handle).drain()).toBe(0);
      }
      running--;
    };
    expect(await worker(handle).drain()).toBe(2);
    expect({ runs, crowded }).toEqual({ runs: 2, crowded: [1, 1] });
    expect(await jobs()).toEqual([]);
  });

  it('by a transaction that commits only after the run has ended: runs once more', async () => {
    await add('a');
    let runs = 0;
    const client = await connect(database.url);
    await worker(async () => {
      runs++;
      if (runs > 1) return;
      await client.query('begin');
      await enqueue({ kind: 'tx', client }, { kind: 'work', key: 'a' });
      // The worker's "done" waits for this commit: it is sent first.
      setImmediate(() => void client.query('commit'));
    }).drain();
    await client.end();
    expect(runs).toBe(2);
    expect(await jobs()).toEqual([]);
  });

  it('and fails: is due at once, not after its pause', async () => {
    await add('a');
    await outside.query('update kernel.job set attempts = 9');
    const handle: JobHandler = async (_own, job) => {
      if (job.attempts > 10) return;
      await add('a');
      throw new Error('first');
    };
    expect(await worker(handle).drain()).toBe(2);
    expect(await jobs()).toEqual([]);
  });
});

describe('a lease that is renewed', () => {
  const pass = (seconds: number) =>
    outside.query(
      `update kernel.job set leased_until = leased_until - make_interval(secs => $1),
         run_at = run_at - make_interval(secs => $1)`,
      [seconds],
    );
  const secondsLeft = async () => {
    const { rows } = await outside.query(
      'select extract(epoch from leased_until - clock_timestamp())::float8 as left from kernel.job',
    );
    return rows[0].left as number;
  };

  it('is a whole one from that moment', async () => {
    await add('a');
    await worker(async (_own, job) => {
      await pass(50);
      expect(await secondsLeft()).toBeLessThan(11);
      expect(await renewLease(database.db, job)).toBe(true);
      expect(await secondsLeft()).toBeGreaterThan(55);
    }).drain();
    expect(await jobs()).toEqual([]);
  });

  it('is refused to whoever has lost it', async () => {
    await add('a');
    await worker(async (_own, job) => {
      await endLeases();
      expect(await renewLease(database.db, job)).toBe(false);
      // Left to the next one, as after a death.
      throw new Error('lost');
    }).drain();
  });

  it('loses nothing that was enqueued meanwhile', async () => {
    await add('a');
    let runs = 0;
    await worker(async (_own, job) => {
      runs += 1;
      if (runs > 1) return;
      await pass(5);
      await add('a');
      expect(await renewLease(database.db, job)).toBe(true);
    }).drain();
    expect(runs).toBe(2);
    expect(await jobs()).toEqual([]);
  });
});
