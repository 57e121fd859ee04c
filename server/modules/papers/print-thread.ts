/** The program of the thread that papers are drawn in (printer.ts). */
import { serveSideThread } from '../../kernel/side-thread.ts';
import { print } from './print.ts';
import type { PrintJob } from './print-job.ts';

serveSideThread<PrintJob>(print);
