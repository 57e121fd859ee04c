/** The board of many events at once, with listeners that are only counted. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { startApp, type TestApp } from '../../../test/kit/app.ts';
import { eventually, newKey, onSale } from '../../../test/kit/given.ts';
import type { EventId } from '../../kernel/ids.ts';
import type { Crowd, Group } from './crowd.ts';
import { createEventBoard, type EventBoard } from './event-board.ts';

const EVENTS_KEPT = 200;
const OVER_MS = 1_000;

let app: TestApp;
let board: EventBoard;
let told: Map<Group, string>;
beforeAll(async () => {
  app = await startApp();
  app.ctx.lanes.onCommit((eventId) => board.changed(eventId));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await board.stop();
});
afterAll(() => app.close());

/** Of a process that has just begun. */
function newBoard(): EventBoard {
  told = new Map();
  const crowd: Crowd = {
    refusalFor: () => null,
    join: () => {},
    send: async (group, message) => {
      told.set(group, (told.get(group) ?? '') + message.toString());
    },
    end: () => {},
    count: () => 1,
    close: () => {},
  };
  board = createEventBoard(app.ctx, crowd, OVER_MS);
  return board;
}

/** Ids of events that nobody has made: they have nothing to tell. */
const others = (n: number) =>
  Array.from({ length: n }, (_, i) => `evt_${String(i).padStart(13, '0')}` as EventId);

async function given() {
  const { eventId, typeId } = await onSale(app.admin);
  const hold = () =>
    app.guest.post(
      `/events/${eventId}/holds`,
      { items: [{ ticketTypeId: typeId, quantity: 1 }] },
      newKey(),
    );
  // Ids from answers are text.
  return { eventId: eventId as EventId, hold };
}

/** Somebody listens to it from now on. */
const comeTo = (group: Group) => group.listeners.add({} as never);

const hears = (group: Group) =>
  eventually(
    async () => told.get(group) ?? '',
    (text) => text.includes('event: availability'),
  );

describe('who listens to one of very many events', () => {
  it('is told of it, where as many as are kept are listened to already', async () => {
    const { open } = newBoard();
    for (const id of others(EVENTS_KEPT)) comeTo((await open(id)).group);
    const { eventId, hold } = await given();
    const { group } = await open(eventId);
    comeTo(group);
    expect((await hold()).status).toBe(201);
    await hears(group);
  });

  it('is told of it, where many have come at the same moment', async () => {
    const { open } = newBoard();
    const { eventId, hold } = await given();
    const opened = await Promise.all([eventId, ...others(EVENTS_KEPT + 100)].map(open));
    for (const { group } of opened) comeTo(group);
    expect((await hold()).status).toBe(201);
    // The first is the one that was there longest.
    await hears(opened[0]?.group as Group);
  });
});

describe('an event that nobody listens to', () => {
  it('is kept for who comes back, and let go some time later where there are too many', async () => {
    const { open } = newBoard();
    const groupOf = async (id: EventId) => (await open(id)).group;
    const ids = others(EVENTS_KEPT + 3);
    const [heard, unheard, reopened] = ids as [EventId, EventId, EventId];
    const groups = new Map<EventId, Group>();
    for (const id of ids.slice(0, -1)) groups.set(id, await groupOf(id));
    expect(await groupOf(reopened)).toBe(groups.get(reopened));
    comeTo(groups.get(heard) as Group);
    const later = performance.now() + 31_000;
    vi.spyOn(performance, 'now').mockImplementation(() => later);
    await open(ids.at(-1) as EventId);
    expect(await groupOf(heard)).toBe(groups.get(heard));
    expect(await groupOf(reopened)).toBe(groups.get(reopened));
    expect(await groupOf(unheard)).not.toBe(groups.get(unheard));
  });
});
