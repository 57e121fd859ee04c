/**
 * The lanes of a server that knows no batches: each request is a call of its own, on a connection
 * of its own, committed by itself. The functions, checks and locks are the product's; what differs
 * is that nobody shares a commit.
 */
import { type Busy, busy, closeDb, isBusy, openDb, takeClient } from '../../server/kernel/db.ts';
import type { EventId } from '../../server/kernel/ids.ts';
import type { LaneKind, Lanes } from '../../server/kernel/lanes.ts';
import { assert, type Ok, ok, type Refused } from '../../server/kernel/result.ts';

const CONNECTIONS = 20;

export function lanesOneByOne(url: string): Lanes {
  const db = openDb({
    url,
    role: 'fanfare_lane',
    maxConnections: CONNECTIONS,
    waitingMax: Number.MAX_SAFE_INTEGER,
    name: 'one by one',
    onError: () => {},
  });
  const listeners: ((eventId: EventId, kind: string | null) => void)[] = [];
  async function askAlone<Request, Answer>(
    now: Date | null,
    kind: LaneKind<Request, Answer>,
    eventId: EventId,
    request: Request,
  ): Promise<Ok<Answer> | Refused<Busy>> {
    const { client, release } = await takeClient(db);
    try {
      const statement = kind.call(eventId, now, JSON.stringify([request]));
      const { name, text, values } = statement;
      const { rows } = await client.query({ name, text, values: [...values] });
      const { answers } = statement.decode(rows[0]);
      assert(answers.length === 1, `${kind.name} has no answer`);
      for (const listener of listeners) listener(eventId, kind.name);
      // One request, one answer: the line above.
      return ok(answers[0] as Answer);
    } catch (error) {
      if (isBusy(error)) return busy();
      throw error;
    } finally {
      release();
    }
  }
  return {
    ask: ({ clock }, kind, eventId, request) => askAlone(clock.now(), kind, eventId, request),
    turn: () => Promise.reject(new Error('nobody edits what is on sale in this bench')),
    onCommit: (listener) => void listeners.push(listener),
    close: () => closeDb(db),
  };
}
