/** HTTP as no client library would write it: bytes in, and what comes back until the end. */
import { connect, type Socket } from 'node:net';

export type RawAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed where it is JSON. */
  // A test asserts what it reads of an answer.
  // biome-ignore lint/suspicious/noExplicitAny: answers are JSON of any shape
  readonly body: any;
  /** All that came, as text. */
  readonly text: string;
};

export type Wire = {
  readonly write: (bytes: string | Uint8Array) => void;
  /** Resolves when the server has closed the connection. */
  readonly ended: Promise<RawAnswer>;
  /** Resolves with the first whole answer; the connection may stay open. */
  readonly answered: Promise<RawAnswer>;
  readonly socket: Socket;
};

export async function wire(origin: string): Promise<Wire> {
  const { hostname, port } = new URL(origin);
  const socket = connect({ host: hostname, port: Number(port) });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  let text = '';
  socket.setEncoding('utf8');
  const answered = new Promise<RawAnswer>((resolve) => {
    socket.on('data', (chunk: string) => {
      text += chunk;
      const whole = wholeAnswer(text);
      if (whole) resolve(whole);
    });
  });
  const ended = new Promise<RawAnswer>((resolve) => {
    // A server that closes on bytes still under way resets the connection; what it said has come.
    socket.on('error', () => {});
    socket.on('close', () => resolve(parse(text)));
  });
  return { write: (bytes) => socket.write(bytes), ended, answered, socket };
}

/** Sends bytes, and reads until the server closes: say `connection: close` in the request. */
export async function sendRaw(origin: string, ...bytes: (string | Uint8Array)[]) {
  const connection = await wire(origin);
  for (const part of bytes) connection.write(part);
  return connection.ended;
}

/** A request as text, with the headers in this order, twice if they stand there twice. */
export function requestText(
  line: string,
  headers: readonly (readonly [string, string])[],
  body = '',
): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  return `${[`${line} HTTP/1.1`, 'host: localhost', ...lines].join('\r\n')}\r\n\r\n${body}`;
}

function wholeAnswer(text: string): RawAnswer | null {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const length = Number(/^content-length: (\d+)/im.exec(text.slice(0, end))?.[1] ?? 0);
  return Buffer.byteLength(text.slice(end + 4)) >= length ? parse(text) : null;
}

function parse(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, Math.max(0, end)).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const raw = text.slice(end + 4);
  const isJson = /json/.test(headers['content-type'] ?? '');
  let body: unknown = raw;
  if (isJson && raw) body = JSON.parse(raw);
  return { status: Number(first.split(' ')[1] ?? 0), headers, body, text };
}
