import { ok, type Result } from '../../kernel/result.ts';
import { floorPlan } from './floor-plan.ts';
import { readManifest } from './manifest.ts';
import { readPretix } from './pretix.ts';
import { issuesOf, type ReadPlan, type UnreadablePlan, unreadable } from './read-plan.ts';

/** A plan in any form that we know: the bytes of a table, or a parsed JSON document. */
export function readPlanFile(file: unknown): Result<ReadPlan, UnreadablePlan> {
  if (Buffer.isBuffer(file)) return readManifest(file);
  const isOwn = typeof file === 'object' && file !== null && 'sections' in file;
  if (!isOwn) return readPretix(file);
  const plan = floorPlan.safeParse(file);
  return plan.success ? ok({ plan: plan.data, findings: [] }) : unreadable(issuesOf(plan.error));
}
