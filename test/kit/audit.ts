import { expect } from 'vitest';
import { auditAll } from '../../server/modules/reporting/index.ts';
import type { TestApp } from './app.ts';
import { expectFactsAsListed } from './facts.ts';

/** Every guarantee holds on this database now. */
export async function expectAuditClean(
  app: Pick<TestApp, 'ctx'> & Partial<Pick<TestApp, 'database'>>,
): Promise<void> {
  const report = await auditAll(app.ctx);
  expect(report.length).toBeGreaterThanOrEqual(9);
  expect(report.filter((check) => check.violations > 0 || check.unchecked > 0)).toEqual([]);
  if (app.database) await expectFactsAsListed({ database: app.database });
}
