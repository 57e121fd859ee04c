import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { recompute } from '../kernel/timeline-chain.ts';
import { type Command, UsageError } from './command.ts';

const link = z.object({
  position: z.int(),
  machine: z.string(),
  objectId: z.string(),
  from: z.string().nullable(),
  to: z.string(),
  actor: z.string(),
  requestId: z.string().nullable(),
  at: z.string(),
  amount: z.object({ amount: z.int() }).nullable(),
  note: z.string().nullable(),
  hash: z.string(),
});
const page = z.object({ eventId: z.string(), data: z.array(link) });

export const runVerifyTimeline: Command = {
  usage: [['verify-timeline FILE', 'recompute the timeline of an event, page by page']],
  help: `fanfare verify-timeline FILE...

Recomputes the chain of an event's timeline from its first line on. FILE holds an answer of
GET /api/v1/events/{id}/timeline; where it has several pages, name their files in order. Works
offline. Tells the position and hash of the last line, to be compared with what was noted down
before; exits with 1 at the first line that does not follow from those before it.`,
  run: async (args) => {
    if (args.length === 0) throw new UsageError('fanfare verify-timeline FILE...');
    const pages = args.map(readPage);
    const [eventId, ...others] = new Set(pages.map((one) => one.eventId));
    if (eventId === undefined || others.length > 0) {
      throw new UsageError('the files are of different events');
    }
    const links = pages.flatMap(({ data }) =>
      data.map(({ amount, ...rest }) => ({ ...rest, amountMinor: amount?.amount ?? null })),
    );
    const told = recompute(eventId, links);
    if (!told.ok) {
      console.log(`${eventId}: broken at position ${told.position}: ${told.reason}.`);
      return 1;
    }
    console.log(`${eventId}: ${told.position} lines, all as they were sealed.`);
    console.log(`Head: ${told.position} ${told.hash}`);
    return 0;
  },
};

function readPage(path: string): z.output<typeof page> {
  try {
    return page.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
