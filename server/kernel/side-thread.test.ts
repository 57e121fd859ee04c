import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createSideThread, type SideThread } from './side-thread.ts';

/** What a program says of itself, in the words of side-thread.ts; it ends when it is told to. */
const PROGRAM = `
  import { parentPort } from 'node:worker_threads';
  const held = [];
  const done = [];
  parentPort.on('message', ({ id, job }) => {
    const answer = (text) => parentPort.postMessage({ id, bytes: new TextEncoder().encode(text) });
    if (job === 'hold') held.push(() => answer('held'));
    else if (job === 'go') for (const each of held.splice(0)) each();
    else if (job === 'order') answer(done.join(' '));
    else if (job === 'die') process.exit(1);
    else if (job === 'hang') for (;;);
    else if (job === 'fail') parentPort.postMessage({ id, error: 'it cannot' });
    else { done.push(job); answer(job); }
    if (job === 'go') answer('gone');
  });
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'side-thread-'));
  writeFileSync(join(folder, 'program.mjs'), PROGRAM);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let thread: SideThread<unknown>;
afterEach(() => thread.close());

function open({ waitingMax = 100, jobMaxMs = 20_000 } = {}): void {
  const program = pathToFileURL(join(folder, 'program.mjs'));
  thread = createSideThread({ program, waitingMax, jobMaxMs });
}
const told = async (job: unknown, order: 'soon' | 'later' = 'soon') => {
  const answer = await thread.run(job, order);
  return answer.ok ? answer.value.toString() : answer.refusal.code;
};
/** Three of four places are taken by what waits; what follows goes one by one. */
function holdThree(): () => Promise<void> {
  const three = Promise.allSettled([told('hold'), told('hold'), told('hold')]);
  return async () => {
    await told('go');
    expect((await three).map(({ status }) => status)).toEqual(Array(3).fill('fulfilled'));
  };
}

describe('a thread beside', () => {
  it('answers with what its program makes of a job', async () => {
    open();
    expect(await Promise.all([told('a'), told('b', 'later')])).toEqual(['a', 'b']);
  });

  it('does first what somebody waits for', async () => {
    open();
    const go = holdThree();
    const all = ['x', 'l1', 'l2'].map((job) => told(job, job === 'x' ? 'soon' : 'later'));
    all.push(told('s1'), told('s2'));
    await Promise.all(all);
    expect(await told('order')).toBe('x s1 s2 l1 l2');
    await go();
  });

  it('says that it is busy where too many wait, of either sort by itself', async () => {
    open({ waitingMax: 1 });
    holdThree();
    const begun = ['hold', 'a'].map((job) => told(job));
    begun.push(told('c', 'later'));
    const ended = Promise.allSettled(begun);
    expect(await told('b')).toBe('busy');
    expect(await told('d', 'later')).toBe('busy');
    await thread.close();
    expect(await ended).toMatchObject(
      Array(3).fill({ status: 'rejected', reason: { message: 'the server is closing' } }),
    );
    await expect(told('e')).rejects.toThrow('the thread was closed');
  });

  it('throws what its program says went wrong, and goes on', async () => {
    open();
    await expect(told('fail')).rejects.toThrow('it cannot');
    await expect(told(() => {})).rejects.toThrow('it cannot be told the thread');
    expect(await told('a')).toBe('a');
  });

  it('is made anew after it has died, with the jobs that it had not begun', async () => {
    open();
    const lost = ['hold', 'hold', 'hold', 'die'].map((job) => told(job));
    const next = told('a');
    const ended = await Promise.allSettled(lost);
    expect(ended).toMatchObject(
      Array(4).fill({ status: 'rejected', reason: { message: 'the thread has ended' } }),
    );
    expect(await next).toBe('a');
  });

  it('is ended where a job takes too long', async () => {
    open({ jobMaxMs: 1_000 });
    await expect(told('hang')).rejects.toThrow('it took longer than 1000 ms');
    expect(await told('a')).toBe('a');
  });
});
