import type { Papers } from './read-papers.ts';
import type { Document } from './rules-document.ts';

/** A page takes some 20 ms; a larger order is fetched in parts. */
export const TICKETS_MAX = 100;

export type PrintJob =
  /** TICKETS_MAX of them at most, beginning with the `first`-th, counted from 0. */
  | { readonly kind: 'tickets'; readonly papers: Papers; readonly first: number }
  | { readonly kind: 'document'; readonly document: Document };
