/** The sandbox's clock: an offset to real time that survives a restart. Never beside real keys. */
import { type TestClock, testClock } from './clock.ts';
import { type Db, maybe, run } from './db.ts';
import { command, int, rows } from './sql.ts';

const selectOffset = () => rows({ offsetMs: int })`
  select offset_ms as "offsetMs" from kernel.test_clock`;

const saveOffset = (offsetMs: number) => command`
  insert into kernel.test_clock (only_row, offset_ms) values (true, ${offsetMs})
  on conflict (only_row) do update set offset_ms = excluded.offset_ms`;

export async function loadTestClock(db: Db): Promise<TestClock> {
  const stored = await maybe(db, selectOffset());
  return testClock(stored?.offsetMs ?? 0);
}

export async function advanceTestClock(db: Db, clock: TestClock, byMs: number): Promise<void> {
  clock.advance(byMs);
  await run(db, saveOffset(clock.offsetMs()));
}
