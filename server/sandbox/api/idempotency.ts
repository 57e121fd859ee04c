/**
 * Stripe's idempotency: the first status and body under a key are replayed for 24 hours, errors
 * and 500s included; other parameters are refused; while the first request runs the key is in use.
 * Nothing is kept of a request whose endpoint never began. The answer is saved in the transaction
 * that did the work, so there is no moment at which one of them is there without the other.
 */
import { createHash } from 'node:crypto';
import { maybe, one, run } from '../../kernel/db.ts';
import { type Call, nowS } from '../world.ts';
import { keyInUse, keyReused } from './errors.ts';
import { saveKey, selectKey, tryLockKey } from './idempotency.sql.ts';

const KEPT_S = 24 * 3_600;

/** What goes out: the body is text, because a replay must be the same to the byte. */
export type Sent = {
  readonly status: number;
  readonly body: string;
  /** The request that was executed first, if this is a replay of it. */
  readonly replayOf: string | null;
  readonly began: boolean;
};

export function requestHash(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

export async function underKey(
  call: Call,
  key: string,
  hash: string,
  execute: () => Promise<Sent>,
): Promise<Sent> {
  const { locked } = await one(call.tx, tryLockKey(call.owner, key));
  if (!locked) return sentError(keyInUse(key));
  const oldestS = nowS(call.world) - KEPT_S;
  const seen = await maybe(call.tx, selectKey(call.owner, key, oldestS));
  if (seen && seen.requestHash !== hash) return sentError(keyReused(key));
  if (seen) {
    return { status: seen.status, body: seen.body, replayOf: seen.requestId, began: false };
  }
  const sent = await execute();
  if (sent.began) {
    await run(
      call.tx,
      saveKey({
        owner: call.owner,
        key,
        requestHash: hash,
        requestId: call.requestId ?? '',
        status: sent.status,
        body: sent.body,
        savedS: nowS(call.world),
      }),
    );
  }
  return sent;
}

export function sentError(refused: ReturnType<typeof keyInUse>): Sent {
  const { status, error, began } = refused.refusal;
  return { status, body: JSON.stringify({ error }), replayOf: null, began };
}
