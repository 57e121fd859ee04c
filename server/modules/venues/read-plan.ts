/** What reading a file of another format comes to, whichever format it is. */
import type { z } from 'zod';
import { type Issue, type RefusalOf, type Refused, refused } from '../../kernel/result.ts';
import { type FloorPlan, issuesIn, type PlanFinding } from './floor-plan.ts';

export type ReadPlan = {
  readonly plan: FloorPlan;
  /** What was odd about the file; what is wrong with the plan, `survey` tells. */
  readonly findings: readonly PlanFinding[];
};

export type UnreadablePlan = RefusalOf<'plan_not_readable'>;

const ISSUES_MAX = 100;
const NAME_MAX_CHARS = 100;

export function unreadable(issues: readonly Issue[]): Refused<UnreadablePlan> {
  return refused('plan_not_readable', { issues: issues.slice(0, ISSUES_MAX) });
}

/** `pathOf` says where in the file something of a plan was read from. */
export function issuesOf(
  error: z.ZodError,
  pathOf: (path: readonly PropertyKey[]) => string = dotted,
): Issue[] {
  return issuesIn(error)
    .slice(0, ISSUES_MAX)
    .map(({ path, code, message }) => ({ path: pathOf(path), code, message }));
}

export const dotted = (path: readonly PropertyKey[]): string =>
  path.map((part) => String(part).slice(0, NAME_MAX_CHARS)).join('.');
