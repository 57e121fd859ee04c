import { ok, type Result, refused } from '../../kernel/result.ts';
import { floorPlan } from './floor-plan.ts';
import { readManifest } from './manifest.ts';
import { type ReadPlan, readPretix, type UnreadablePlan } from './pretix.ts';

const ISSUES_MAX = 100;

/** A plan in any form that we know: the bytes of a table, or a parsed JSON document. */
export function readPlanFile(file: unknown): Result<ReadPlan, UnreadablePlan> {
  if (Buffer.isBuffer(file)) return readManifest(file);
  const isOwn = typeof file === 'object' && file !== null && 'sections' in file;
  if (!isOwn) return readPretix(file);
  const plan = floorPlan.safeParse(file);
  if (plan.success) return ok({ plan: plan.data, findings: [] });
  const issues = plan.error.issues.slice(0, ISSUES_MAX).map(({ path, code, message }) => ({
    path: path.map(String).join('.'),
    ...{ code, message },
  }));
  return refused('plan_not_readable', { issues });
}
