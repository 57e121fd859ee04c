import type { Ctx } from '../../kernel/context.ts';
import { all, isBusy } from '../../kernel/db.ts';
import type { EventId } from '../../kernel/ids.ts';
import { present } from '../../kernel/result.ts';
import type { Statement } from '../../kernel/sql.ts';
import {
  g1,
  g2,
  g3,
  g4,
  g5,
  g6,
  g7,
  g8,
  g9,
  g10,
  g11,
  g14,
  g16,
  selectEventIds,
} from './audit.view.sql.ts';
import { g21, g22, g23 } from './audit-promotions.view.sql.ts';
import { walkTimeline } from './audit-timeline.ts';
import { g24 } from './audit-waitlist.view.sql.ts';

export type AuditFinding = {
  /** Null for what is of no event. */
  readonly eventId: EventId | null;
  readonly objectId: string;
  readonly detail: string;
};

export type Violation = { readonly objectId: string; readonly detail: string };
type Check = {
  readonly id: string;
  readonly name: string;
} & (
  | { readonly find: (eventId: EventId, now: Date | null) => Statement<Violation> }
  /** Of what spans events: asked once. */
  | { readonly findAnywhere: (now: Date | null) => Statement<Violation> }
  /** In several statements, each as short. */
  | { readonly walk: (ctx: Ctx, eventId: EventId) => Promise<readonly Violation[]> }
);

/** The guarantees that are checked, by their ids in docs/guarantees.md. */
export const audits: readonly Check[] = [
  { id: 'G1', name: 'No pool gives out more than its capacity', find: g1 },
  { id: 'G2', name: 'Counters equal the rows that they count', find: g2 },
  { id: 'G3', name: 'A seat has one owner', find: g3 },
  { id: 'G4', name: 'Live tickets are exactly the places sold', find: g4 },
  { id: 'G5', name: 'Lapsed holds give their places back', find: g5 },
  { id: 'G6', name: 'Nobody has more than the cap', find: g6 },
  { id: 'G7', name: 'What was paid is tickets, kept fees, refunds or credit', find: g7 },
  { id: 'G8', name: 'What is claimed waits for a payment that is open', find: g8 },
  { id: 'G9', name: 'No valid ticket without its money', find: g9 },
  { id: 'G10', name: 'No refund beyond what was taken, and the books say so', find: g10 },
  { id: 'G11', name: 'Every buyer of a cancelled event has a remedy', find: g11 },
  { id: 'G14', name: 'One key, one hold, one order', find: g14 },
  { id: 'G16', name: 'No state by an illegal edge', find: g16 },
  { id: 'G17', name: 'The timeline is as it was sealed', walk: walkTimeline },
  { id: 'G21', name: 'A code counts the orders that use it', find: g21 },
  { id: 'G22', name: 'The balance of a credit is its entries', findAnywhere: g22 },
  { id: 'G23', name: 'The books owe what credits are worth', findAnywhere: g23 },
  { id: 'G24', name: 'Nobody who waits is passed over', find: g24 },
];

const EVENTS_PER_PAGE = 500;
const FINDINGS_KEPT = 100;

export type AuditReport = readonly {
  readonly id: string;
  readonly name: string;
  violations: number;
  /** Events too large for one short snapshot, or locked; not a violation, and not a proof. */
  unchecked: number;
  readonly findings: AuditFinding[];
}[];

/**
 * Runs every check on every event. Each is one statement on one event, as the auditor's role and of
 * at most half a second, so that no snapshot stays open while places are being sold.
 */
export async function auditAll(ctx: Ctx): Promise<AuditReport> {
  const report = audits.map(({ id, name }) => ({
    id,
    name,
    violations: 0,
    unchecked: 0,
    findings: [] as AuditFinding[],
  }));
  for (let after = ''; ; ) {
    const page = await all(ctx.auditDb, selectEventIds(after, EVENTS_PER_PAGE));
    for (const { eventId } of page) await auditEvent(ctx, eventId, report);
    const last = page.at(-1);
    if (!last || page.length < EVENTS_PER_PAGE) break;
    after = last.eventId;
  }
  for (const [i, entry] of report.entries()) {
    const check = present(audits[i], 'the check of an entry');
    if ('findAnywhere' in check) {
      await note(entry, null, () => all(ctx.auditDb, check.findAnywhere(ctx.clock.now())));
    }
  }
  return report;
}

async function auditEvent(ctx: Ctx, eventId: EventId, report: AuditReport): Promise<void> {
  const now = ctx.clock.now();
  for (const [i, entry] of report.entries()) {
    const check = present(audits[i], 'the check of an entry');
    if ('find' in check) {
      await note(entry, eventId, () => all(ctx.auditDb, check.find(eventId, now)));
    } else if ('walk' in check) {
      await note(entry, eventId, () => check.walk(ctx, eventId));
    }
  }
}

async function note(
  entry: AuditReport[number],
  eventId: EventId | null,
  find: () => Promise<readonly Violation[]>,
): Promise<void> {
  try {
    const violations = await find();
    entry.violations += violations.length;
    const room = Math.max(0, FINDINGS_KEPT - entry.findings.length);
    entry.findings.push(...violations.slice(0, room).map((v) => ({ eventId, ...v })));
  } catch (error) {
    if (!isBusy(error)) throw error;
    entry.unchecked += 1;
  }
}
