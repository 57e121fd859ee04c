/** What a lane promises while nothing breaks: order, bounds, one commit for all, turns. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { gate, scopeOn } from '../../test/kit/kernel.ts';
import {
  openScratch,
  type SayKind,
  type Scratch,
  sayKind,
  scopeOf,
} from '../../test/kit/scratch-lanes.ts';
import { openSession, untilAnybodyBlocked } from '../../test/kit/variants.ts';
import { inTx, one, run } from './db.ts';
import type { EventId } from './ids.ts';
import { inTurn, type Lanes } from './lanes.ts';
import { ok, present, refused } from './result.ts';
import { command, rows, text } from './sql.ts';

let database: TestDb;
let scratch: Scratch;
let lanes: Lanes;
beforeAll(async () => {
  database = await cloneDb();
  scratch = await openScratch(database.url);
  lanes = scratch.lanes();
});
afterAll(async () => {
  await scratch.close();
  await database.close();
});

const say = (eventId: EventId, word: string, kind: SayKind = sayKind) =>
  lanes.ask(scopeOf(lanes), kind, eventId, { word });
const busyAnswer = { ok: false, refusal: { code: 'busy' } };

/** A batch of one, `first`, stands at the event's lock; what is asked meanwhile queues. */
async function whileHeld(
  work: (eventId: EventId, wait: { readonly open: () => Promise<void> }) => Promise<void>,
) {
  const eventId = await scratch.newEvent();
  const door = await scratch.shut(eventId);
  try {
    const first = say(eventId, 'first');
    await untilAnybodyBlocked(scratch.url, door.pid);
    await work(eventId, door);
    await door.open();
    expect(await first).toEqual(ok('said first'));
  } finally {
    await door.open();
  }
}

