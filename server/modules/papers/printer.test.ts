/** Papers are drawn in a thread of their own; from the sources, as other tests run, in this one. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applies } from '../../../test/kit/requires.ts';
import { projectRoot } from '../../kernel/root.ts';
import type { PrintJob } from './print-job.ts';
import { createPrinter, type Printer, printProgram } from './printer.ts';

const job = {
  kind: 'tickets',
  first: 0,
  papers: {
    event: {
      name: 'Nachtschicht',
      startsAt: new Date('2035-05-02T18:00:00Z'),
      endsAt: null,
      doorsAt: null,
      timezone: 'Europe/Berlin',
      venueName: null,
    },
    order: { id: 'ord_1', confirmedAt: '2035-05-01T10:00:00.000Z', buyer: { name: 'Ada' } },
    tickets: [
      {
        ...{ id: 'tkt_1', code: 'F1ABC', typeName: 'Stalls', seat: null },
        price: { amount: 4_500, currency: 'EUR' },
      },
    ],
  },
  // Not all of an order, but all that is printed of it.
} as unknown as PrintJob;

const isLinux = applies(process.platform === 'linux', 'threads have no priorities here');

describe('the printer', () => {
  let beside: Printer;
  beforeAll(() => {
    // It builds what is stale, and says where it was built to.
    const build = "import('./tools/setup.mjs').then((it) => it.ensureReady({ quiet: true }))";
    execFileSync(process.execPath, ['-e', build], { cwd: projectRoot, stdio: 'pipe' });
    const program = join(projectRoot, 'dist/server/modules/papers/print-thread.js');
    beside = createPrinter(pathToFileURL(program));
  }, 240_000);
  afterAll(() => beside.close());

  it('B8 prints the same in a thread of its own', async () => {
    expect(printProgram()).toBeNull();
    const here = await createPrinter(printProgram()).print(job, 'soon');
    const there = await beside.print(job, 'later');
    expect(there).toEqual(here);
    expect(there.ok && there.value.subarray(0, 5).toString()).toBe('%PDF-');
  });

  it.skipIf(!isLinux)('gives way to the thread that sells', async () => {
    await beside.print(job, 'soon');
    const niceOf = (id: string) => {
      const stat = readFileSync(`/proc/self/task/${id}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
    };
    const all = readdirSync('/proc/self/task').map(niceOf);
    expect(niceOf(String(process.pid))).toBe(0);
    expect(all.filter((nice) => nice === 10)).toHaveLength(1);
  });
});
