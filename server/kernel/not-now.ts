/**
 * For work that nobody waits for, such as handling a fact: there is nobody to give a refusal to,
 * and one that is not looked at is work that was never done. So it is thrown.
 */
import { type Busy, inTx, type Tx, type TxScope } from './db.ts';
import { ok, type Result } from './result.ts';

/** Somebody is in the way. The same work may succeed in a moment, and is not to blame. */
export class NotNow extends Error {
  override readonly name = 'NotNow';
}

/** The value of what may only be refused because somebody is in the way. */
export function orNotNow<T>(result: Result<T, Busy>): T {
  if (!result.ok) throw new NotNow('somebody is in the way');
  return result.value;
}

/** As inTx, where there is nothing to refuse: it is committed, or it throws. */
export async function inTxOrNotNow<T>(scope: TxScope, work: (tx: Tx) => Promise<T>): Promise<T> {
  const done: Result<T, Busy> = await inTx(scope, async (tx) => ok(await work(tx)));
  return orNotNow(done);
}