describe('a lane', () => {
  it('F7 answers only after the commit', async () => {
    const eventId = await scratch.newEvent();
    const inside = await openSession(scratch.url);
    await inside.query('select from scratch.inner for update');
    let answered = false;
    const asked = say(eventId, 'late').then((answer) => {
      answered = true;
      return answer;
    });
    // The function has returned: it is the commit that waits.
    await untilAnybodyBlocked(scratch.url, inside.pid);
    expect(answered).toBe(false);
    expect(await scratch.said(eventId)).toEqual([]);
    await inside.rollback();
    await inside.end();
    expect(await asked).toEqual(ok('said late'));
    expect(await scratch.effects(eventId)).toEqual(['late']);
  });

  it('begins at once when it is idle, without a timer', async () => {
    const eventId = await scratch.newEvent();
    await say(eventId, 'connects');
    // Meanwhile its lane finds nothing more to do, and ends.
    await scratch.said(eventId);
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval'] });
    try {
      expect(await say(eventId, 'alone')).toEqual(ok('said alone'));
    } finally {
      vi.useRealTimers();
    }
  });

  it('gives all that queued during a commit to the next one, in arrival order', async () => {
    const words = Array.from({ length: 40 }, (_, i) => `word ${i}`);
    await whileHeld(async (eventId, door) => {
      const asked = words.map((word) => say(eventId, word));
      await door.open();
      expect(await Promise.all(asked)).toEqual(words.map((word) => ok(`said ${word}`)));
      const [, ...rest] = await scratch.said(eventId);
      expect(rest.map((row) => row.word)).toEqual(words);
      expect(new Set(rest.map((row) => row.batch)).size).toBe(1);
    });
  });

  it('gives a batch no more than its kind allows', async () => {
    await whileHeld(async (eventId, door) => {
      const kind = { ...sayKind, name: 'by three', batchMax: 3 };
      const asked = Array.from({ length: 7 }, (_, i) => say(eventId, `${i}`, kind));
      await door.open();
      await Promise.all(asked);
      expect((await scratch.said(eventId)).map((row) => row.size)).toEqual([
        1, 3, 3, 3, 3, 3, 3, 1,
      ]);
    });
  });

  it('lets lower ranks go first, whoever came first', async () => {
    await whileHeld(async (eventId, door) => {
      const asked = [
        say(eventId, 'tidies', { ...sayKind, name: 'tidying', rank: 3 }),
        say(eventId, 'holds'),
        say(eventId, 'pays', { ...sayKind, name: 'paying', rank: 1 }),
      ];
      await door.open();
      await Promise.all(asked);
      const order = (await scratch.said(eventId)).map((row) => row.word);
      expect(order).toEqual(['first', 'pays', 'holds', 'tidies']);
    });
  });

  it('refuses what is beyond a queue’s bound, and no other kind', async () => {
    await whileHeld(async (eventId, door) => {
      const small = { ...sayKind, name: 'small', queueMax: 2 };
      const asked = ['a', 'b', 'c'].map((word) => say(eventId, word, small));
      const other = say(eventId, 'other', { ...sayKind, name: 'other', queueMax: 1 });
      expect(await asked[2]).toMatchObject(busyAnswer);
      await door.open();
      expect(await Promise.all([asked[0], asked[1], other])).toEqual(
        ['a', 'b', 'other'].map((word) => ok(`said ${word}`)),
      );
      expect(await scratch.effects(eventId)).toEqual(['a', 'b', 'first', 'other']);
    });
  });

  it('does not do what came too long ago, or for somebody who has gone', async () => {
    const hasty = { ...sayKind, name: 'hasty', waitMaxMs: 1 };
    const patient = { ...sayKind, name: 'patient', waitMaxMs: 60_000 };
    await whileHeld(async (eventId, door) => {
      const since = performance.now();
      const late = say(eventId, 'too late', hasty);
      const gone = lanes.ask(scopeOf(lanes, { isGone: () => true }), patient, eventId, {
        word: 'gone',
      });
      const there = say(eventId, 'there', patient);
      await vi.waitUntil(() => performance.now() - since > 2, { interval: 1 });
      await door.open();
      expect(await late).toMatchObject(busyAnswer);
      expect(await gone).toMatchObject(busyAnswer);
      expect(await there).toEqual(ok('said there'));
      expect(await scratch.effects(eventId)).toEqual(['first', 'there']);
    });
  });

  it('never puts two of one name into one batch', async () => {
    const named = { ...sayKind, name: 'named', nameOf: ({ word }: { word: string }) => word };
    await whileHeld(async (eventId, door) => {
      const asked = ['x', 'x', 'y', 'x'].map((word) => say(eventId, word, named));
      const sizes: number[] = [];
      lanes.onCommit((committed) => committed === eventId && sizes.push(0));
      await door.open();
      expect(await Promise.all(asked)).toEqual(
        ['x', 'x', 'y', 'x'].map((word) => ok(`said ${word}`)),
      );
      // The first of its own; then x with y, x, x.
      expect(sizes).toHaveLength(4);
      expect((await scratch.said(eventId)).map((row) => [row.word, row.size])).toEqual([
        ['first', 1],
        ['x', 2],
        ['y', 2],
      ]);
    });
  });

  it('asks again what could not be decided, before whatever came later', async () => {
    const patient: SayKind = { ...sayKind, waitMaxMs: 60_000, isUndecided: (a) => a === 'again' };
    await whileHeld(async (eventId, door) => {
      const kind = { ...patient, name: 'patient', batchMax: 2 };
      const asked = ['after-2-a', 'after-2-b', 'c'].map((word) => say(eventId, word, kind));
      await door.open();
      await Promise.all(asked);
      const order = (await scratch.said(eventId)).map((row) => row.word);
      expect(order).toEqual(['first', 'after-2-a', 'after-2-b', 'c']);
    });
  });

  it('asks for a second, even where its kind has no bound; then that answer is the answer', async () => {
    const kind: SayKind = { ...sayKind, name: 'undecided', isUndecided: (a) => a === 'again' };
    const eventId = await scratch.newEvent();
    const since = performance.now();
    expect(await say(eventId, 'after-1000000', kind)).toEqual(ok('again'));
    expect(performance.now() - since).toBeGreaterThan(1_000);
  });

  it('decides a batch at one instant: requests of other clocks go into other batches', async () => {
    await whileHeld(async (eventId, door) => {
      const clocks = [1, 2].map((n) => ({ now: () => new Date(n * 1_000) }));
      const asked = [0, 1, 0].map((which, i) =>
        lanes.ask(scopeOf(lanes, { clock: present(clocks[which], 'clock') }), sayKind, eventId, {
          word: `${i}`,
        }),
      );
      await door.open();
      await Promise.all(asked);
      const said = (await scratch.said(eventId)).slice(1);
      expect(said.map((row) => [row.word, row.told_at?.getTime(), row.size])).toEqual([
        ['0', 1_000, 2],
        ['2', 1_000, 2],
        ['1', 2_000, 1],
      ]);
    });
  });

  it('acts as fanfare_lane', async () => {
    const eventId = await scratch.newEvent();
    await say(eventId, 'who');
    expect((await scratch.said(eventId)).map((row) => row.role)).toEqual(['fanfare_lane']);
  });
});

