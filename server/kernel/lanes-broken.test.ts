/**
 * Lanes when something breaks: a request that is poison, a deadlock, a connection that dies before
 * or after its commit, a database that is away. Whatever it is: an effect once, a true answer.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cloneDb, type TestDb } from '../../test/kit/db.ts';
import { eventually } from '../../test/kit/given.ts';
import { scopeOn } from '../../test/kit/kernel.ts';
import { openProxy, type Wire } from '../../test/kit/proxy.ts';
import {
  openScratch,
  type SayKind,
  type Scratch,
  sayKind,
  scopeOf,
} from '../../test/kit/scratch-lanes.ts';
import { openSession, untilAnybodyBlocked } from '../../test/kit/variants.ts';
import { isAway, one } from './db.ts';
import type { EventId } from './ids.ts';
import { inTurn, type Lanes } from './lanes.ts';
import { ok } from './result.ts';
import { int, rows, text } from './sql.ts';

let database: TestDb;
let scratch: Scratch;
let proxy: Wire;
let lanes: Lanes;
beforeAll(async () => {
  database = await cloneDb();
  scratch = await openScratch(database.url);
});
afterAll(async () => {
  await scratch.close();
  await database.close();
});
beforeEach(async () => {
  proxy = await openProxy(database.url);
  lanes = scratch.lanes({ url: proxy.url });
});
afterEach(async () => {
  await lanes.close();
  await proxy.close();
});

const say = (eventId: EventId, word: string, kind: SayKind = sayKind) =>
  lanes.ask(scopeOf(lanes), kind, eventId, { word });
/** What became of a request: what it was told, or why it failed. */
const outcome = (asked: Promise<unknown>) =>
  asked.then(
    (answer) => answer,
    (error: unknown) => (error as { code?: string }).code ?? (isAway(error) ? 'away' : error),
  );
const busyAnswer = { ok: false, refusal: { code: 'busy' } };
const said = (word: string) => ok(`said ${word}`);

/** Asks these words as one batch: they queue while another stands at the event's lock. */
async function asOneBatch(words: readonly string[]) {
  const eventId = await scratch.newEvent();
  const door = await scratch.shut(eventId);
  const first = say(eventId, 'first');
  await untilAnybodyBlocked(scratch.url, door.pid);
  const asked = words.map((word) => outcome(say(eventId, word)));
  await door.open();
  await first;
  return { eventId, answers: await Promise.all(asked) };
}

/** The sessions of these lanes at the server, by what they wait for. */
const backends = async () => {
  const { rows } = await scratch.outside.query<{ pid: number; waits: boolean }>(
    `select pid, wait_event_type = 'Lock' as waits from pg_stat_activity
     where application_name like 'fanfare lane %' and datname = current_database()`,
  );
  return rows;
};
const terminate = async (pid: number) => {
  await scratch.outside.query('select pg_terminate_backend($1, 5000)', [pid]);
};

describe('a request that is poison', () => {
  it.each([0, 5, 12])('fails alone at place %i; the others take effect once', async (place) => {
    const words = Array.from({ length: 13 }, (_, i) => (i === place ? 'poison' : `word ${i}`));
    const { eventId, answers } = await asOneBatch(words);
    expect(answers).toEqual(words.map((word) => (word === 'poison' ? '22000' : said(word))));
    const good = words.filter((word) => word !== 'poison');
    expect(await scratch.effects(eventId)).toEqual(['first', ...good].sort());
  });

  it('fails alone where there are several, and spares the order of the others', async () => {
    const words = ['a', 'poison 1', 'b', 'c', 'poison 2', 'd'];
    const { eventId, answers } = await asOneBatch(words);
    expect(answers).toEqual([said('a'), '22000', said('b'), said('c'), '22000', said('d')]);
    const order = (await scratch.said(eventId)).map((row) => row.word);
    expect(order).toEqual(['first', 'a', 'b', 'c', 'd']);
  });
});

describe('two that wait for each other', () => {
  it.each(['40P01', '40001'])('%s: the batch runs again', async (state) => {
    const { eventId, answers } = await asOneBatch(['a', `once-${state}`, 'b']);
    expect(answers).toEqual([said('a'), said(`once-${state}`), said('b')]);
    expect((await scratch.said(eventId)).slice(1).map((row) => row.size)).toEqual([3, 3, 3]);
  });

  it('for ever: whoever is the reason fails alone', async () => {
    const { eventId, answers } = await asOneBatch(['a', 'never-40P01', 'b']);
    expect(answers).toEqual([said('a'), '40P01', said('b')]);
    expect(await scratch.effects(eventId)).toEqual(['a', 'b', 'first']);
  });
});

describe('an event whose lock somebody keeps', () => {
  it('answers busy after three seconds, does nothing, and works when they have gone', async () => {
    const eventId = await scratch.newEvent();
    const door = await scratch.shut(eventId);
    expect(await say(eventId, 'waited')).toMatchObject(busyAnswer);
    await door.open();
    expect(await say(eventId, 'later')).toEqual(said('later'));
    expect(await scratch.effects(eventId)).toEqual(['later']);
  });
});

