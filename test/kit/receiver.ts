/** What an organizer runs to take webhooks in, and how it may fail. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Received = {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  // biome-ignore lint/suspicious/noExplicitAny: a message is JSON of any shape
  readonly message: any;
};

export type Reply =
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** No answer, as long as the receiver lives. */
  | 'hang'
  /** The connection ends without an answer. */
  | 'break';

export type Receiver = {
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
  /** What it says from now on; 204 in the beginning. */
  answer: (reply: Reply | ((request: Received) => Reply | Promise<Reply>)) => void;
  /** Ends all connections. */
  readonly breakOff: () => void;
  readonly close: () => Promise<void>;
};

export async function startReceiver(host = '127.0.0.1', wantedPort = 0): Promise<Receiver> {
  let reply: (request: Received) => Reply | Promise<Reply> = () => ({ status: 204 });
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts).toString('utf8');
    const { headers } = request;
    const id = String(headers['webhook-id'] ?? '');
    const one = { id, headers, body, message: body.startsWith('{') ? JSON.parse(body) : null };
    received.push(one);
    say(response, await reply(one));
  });
  await new Promise<void>((resolve) => server.listen(wantedPort, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}/hooks`,
    port,
    received,
    answer: (to) => {
      reply = typeof to === 'function' ? to : () => to;
    },
    breakOff: () => server.closeAllConnections(),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function say(response: ServerResponse, reply: Reply): void {
  if (reply === 'hang') return;
  if (reply === 'break') response.destroy();
  else response.writeHead(reply.status, reply.headers).end(reply.body);
}