describe('a turn', () => {
  const scope = () => ({ ...scopeOn(database.db), lanes });
  const insert = (eventId: EventId, word: string) =>
    command`insert into scratch.said (event_id, word, role, batch) values
      (${eventId}, ${word}, current_role, pg_current_xact_id())`;

  it('runs between batches as fanfare_app, and the batches after it as fanfare_lane', async () => {
    await whileHeld(async (eventId, door) => {
      const turned = inTurn(scope(), eventId, async (tx) => {
        expect(tx.eventId).toBe(eventId);
        return ok(await run(tx, insert(eventId, 'turn')));
      });
      const after = say(eventId, 'after');
      await door.open();
      expect(await turned).toEqual(ok(1));
      await after;
      expect((await scratch.said(eventId)).map((row) => [row.word, row.role])).toEqual([
        ['first', 'fanfare_lane'],
        ['turn', 'fanfare_app'],
        ['after', 'fanfare_lane'],
      ]);
    });
  });

  it('keeps every batch of its event waiting until it has committed, and no other event', async () => {
    const [eventId, other] = [await scratch.newEvent(), await scratch.newEvent()];
    const inside = gate();
    const go = gate();
    const turned = inTurn(scope(), eventId, async (tx) => {
      inside.open();
      await go.reached;
      return ok(await run(tx, insert(eventId, 'turn')));
    });
    await inside.reached;
    const asked = say(eventId, 'batch');
    await say(other, 'elsewhere');
    expect(await scratch.said(eventId)).toEqual([]);
    go.open();
    await Promise.all([turned, asked]);
    const order = (await scratch.said(eventId)).map((row) => row.word);
    expect(order).toEqual(['turn', 'batch']);
  });

  it('rolls back what it did when it returns a refusal, or throws', async () => {
    const eventId = await scratch.newEvent();
    const refusal = await inTurn(scope(), eventId, async (tx) => {
      await run(tx, insert(eventId, 'refused'));
      return refused('no');
    });
    expect(refusal).toMatchObject({ ok: false, refusal: { code: 'no' } });
    const thrown = inTurn(scope(), eventId, async (tx) => {
      await run(tx, insert(eventId, 'thrown'));
      throw new Error('it broke');
    });
    await expect(thrown).rejects.toThrow('it broke');
    expect(await scratch.said(eventId)).toEqual([]);
    expect(await say(eventId, 'goes on')).toEqual(ok('said goes on'));
  });

  it('is neither asked for nor taken inside a transaction', async () => {
    const eventId = await scratch.newEvent();
    await inTurn(scope(), eventId, async (tx) => {
      await expect(say(eventId, 'inside')).rejects.toThrow(/inside a transaction/);
      expect(() => inTurn(scope(), eventId, async () => ok(1))).toThrow(/inside a transaction/);
      const role = rows({ role: text })`select current_role as role`;
      return ok(await one(tx, role));
    });
    const inside = inTx(scopeOn(database.db), () => say(eventId, 'inside'));
    await expect(inside).rejects.toThrow(/inside a transaction/);
    expect(await scratch.said(eventId)).toEqual([]);
  });
});

describe('connections', () => {
  it('are shared: hot events slow cold ones down, and starve none', async () => {
    const two = scratch.lanes({ connections: 2 });
    const hot = [await scratch.newEvent(), await scratch.newEvent()];
    const cold: EventId[] = [];
    while (cold.length < 20) cold.push(await scratch.newEvent());
    let isOver = false;
    let asked = 0;
    // Two callers of each keep its lane from ever being idle.
    const flood = hot.flatMap((eventId) =>
      [1, 2].map(async () => {
        while (!isOver) {
          asked += 1;
          await two.ask(scopeOf(two), sayKind, eventId, { word: `hot ${asked}` });
        }
      }),
    );
    await vi.waitUntil(() => asked > 8, { interval: 1 });
    const answers = await Promise.all(
      cold.map((eventId) => two.ask(scopeOf(two), sayKind, eventId, { word: 'cold' })),
    );
    isOver = true;
    await Promise.all(flood);
    expect(answers).toEqual(cold.map(() => ok('said cold')));
  });
});

describe('close', () => {
  it('waits for what is queued', async () => {
    const closing = scratch.lanes();
    const eventId = await scratch.newEvent();
    const door = await scratch.shut(eventId);
    const asked = ['a', 'b', 'c'].map((word) =>
      closing.ask(scopeOf(closing), { ...sayKind, batchMax: 1 }, eventId, { word }),
    );
    await untilAnybodyBlocked(scratch.url, door.pid);
    // Of another event, which has no connection yet.
    const elsewhere = await scratch.newEvent();
    const last = closing.ask(scopeOf(closing), sayKind, elsewhere, { word: 'last' });
    const closed = closing.close();
    await door.open();
    await closed;
    expect(await last).toEqual(ok('said last'));
    expect(await scratch.effects(eventId)).toEqual(['a', 'b', 'c']);
    expect(await Promise.all(asked)).toEqual(['a', 'b', 'c'].map((word) => ok(`said ${word}`)));
  });
});
