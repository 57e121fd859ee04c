import { drawDocument } from './draw-document.ts';
import { drawTickets } from './draw-tickets.ts';
import type { Papers } from './read-papers.ts';
import type { Document } from './rules-document.ts';
import { ticketFonts } from './ticket-fonts.ts';

export type PrintJob =
  /** TICKETS_MAX of them at most, beginning with the `first`-th, counted from 0. */
  | { readonly kind: 'tickets'; readonly papers: Papers; readonly first: number }
  | { readonly kind: 'document'; readonly document: Document };

export async function print(job: PrintJob): Promise<Buffer> {
  const fonts = await ticketFonts();
  return job.kind === 'tickets'
    ? drawTickets(job.papers, fonts, job.first)
    : drawDocument(job.document, fonts);
}
