import type { EventId } from './ids.ts';
import type { Statement } from './sql.ts';

/**
 * One kind of change that a lane batches. `call` makes the statement for one batch: its first
 * argument is the event, `requests` the batch as a JSON array in arrival order; it answers with as
 * many answers, in that order. Asked again with the same requests, it answers alike.
 */
export type LaneKind<Request, Answer> = {
  readonly name: string;
  /** Lower goes first. */
  readonly rank: number;
  readonly queueMax: number;
  readonly batchMax: number;
  /** Who has waited longer is told `busy` instead of being served late; null: nobody is. */
  readonly waitMaxMs: number | null;
  readonly call: (
    eventId: EventId,
    now: Date | null,
    requests: string,
  ) => Statement<{ readonly answers: readonly Answer[] }>;
  /** Two of the same name never stand in one batch: the later finds what became of the first. */
  readonly nameOf?: (request: Request) => string;
  /** The function could not decide yet: the request goes into the next batch. */
  readonly isUndecided?: (answer: Answer) => boolean;
};
