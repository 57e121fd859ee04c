import { drawDocument } from './draw-document.ts';
import { drawTickets } from './draw-tickets.ts';
import type { PrintJob } from './print-job.ts';
import { ticketFonts } from './ticket-fonts.ts';

/** The bytes of a PDF. */
export async function print(job: PrintJob): Promise<Buffer> {
  const fonts = await ticketFonts();
  return job.kind === 'tickets'
    ? drawTickets(job.papers, fonts, job.first)
    : drawDocument(job.document, fonts);
}
