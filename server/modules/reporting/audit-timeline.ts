import type { Ctx } from '../../kernel/context.ts';
import { all, one } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { readStretches } from '../../kernel/timeline.ts';
import { firstHash, nextHash } from '../../kernel/timeline-chain.ts';
import type { Violation } from './audit.ts';
import { selectSealedCounts, selectUnchained } from './timeline.view.sql.ts';

/** One statement reads so many lines at most, and those that were sealed with them. */
const LINES_AT_ONCE = 2_000;
const UNCHAINED_SHOWN = 100;

/**
 * G17: recomputes the chain of an event from its first line on, and looks for lines that are not in
 * it. What was changed, taken out, moved or put in shows; that the newest lines were taken out
 * together with their part of the chain shows only against a hash that was noted elsewhere.
 */
export async function walkTimeline(ctx: Ctx, eventId: EventId): Promise<readonly Violation[]> {
  // First, since lines are sealed meanwhile: what is counted here has its place in what is read.
  const { written, chained } = await one(ctx.auditDb, selectSealedCounts(eventId));
  const broken = await firstBreak(ctx, eventId, chained);
  if (broken) return [broken];
  if (written === chained) return [];
  const found = await all(ctx.auditDb, selectUnchained(eventId, UNCHAINED_SHOWN));
  if (found.length > 0) {
    return found.map(({ objectId, seq }) => ({
      objectId,
      detail: `line ${seq} is not in the timeline`,
    }));
  }
  return [{ objectId: eventId, detail: `${written} lines, ${chained} in the timeline` }];
}

/** At least so many lines must be there. */
async function firstBreak(ctx: Ctx, eventId: EventId, lines: number): Promise<Violation | null> {
  const at = (position: number, objectId: string, what: string) => ({
    objectId,
    detail: `position ${position}: ${what}`,
  });
  let hash = firstHash(eventId);
  for (let position = 1; ; ) {
    const stretches = await readStretches(ctx.auditDb, eventId, position, position + LINES_AT_ONCE);
    if (stretches.length === 0) {
      return position > lines ? null : at(position, eventId, 'the chain is broken');
    }
    for (const stretch of stretches) {
      if (stretch.firstPosition !== position || !stretch.hashBefore.equals(hash)) {
        return at(position, eventId, 'the chain is broken');
      }
      for (const change of stretch.changes) {
        if (change === null) return at(position, eventId, 'its line is gone');
        hash = nextHash(hash, eventId, change);
        position += 1;
      }
      if (stretch.hash.equals(hash)) continue;
      const first = stretch.changes[0]?.objectId ?? eventId;
      return at(stretch.firstPosition, first, 'from here on a line is another than was sealed');
    }
  }
}
