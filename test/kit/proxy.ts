/** A wire to PostgreSQL that a test may cut, or on which the server's answers stay away. */
import { createConnection, createServer, type Socket } from 'node:net';
import pg from 'pg';

export type Wire = {
  /** The same database, over the wire. */
  readonly url: string;
  /** From now on what the server says does not arrive; what the client says does. */
  readonly swallowAnswers: () => void;
  /** Ends every connection on the client's side; the server's side stays as it is for good. */
  readonly cut: () => void;
  /** Nobody gets in, as when the server is away; those who are in are thrown out. */
  readonly close: () => Promise<void>;
  /** Whoever comes from now on gets in, and is heard. */
  readonly open: () => Promise<void>;
};

export async function openProxy(databaseUrl: string): Promise<Wire> {
  const { host, port: serverPort } = new pg.Client({ connectionString: databaseUrl });
  // A server on a Unix socket is named by the socket's folder.
  const target = host.startsWith('/')
    ? { path: `${host}/.s.PGSQL.${serverPort}` }
    : { host, port: serverPort };
  const clients = new Set<Socket>();
  const servers = new Set<Socket>();
  let swallows = false;
  let port = 0;
  const listener = createServer((client) => {
    const server = createConnection(target);
    clients.add(client);
    servers.add(server);
    client.on('data', (data) => server.write(data));
    // An answer that is swallowed is swallowed for this connection, whatever comes later.
    let isMute = false;
    server.on('data', (data) => {
      isMute ||= swallows;
      if (!isMute) client.write(data);
    });
    for (const socket of [client, server]) socket.on('error', () => {});
    client.on('close', () => clients.delete(client));
    server.on('close', () => {
      servers.delete(server);
      client.destroy();
    });
  });
  const cut = () => {
    for (const client of clients) client.destroy();
    swallows = false;
  };
  const open = () =>
    new Promise<void>((resolve) => {
      listener.listen(port, '127.0.0.1', () => {
        const address = listener.address();
        if (typeof address === 'object' && address) port = address.port;
        resolve();
      });
    });
  await open();
  const url = new URL(databaseUrl);
  url.searchParams.delete('host');
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return {
    url: url.href,
    swallowAnswers: () => {
      swallows = true;
    },
    cut,
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        cut();
        for (const server of servers) server.destroy();
      }),
    open,
  };
}
