import { expect } from 'vitest';
import { auditAll } from '../../server/modules/reporting/index.ts';
import type { TestApp } from './app.ts';

/** Every guarantee holds on this database now. */
export async function expectAuditClean(app: Pick<TestApp, 'ctx'>): Promise<void> {
  const report = await auditAll(app.ctx);
  expect(report.length).toBeGreaterThanOrEqual(9);
  expect(report.filter((check) => check.violations > 0 || check.unchecked > 0)).toEqual([]);
}
