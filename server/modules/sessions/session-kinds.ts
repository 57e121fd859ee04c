import type { SessionId } from '../../kernel/ids.ts';
import type { LaneKind } from '../../kernel/lanes.ts';
import { PAYING_RANK } from '../inventory/index.ts';
import type { BookAnswer, BookRequest } from '../shopping/index.ts';
import { callPurchaseBatch } from './session.sql.ts';

const QUEUED_MAX = 5_000;
const BATCH_MAX = 256;

/** A booking of what a session holds, which locks it, where it is still what was looked at. */
export const purchaseKind: LaneKind<
  BookRequest & { readonly sessionId: SessionId; readonly version: number },
  BookAnswer
> = {
  rank: PAYING_RANK,
  queueMax: QUEUED_MAX,
  batchMax: BATCH_MAX,
  waitMaxMs: null,
  name: 'purchase',
  call: callPurchaseBatch,
  nameOf: (request) => request.sessionId,
};
