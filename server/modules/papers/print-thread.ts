/** The program of the thread that papers are drawn in (printer.ts). */
import { serveSideThread } from '../../kernel/side-thread.ts';
import { type PrintJob, print } from './print.ts';

serveSideThread<PrintJob>(print);
