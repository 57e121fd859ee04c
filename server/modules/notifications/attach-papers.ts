import { anonymous } from '../../kernel/actor.ts';
import type { Ctx } from '../../kernel/context.ts';
import type { OrderId } from '../../kernel/ids.ts';
import { NotYet } from '../../kernel/jobs.ts';
import { readNow } from '../../kernel/now.ts';
import { accessTokenFor } from '../identity/index.ts';
import { calendarText, readPapers, TICKETS_MAX } from '../papers/index.ts';
import type { Attachment } from './ports.ts';

const BUSY_SECONDS = 10;

/**
 * An order’s tickets on paper and its entry for a calendar. Of a very large order the first
 * hundred tickets: the others are a link away.
 */
export async function orderPapers(ctx: Ctx, orderId: OrderId): Promise<readonly Attachment[]> {
  const buyer = { ...anonymous, accessToken: accessTokenFor(ctx.secrets, orderId) };
  const papers = await readPapers(ctx, buyer, orderId);
  if (!papers.ok || papers.value.tickets.length === 0) return [];
  const job = { kind: 'tickets', papers: papers.value, first: 0 } as const;
  const printed = await ctx.ports.printer.print(job, 'later');
  if (!printed.ok) throw new NotYet(BUSY_SECONDS);
  const more = papers.value.tickets.length > TICKETS_MAX;
  return [
    {
      fileName: more ? `tickets-1-${TICKETS_MAX}.pdf` : 'tickets.pdf',
      contentType: 'application/pdf',
      content: printed.value,
    },
    {
      fileName: 'event.ics',
      contentType: 'text/calendar; charset=utf-8; method=PUBLISH',
      content: Buffer.from(calendarText(papers.value, await readNow(ctx.db, ctx.clock))),
    },
  ];
}
