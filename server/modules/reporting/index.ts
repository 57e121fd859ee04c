/**
 * Reporting: what the numbers say. It owns nothing and writes nothing; it reads the tables of the
 * other rooms in views of its own.
 *
 * It promises that statistics are counted from the rows of this moment, and that the audit checks
 * the guarantees of docs/guarantees.md event by event, in snapshots too short to hold anybody up.
 */
export { auditAll } from './audit.ts';
export { reportingRoutes } from './routes.ts';
