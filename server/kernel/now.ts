import type { Clock } from './clock.ts';
import { one, type Queryable } from './db.ts';
import { instant, rows } from './sql.ts';

const selectNow = (now: Date | null) => rows({ now: instant })`
  select kernel.instant(${now}) as now`;

/** The time by the database's clock, or by the test clock where that has been moved. */
export async function readNow(on: Queryable, clock: Clock): Promise<Date> {
  return (await one(on, selectNow(clock.now()))).now;
}
