import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Receiver, startReceiver } from '../../../test/kit/receiver.ts';
import { createWebhookPort, type OutgoingOptions } from './index.ts';

const open: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function receiver(host?: string, port?: number): Promise<Receiver> {
  const made = await startReceiver(host, port);
  open.push(made);
  return made;
}

/** A server that says what it wants to whatever it hears; answers its port. */
async function speaker(say: (socket: Socket, heard: Buffer) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (part) => say(socket, part));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  });
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

const message = { headers: { 'webhook-id': 'whd_1' }, body: '{"type":"x"}' };
const post = (url: string, options: Partial<OutgoingOptions> = {}) =>
  createWebhookPort({ allowPrivate: true, ...options }).post({ url, ...message });

describe('a message', () => {
  it('is posted as it stands, with the Host of its URL', async () => {
    const there = await receiver();
    const resolve = async () => ['127.0.0.1'];
    const url = `http://hooks.example.org:${there.port}/a?b=c`;
    there.answer({ status: 201, body: 'taken', headers: { 'retry-after': '7' } });
    expect(await post(url, { resolve })).toEqual({
      kind: 'answered',
      statusCode: 201,
      retryAfter: '7',
      response: 'taken',
      latencyMs: expect.any(Number),
    });
    expect(there.received).toMatchObject([
      {
        id: 'whd_1',
        body: message.body,
        headers: { host: `hooks.example.org:${there.port}`, 'content-length': '12' },
      },
    ]);
  });

  it('follows no redirect', async () => {
    const [there, elsewhere] = [await receiver(), await receiver()];
    there.answer({ status: 307, headers: { location: elsewhere.url } });
    expect(await post(there.url)).toMatchObject({ kind: 'answered', statusCode: 307 });
    expect(elsewhere.received).toEqual([]);
  });

  it('keeps the beginning of an answer only, without what a terminal would obey', async () => {
    const there = await receiver();
    there.answer({ status: 500, body: `\u001b[31m\0${'x'.repeat(5_000_000)}` });
    const { response } = (await post(there.url)) as { response: string };
    expect(response).toBe(` [31m ${'x'.repeat(1_018)}`);
  });

  it('waits for an answer so long, and no longer', async () => {
    const there = await receiver();
    there.answer('hang');
    const answer = await post(there.url, { sendMaxMs: 50 });
    expect(answer).toMatchObject({ kind: 'failed', error: 'timeout' });
    const silent = () => new Promise<never>(() => {});
    const unresolved = await post('http://slow.example/', { resolve: silent, sendMaxMs: 50 });
    expect(unresolved).toMatchObject({ kind: 'failed', error: 'timeout' });
  });

  it('tells how it failed', async () => {
    const there = await receiver();
    there.answer('break');
    expect(await post(there.url)).toMatchObject({ error: 'connection_lost' });
    await there.close();
    open.length = 0;
    expect(await post(there.url)).toMatchObject({ error: 'connection_refused' });
    const nothing = await post('http://nothing.example/', { resolve: async () => [] });
    expect(nothing).toMatchObject({ error: 'name_not_found' });
  });

  it.each([
    ['101 Up', 'Connection: Upgrade\r\nUpgrade: x\r\n', { kind: 'answered', statusCode: 101 }],
    ['101 Up', '', { kind: 'answered', statusCode: 101 }],
    ['100 Go', '', { kind: 'failed', error: 'timeout' }],
    ['103 Hints', 'Link: </>\r\n', { kind: 'failed', error: 'timeout' }],
    ['200 Well', 'Content-Length: 9\r\n', { kind: 'answered', statusCode: 200 }],
    ['200 Well', 'Connection: Upgrade\r\nUpgrade: x\r\n', { kind: 'answered', statusCode: 200 }],
  ])('ends in time, whatever is answered: %s %s', async (status, headers, expected) => {
    const port = await speaker((socket) => socket.write(`HTTP/1.1 ${status}\r\n${headers}\r\n`));
    expect(await post(`http://127.0.0.1:${port}/`, { sendMaxMs: 50 })).toMatchObject(expected);
  });

  it('is told what is no HTTP, and what is no TLS', async () => {
    const spoken: Buffer[] = [];
    const port = await speaker((socket, part) => {
      spoken.push(part);
      socket.end('SSH-2.0-OpenSSH_9.9\r\n');
    });
    const resolve = async () => ['127.0.0.1'];
    const plain = await post(`http://ssh.example:${port}/`, { resolve });
    expect(plain).toMatchObject({ error: 'not_http' });
    const tls = await post(`https://ssh.example:${port}/`, { resolve });
    expect(tls).toMatchObject({ error: 'tls_failed' });
    // The name that the certificate has to be for was named in the greeting.
    expect(spoken[1]?.includes('ssh.example')).toBe(true);
    expect(spoken[1]?.includes('POST')).toBe(false);
  });
});

describe('an address', () => {
  const refused = { kind: 'failed', error: 'address_refused' };

  it.each([
    'http://127.0.0.1:PORT/',
    'http://127.1:PORT/',
    'http://2130706433:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://0.0.0.0:PORT/',
    'http://localhost:PORT/',
    'http://169.254.169.254/latest/meta-data/',
    'https://[fd00:ec2::254]/',
    'https://[64:ff9b::a9fe:a9fe]/',
  ])('that is not public is not connected to: %s', async (url) => {
    const canary = await receiver();
    const answer = await post(url.replace('PORT', String(canary.port)), { allowPrivate: false });
    expect(answer).toMatchObject(refused);
    expect(canary.received).toEqual([]);
  });

  it('is refused where only one of several is not public', async () => {
    const canary = await receiver();
    const url = `http://mixed.example:${canary.port}/`;
    for (const addresses of [['127.0.0.1'], ['1.1.1.1', '127.0.0.1'], ['::1', '1.1.1.1']]) {
      const resolve = async () => addresses;
      expect(await post(url, { allowPrivate: false, resolve })).toMatchObject(refused);
    }
    expect(canary.received).toEqual([]);
  });

  it('is asked for once, and is the one that is connected to, whatever the name says later', async () => {
    const first = await receiver('127.0.0.1');
    const later = await receiver('127.0.0.2', first.port);
    let asked = 0;
    const resolve = async () => [asked++ === 0 ? '127.0.0.1' : '127.0.0.2'];
    const url = `http://rebound.example:${first.port}/`;
    expect(await post(url, { resolve })).toMatchObject({ kind: 'answered' });
    expect([asked, first.received.length, later.received.length]).toEqual([1, 1, 0]);
    // At the next message it is asked for again, and checked again.
    expect(await post(url, { resolve, allowPrivate: false })).toMatchObject(refused);
    expect([asked, later.received.length]).toEqual([2, 0]);
  });
});
