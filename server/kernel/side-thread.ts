/**
 * A thread beside the one that serves buyers, for work that takes tens of milliseconds of a
 * processor: what it does holds up nobody's request. It gives way to the others where the system
 * lets it (Linux), is made when it is first needed, anew after it has died, and ended when
 * something in it takes too long.
 */
import { setPriority } from 'node:os';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import type { Busy } from './db.ts';
import { assert, ok, type Result, refused } from './result.ts';

/** Begun at once: what waits in between, as long work does between its pages, lets others in. */
const AT_ONCE = 4;
const NICE = 10;

export type SideThread<Job> = {
  /**
   * The bytes that its program makes of a job; what somebody waits for (`soon`) passes by what is
   * not waited for. `busy` where too many wait; throws where the job failed.
   */
  readonly run: (job: Job, order: 'soon' | 'later') => Promise<Result<Buffer, Busy>>;
  readonly close: () => Promise<void>;
};

export type SideThreadOptions = {
  /** JavaScript: a thread of Node 20 reads nothing else. */
  readonly program: URL;
  readonly waitingMax: number;
  readonly jobMaxMs: number;
};

type Task = {
  readonly id: number;
  readonly job: unknown;
  readonly resolve: (bytes: Buffer) => void;
  readonly reject: (error: Error) => void;
};
type Running = Task & { readonly timer: NodeJS.Timeout };
type Answer = { readonly id: number; readonly bytes?: Uint8Array; readonly error?: string };

export function createSideThread<Job>(options: SideThreadOptions): SideThread<Job> {
  const waiting: Readonly<Record<'soon' | 'later', Task[]>> = { soon: [], later: [] };
  const running = new Map<number, Running>();
  let thread: Worker | null = null;
  let lastId = 0;
  let closed = false;

  const settle = ({ id, bytes, error }: Answer) => {
    const task = running.get(id);
    if (!task) return;
    running.delete(id);
    clearTimeout(task.timer);
    if (bytes) task.resolve(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    else task.reject(new Error(error));
    next();
  };

  /** All that it was at fails with it; the next job makes another one. */
  const lose = (lost: Worker, error: string) => {
    if (thread !== lost) return;
    thread = null;
    void lost.terminate();
    for (const id of [...running.keys()]) settle({ id, error });
  };

  function next(): void {
    while (!closed && running.size < AT_ONCE) {
      const task = waiting.soon.shift() ?? waiting.later.shift();
      if (!task) return;
      thread ??= startThread(options.program, settle, lose);
      const own = thread;
      const late = () => lose(own, `it took longer than ${options.jobMaxMs} ms`);
      running.set(task.id, { ...task, timer: setTimeout(late, options.jobMaxMs) });
      try {
        own.postMessage({ id: task.id, job: task.job });
      } catch (error) {
        settle({ id: task.id, error: `it cannot be told the thread: ${String(error)}` });
      }
    }
  }

  return {
    run: async (job, order) => {
      assert(!closed, 'the thread was closed');
      if (waiting[order].length >= options.waitingMax)
        return refused('busy', { detail: 'Much is waiting for this. Try again soon.' });
      lastId += 1;
      const id = lastId;
      const done = new Promise<Buffer>((resolve, reject) => {
        waiting[order].push({ id, job, resolve, reject });
      });
      next();
      return ok(await done);
    },
    close: async () => {
      closed = true;
      const ended = thread?.terminate();
      for (const task of [...waiting.soon.splice(0), ...waiting.later.splice(0)]) {
        task.reject(new Error('the server is closing'));
      }
      if (thread) lose(thread, 'the server is closing');
      await ended;
    },
  };
}

function startThread(
  program: URL,
  settle: (answer: Answer) => void,
  lose: (lost: Worker, error: string) => void,
): Worker {
  const made = new Worker(program);
  made.on('message', settle);
  made.on('error', (error) => lose(made, `the thread failed: ${String(error)}`));
  made.on('exit', () => lose(made, 'the thread has ended'));
  // It keeps no process running that has nothing else to do.
  made.unref();
  return made;
}

/** What such a program calls, once. */
export function serveSideThread<Job>(work: (job: Job) => Promise<Uint8Array>): void {
  assert(!isMainThread && parentPort !== null, 'not a program of its own');
  const port = parentPort;
  // There, and there alone, it is the thread that this is said of, and not the process.
  if (process.platform === 'linux') setPriority(NICE);
  port.on('message', async ({ id, job }: { readonly id: number; readonly job: Job }) => {
    try {
      // A copy with memory of its own, which is then handed over.
      const bytes = Uint8Array.from(await work(job));
      port.postMessage({ id, bytes } satisfies Answer, [bytes.buffer]);
    } catch (error) {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      port.postMessage({ id, error: message } satisfies Answer);
    }
  });
}
