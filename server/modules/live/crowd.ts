/**
 * Everybody who listens to this process. A listener is a socket and a few numbers: no timer, no
 * queue and no copy of what is sent. One second hand goes round for all of them, and writes a sign
 * of life to each of its places in turn. Who does not take what is sent is dropped, not waited for.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Metrics } from '../../kernel/metrics.ts';
import { present } from '../../kernel/result.ts';

const TICK_MS = 1_000;
/** Seconds between two signs of life. */
const PLACES = 20;
const HEARTBEAT = Buffer.from(':\n\n');
/** More than this unsent, and somebody does not read. */
const UNSENT_MAX_BYTES = 64 * 1024;
/** Something unsent for so many seconds, the same. */
const UNSENT_MAX_TICKS = 5;
/** Then a listener has to come again, and show what it may. */
const STAY_MAX_TICKS = 3_600;
/** So many are written to before others have their turn. */
const WRITES_AT_ONCE = 500;
/** When a process ends, its listeners come back to the others spread over so long. */
const SPREAD_MS = 5_000;
const COME_BACK = Array.from({ length: PLACES }, (_, place) =>
  Buffer.from(`retry: ${Math.round((SPREAD_MS / PLACES) * (place + 1))}\n\n`),
);

export type Topic = 'event' | 'order' | 'session';

/** Those who hear the same. */
export type Group = { readonly topic: Topic; readonly listeners: Set<Listener> };

type Caller = { readonly name: string; count: number };

type Listener = {
  readonly response: ServerResponse;
  readonly socket: Socket;
  readonly caller: Caller;
  readonly group: Group;
  readonly place: Set<Listener>;
  readonly since: number;
  isGone: boolean;
};

/** All of a process's listeners. */
type House = {
  readonly metrics: Metrics;
  /** Of the second hand. */
  readonly places: readonly Set<Listener>[];
  readonly callers: Map<string, Caller>;
  /** Who has not taken everything yet, and since when. */
  readonly behind: Map<Listener, number>;
  tick: number;
  count: number;
  entered: number;
  isClosed: boolean;
  timer: NodeJS.Timeout | undefined;
};

export type CrowdRefusal = 'too_many_listeners' | 'live_full';

export type Crowd = {
  /** Why this caller cannot listen, or null. */
  readonly refusalFor: (caller: string) => CrowdRefusal | null;
  readonly join: (group: Group, caller: string, response: ServerResponse, first: Buffer) => void;
  /** To all of the group who are there now; resolves when the last one has been written to. */
  readonly send: (group: Group, message: Buffer) => Promise<void>;
  /** A last message, and the end of each connection. */
  readonly end: (group: Group, message: Buffer) => void;
  readonly count: () => number;
  /** Sends everybody away; who comes later is refused. */
  readonly close: () => void;
};

export function createCrowd(options: {
  readonly metrics: Metrics;
  readonly listenersMax: number;
  readonly perCallerMax: number;
  readonly tickMs?: number;
}): Crowd {
  const house: House = {
    metrics: options.metrics,
    places: Array.from({ length: PLACES }, () => new Set<Listener>()),
    callers: new Map(),
    behind: new Map(),
    tick: 0,
    count: 0,
    entered: 0,
    isClosed: false,
    timer: undefined,
  };
  return {
    refusalFor: (caller) => {
      if (house.isClosed || house.count >= options.listenersMax) return 'live_full';
      const own = house.callers.get(caller)?.count ?? 0;
      return own >= options.perCallerMax ? 'too_many_listeners' : null;
    },
    join: (group, caller, response, first) => {
      const { socket } = response;
      // It has gone already, or the process is about to.
      if (!socket || socket.destroyed) return;
      if (house.isClosed) {
        response.end();
        return;
      }
      if (house.count === 0) {
        house.timer = setInterval(() => turn(house), options.tickMs ?? TICK_MS).unref();
      }
      write(house, enter(house, group, caller, response, socket), first);
    },
    send: async (group, message) => {
      options.metrics.liveChanges.inc({ to: group.topic });
      const listeners = [...group.listeners];
      for (let at = 0; at < listeners.length; at += WRITES_AT_ONCE) {
        if (at > 0) await new Promise((resolve) => setImmediate(resolve));
        for (const listener of listeners.slice(at, at + WRITES_AT_ONCE)) {
          write(house, listener, message);
        }
      }
    },
    end: (group, message) => {
      for (const listener of [...group.listeners]) sendAway(house, listener, message);
    },
    count: () => house.count,
    close: () => {
      house.isClosed = true;
      for (const [at, place] of house.places.entries()) {
        for (const listener of place) sendAway(house, listener, COME_BACK[at] ?? HEARTBEAT);
      }
    },
  };
}

function enter(
  house: House,
  group: Group,
  name: string,
  response: ServerResponse,
  socket: Socket,
): Listener {
  const caller = house.callers.get(name) ?? { name, count: 0 };
  house.callers.set(name, caller);
  house.entered += 1;
  const place = present(house.places[house.entered % PLACES], 'a place of the second hand');
  const since = house.tick;
  const listener = { response, socket, caller, group, place, since, isGone: false };
  caller.count += 1;
  group.listeners.add(listener);
  place.add(listener);
  house.count += 1;
  house.metrics.liveListeners.inc({ to: group.topic });
  response.on('close', () => leave(house, listener));
  return listener;
}

function leave(house: House, listener: Listener): void {
  if (listener.isGone) return;
  listener.isGone = true;
  const { caller, group, place } = listener;
  group.listeners.delete(listener);
  place.delete(listener);
  house.behind.delete(listener);
  caller.count -= 1;
  if (caller.count === 0) house.callers.delete(caller.name);
  house.count -= 1;
  house.metrics.liveListeners.dec({ to: group.topic });
  if (house.count === 0) clearInterval(house.timer);
}

function write(house: House, listener: Listener, message: Buffer): void {
  const { socket } = listener;
  if (listener.isGone) return;
  if (socket.writableLength > UNSENT_MAX_BYTES) {
    drop(house, listener);
    return;
  }
  socket.write(message);
  const isBehind = socket.writableLength > 0;
  if (isBehind && !house.behind.has(listener)) house.behind.set(listener, house.tick);
}

function drop(house: House, listener: Listener): void {
  house.metrics.liveDropped.inc();
  leave(house, listener);
  listener.socket.destroy();
}

function sendAway(house: House, listener: Listener, message: Buffer): void {
  write(house, listener, message);
  if (listener.isGone) return;
  leave(house, listener);
  listener.response.end();
}

/** A second has gone by. */
function turn(house: House): void {
  house.tick += 1;
  const at = house.tick % PLACES;
  for (const listener of present(house.places[at], 'a place of the second hand')) {
    const isOld = house.tick - listener.since > STAY_MAX_TICKS;
    if (isOld) sendAway(house, listener, COME_BACK[at] ?? HEARTBEAT);
    else write(house, listener, HEARTBEAT);
  }
  for (const [listener, since] of house.behind) {
    if (listener.socket.writableLength === 0) house.behind.delete(listener);
    else if (house.tick - since > UNSENT_MAX_TICKS) drop(house, listener);
  }
}
