/**
 * Callers over real sockets, in a thread of their own: one process, yet they do not take turns with
 * the server on one event loop. No HTTP client library: it would cost more than the server does.
 */
import { createConnection } from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

export type Workload = {
  readonly port: number;
  readonly path: string;
  readonly callers: number;
  readonly requests: readonly {
    readonly body: string;
    readonly headers?: Readonly<Record<string, string>>;
  }[];
};

/** Posts every body once, each of the callers one at a time; resolves to the seconds it took. */
export async function postAll(workload: Workload): Promise<number> {
  const worker = new Worker(new URL(import.meta.url), { workerData: workload });
  try {
    return await new Promise<number>((resolve, reject) => {
      worker.on('message', resolve);
      worker.on('error', reject);
    });
  } finally {
    await worker.terminate();
  }
}

/** Keep-alive connections, each sending its next request when the answer to the last is whole. */
async function call({ port, path, callers, requests }: Workload): Promise<number> {
  const texts = requests.map(({ body, headers = {} }) => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return (
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
      `${lines.join('')}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
    );
  });
  const sockets = await Promise.all(Array.from({ length: callers }, () => connect(port)));
  let next = 0;
  const startedAt = performance.now();
  await Promise.all(
    sockets.map(async (socket) => {
      while (next < texts.length) await exchange(socket, texts[next++] ?? '');
    }),
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  for (const socket of sockets) socket.destroy();
  return seconds;
}

type Socket = ReturnType<typeof createConnection>;

async function connect(port: number): Promise<Socket> {
  const socket = createConnection(port, '127.0.0.1').setNoDelay();
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}

function exchange(socket: Socket, request: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = '';
    const hear = (chunk: Buffer) => {
      received += chunk.toString('latin1');
      const head = received.indexOf('\r\n\r\n');
      const length = /content-length: (\d+)/i.exec(received)?.[1];
      if (head < 0 || received.length < head + 4 + Number(length)) return;
      socket.off('data', hear);
      if (received.startsWith('HTTP/1.1 201')) resolve();
      else reject(new Error(received));
    };
    socket.on('data', hear);
    socket.write(request);
  });
}

if (!isMainThread && parentPort) parentPort.postMessage(await call(workerData));