describe('a connection that dies', () => {
  it('before the commit: the batch is done by another, once', async () => {
    const eventId = await scratch.newEvent();
    const door = await scratch.shut(eventId);
    const asked = ['a', 'b'].map((word) => say(eventId, word));
    await untilAnybodyBlocked(scratch.url, door.pid);
    for (const { pid } of await backends()) await terminate(pid);
    await door.open();
    expect(await Promise.all(asked)).toEqual([said('a'), said('b')]);
    expect(await scratch.effects(eventId)).toEqual(['a', 'b']);
    const roles = (await scratch.said(eventId)).map((row) => row.role);
    expect(roles).toEqual(['fanfare_lane', 'fanfare_lane']);
  });

  it('after the commit, before the answer: it is looked up, not done again', async () => {
    const eventId = await scratch.newEvent();
    await say(eventId, 'connects');
    proxy.swallowAnswers();
    const asked = ['a', 'b'].map((word) => say(eventId, word));
    const before = await eventually(
      () => scratch.said(eventId),
      (rows) => rows.length === 3,
    );
    proxy.cut();
    expect(await Promise.all(asked)).toEqual([said('a'), said('b')]);
    expect(await scratch.effects(eventId)).toEqual(['a', 'b', 'connects']);
    expect(await scratch.said(eventId)).toEqual(before);
  });

  it('on our side only: its backend is ended before anybody acts in its place', async () => {
    const eventId = await scratch.newEvent();
    const door = await scratch.shut(eventId);
    const asked = say(eventId, 'a');
    await untilAnybodyBlocked(scratch.url, door.pid);
    const [old] = (await backends()).filter((backend) => backend.waits);
    proxy.cut();
    // The old one waits at the lock like before; a new one comes, and ends it.
    const waiting = await eventually(
      async () => (await backends()).filter((backend) => backend.waits).map(({ pid }) => pid),
      (pids) => pids.length > 0 && !pids.includes(old?.pid ?? 0),
    );
    await door.open();
    expect(await asked).toEqual(said('a'));
    expect(waiting).toEqual((await scratch.said(eventId)).map((row) => row.pid));
    expect(await scratch.effects(eventId)).toEqual(['a']);
  });

  it('while it is idle: replaced, unnoticed', async () => {
    const eventId = await scratch.newEvent();
    await say(eventId, 'a');
    for (const { pid } of await backends()) await terminate(pid);
    expect(await say(eventId, 'b')).toEqual(said('b'));
  });

  it('again and again: the request fails in the end, and may be repeated', async () => {
    const eventId = await scratch.newEvent();
    expect(await outcome(say(eventId, 'never-57P01'))).toBe('57P01');
    const { rows } = await scratch.outside.query('select last_value as tries from scratch.tries');
    expect(Number(rows[0].tries)).toBe(4);
    expect(await say(eventId, 'next')).toEqual(said('next'));
  });
});

describe('a turn whose connection dies', () => {
  it('fails; the next turn and the next batch get another connection', async () => {
    const eventId = await scratch.newEvent();
    const scope = { ...scopeOn(database.db), lanes };
    const turns = ['first', 'second'].map((word) =>
      outcome(
        inTurn(scope, eventId, async (tx) => {
          const { pid } = await one(tx, rows({ pid: int })`select pg_backend_pid() as pid`);
          if (word === 'first') await terminate(pid);
          return ok(await one(tx, rows({ word: text })`select ${word} as word`));
        }),
      ),
    );
    expect(await Promise.all(turns)).toEqual([
      expect.stringMatching(/^(57P01|away)$/),
      ok({ word: 'second' }),
    ]);
    expect(await say(eventId, 'batch')).toEqual(said('batch'));
  });
});

describe('a database that is away', () => {
  const turn = (eventId: EventId) =>
    inTurn({ ...scopeOn(database.db), lanes }, eventId, async () => ok('turned'));

  it('fails requests and turns at once; the next ones work when it is back', async () => {
    const eventId = await scratch.newEvent();
    await proxy.close();
    expect(await Promise.all([outcome(say(eventId, 'a')), outcome(turn(eventId))])).toEqual([
      'ECONNREFUSED',
      'ECONNREFUSED',
    ]);
    await proxy.open();
    expect(await say(eventId, 'b')).toEqual(said('b'));
    expect(await turn(eventId)).toEqual(ok('turned'));
    expect(await scratch.effects(eventId)).toEqual(['b']);
  });

  it('in the middle of a batch: all of it fails, and all that queued behind it', async () => {
    const eventId = await scratch.newEvent();
    const door = await scratch.shut(eventId);
    const asked = ['a', 'b'].map((word) => outcome(say(eventId, word)));
    await untilAnybodyBlocked(scratch.url, door.pid);
    const queued = [outcome(say(eventId, 'c')), outcome(turn(eventId))];
    await proxy.close();
    const answers = await Promise.all([...asked, ...queued]);
    expect(answers).toEqual(Array.from({ length: 4 }, () => 'ECONNREFUSED'));
    await door.open();
    await proxy.open();
    expect(await say(eventId, 'd')).toEqual(said('d'));
  });

  it('while a poisoned batch is taken apart: every part of it is answered', async () => {
    const eventId = await scratch.newEvent();
    const door = await scratch.shut(eventId);
    const first = outcome(say(eventId, 'first'));
    await untilAnybodyBlocked(scratch.url, door.pid);
    const inside = await openSession(scratch.url);
    await inside.query('select from scratch.inner for update');
    const asked = ['late', 'b', 'c', 'poison'].map((word) => outcome(say(eventId, word)));
    await door.open();
    await first;
    // The first half of the batch stands at its commit when the server goes.
    await untilAnybodyBlocked(scratch.url, inside.pid);
    await proxy.close();
    const answers = await Promise.all(asked);
    expect(answers).toEqual(Array.from({ length: 4 }, () => 'ECONNREFUSED'));
    await inside.rollback();
    await inside.end();
    await proxy.open();
  });
});
