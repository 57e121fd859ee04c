/** Listeners on real sockets, with a second hand that goes round faster. */
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/kit/given.ts';
import { createMetrics } from '../../kernel/metrics.ts';
import { type Crowd, createCrowd, type Group } from './crowd.ts';

const TICK_MS = 5;
const FIRST = Buffer.from('data: first\n\n');

type House = {
  readonly crowd: Crowd;
  readonly group: Group;
  readonly metrics: ReturnType<typeof createMetrics>;
  readonly come: (caller?: string) => Promise<Guest>;
  readonly close: () => Promise<void>;
};
type Guest = { readonly response: IncomingMessage; readonly text: () => string };

const houses: House[] = [];
afterEach(async () => {
  for (const house of houses.splice(0)) await house.close();
});

async function house(limits: { all?: number; each?: number } = {}): Promise<House> {
  const metrics = createMetrics();
  const group: Group = { topic: 'event', listeners: new Set() };
  const crowd = createCrowd({
    metrics,
    listenersMax: limits.all ?? 100,
    perCallerMax: limits.each ?? 100,
    tickMs: TICK_MS,
  });
  const server = createServer((request, response) => {
    response.removeHeader('transfer-encoding');
    response.writeHead(200, { connection: 'close' });
    response.flushHeaders();
    crowd.join(group, request.headers.from ?? 'somebody', response, FIRST);
  });
  const port = await listenOn(server);
  const made: House = {
    crowd,
    group,
    metrics,
    come: async (caller = 'somebody') => {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        get({ port, headers: { from: caller }, agent: false }, resolve).on('error', reject);
      });
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('error', () => {});
      return { response, text: () => text };
    },
    close: async () => {
      crowd.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  houses.push(made);
  return made;
}

function listenOn(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
}

const says = (guest: Guest, text: string) =>
  eventually(
    async () => guest.text(),
    (heard) => heard.includes(text),
  );

describe('a crowd', () => {
  it('hears what is sent, each the same bytes, and signs of life in between', async () => {
    const { crowd, group, come } = await house();
    const guests = await Promise.all([come(), come(), come()]);
    for (const guest of guests) await says(guest, 'first');
    await crowd.send(group, Buffer.from('data: second\n\n'));
    for (const guest of guests) await says(guest, 'data: second\n\n');
    for (const guest of guests) await says(guest, '\n\n:\n\n');
  });

  it('forgets who goes', async () => {
    const { crowd, group, come, metrics } = await house();
    const guests = await Promise.all([come(), come()]);
    await says(guests[0], 'first');
    await says(guests[1], 'first');
    expect(crowd.count()).toBe(2);
    guests[0].response.destroy();
    await eventually(
      async () => crowd.count(),
      (count) => count === 1,
    );
    expect(group.listeners.size).toBe(1);
    expect((await metrics.liveListeners.get()).values).toMatchObject([{ value: 1 }]);
  });

  it('refuses more than its bounds, of all and of each caller', async () => {
    const { crowd, come } = await house({ all: 3, each: 2 });
    for (const caller of ['ann', 'ann', 'bob']) await says(await come(caller), 'first');
    expect(crowd.refusalFor('carol')).toBe('live_full');
    const { crowd: roomy, come: comeIn } = await house({ each: 2 });
    for (const caller of ['ann', 'ann', 'bob']) await says(await comeIn(caller), 'first');
    expect(roomy.refusalFor('ann')).toBe('too_many_listeners');
    expect(roomy.refusalFor('bob')).toBeNull();
  });

  it('drops who does not read, and nobody else waits for it', async () => {
    const { crowd, group, come, metrics } = await house();
    const [slow, quick] = await Promise.all([come(), come()]);
    await says(slow, 'first');
    slow.response.pause();
    const block = Buffer.from(`data: ${'x'.repeat(256 * 1024)}\n\n`);
    const memory: number[] = [];
    await eventually(
      async () => {
        await crowd.send(group, block);
        for (const { socket } of group.listeners) memory.push(socket.writableLength);
        return crowd.count();
      },
      (count) => count === 1,
    );
    // At most one message beyond the bound is ever kept for it.
    expect(Math.max(...memory)).toBeLessThanOrEqual(64 * 1024 + block.length);
    expect((await metrics.liveDropped.get()).values).toMatchObject([{ value: 1 }]);
    await crowd.send(group, Buffer.from('data: still here\n\n'));
    await says(quick, 'still here');
  });

  it('drops who has left something unread for some seconds', async () => {
    const { crowd, group, come } = await house();
    const slow = await come();
    await says(slow, 'first');
    slow.response.pause();
    // Until the network takes no more; less than what is dropped at once is left.
    const part = Buffer.from(`data: ${'x'.repeat(32 * 1024)}\n\n`);
    const unsent = () => Math.max(0, ...[...group.listeners].map((l) => l.socket.writableLength));
    while (crowd.count() > 0 && unsent() === 0) await crowd.send(group, part);
    await eventually(
      async () => crowd.count(),
      (count) => count === 0,
    );
  });

  it('ends with a last message, and sends everybody away when its process ends', async () => {
    const { crowd, group, come } = await house();
    const [one, two] = await Promise.all([come(), come()]);
    await says(one, 'first');
    await says(two, 'first');
    crowd.end({ ...group, listeners: new Set([...group.listeners].slice(0, 1)) }, FIRST);
    await eventually(
      async () => crowd.count(),
      (count) => count === 1,
    );
    crowd.close();
    await eventually(
      async () => [one, two].every(({ response }) => response.complete || response.destroyed),
      (isOver) => isOver,
    );
    expect(`${one.text()}${two.text()}`).toMatch(/retry: \d+\n\n/);
    expect(crowd.refusalFor('anybody')).toBe('live_full');
  });
});
