/** Who draws papers: a page takes some 20 ms of a processor, and buyers are waiting beside it. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Busy } from '../../kernel/db.ts';
import { ok, type Result } from '../../kernel/result.ts';
import { createSideThread } from '../../kernel/side-thread.ts';
import type { PrintJob } from './print-job.ts';

export type Printer = {
  /** The bytes of a PDF; `soon` where somebody waits for it. Equal jobs make equal bytes. */
  readonly print: (job: PrintJob, order: 'soon' | 'later') => Promise<Result<Buffer, Busy>>;
  readonly close: () => Promise<void>;
};

declare module '../../kernel/context.ts' {
  interface Ports {
    readonly printer: Printer;
  }
}

const WAITING_MAX = 200;
/** A hundred pages take two seconds of a processor that has nothing else to do. */
const PRINT_MAX_MS = 30_000;

/** The program of the thread, where this is compiled; from the sources there is none. */
export function printProgram(): URL | null {
  const isCompiled = extname(fileURLToPath(import.meta.url)) === '.js';
  return isCompiled ? new URL('./print-thread.js', import.meta.url) : null;
}

/** In a thread of its own, or without a program in this one. */
export function createPrinter(program: URL | null): Printer {
  if (!program) {
    const here = async (job: PrintJob) => (await import('./print.ts')).print(job);
    return { print: async (job) => ok(await here(job)), close: async () => {} };
  }
  const thread = createSideThread<PrintJob>({
    program,
    waitingMax: WAITING_MAX,
    jobMaxMs: PRINT_MAX_MS,
  });
  return { print: thread.run, close: thread.close };
}
