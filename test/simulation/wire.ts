/**
 * HTTP over kept connections, as cheap as it gets: a client library would cost more than the server
 * that it calls. An answer that does not come is `Lost`: the request may have taken effect or not.
 */
import { connect, type Socket } from 'node:net';

export type Answer = {
  readonly status: number;
  /** Parsed where there is one; else null. */
  readonly body: unknown;
};

export class Lost extends Error {
  override readonly name = 'Lost';
}

export type Request = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON, text as a form. */
  readonly body?: object | string;
  /** A hold that draws on what is reserved for the waitlist: through a door only. */
  readonly offered?: boolean;
};

export type Wire = {
  readonly send: (request: Request) => Promise<Answer>;
  readonly close: () => void;
};

type Waiting = {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
};

type Line = { readonly socket: Socket; received: Buffer; waiting: Waiting | null };

/** As many connections as requests are under way; each is kept for the next one. */
export function openWire(port: number, timeoutMs: number): Wire {
  const idle: Line[] = [];
  const every = new Set<Line>();

  function drop(line: Line, reason: string): void {
    every.delete(line);
    const at = idle.indexOf(line);
    if (at >= 0) idle.splice(at, 1);
    line.socket.destroy();
    const { waiting } = line;
    line.waiting = null;
    if (!waiting) return;
    clearTimeout(waiting.timer);
    waiting.reject(new Lost(reason));
  }

  function open(): Line {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const line: Line = { socket, received: Buffer.alloc(0), waiting: null };
    every.add(line);
    socket.on('data', (chunk: Buffer) => hear(line, chunk));
    socket.on('error', (error: Error) => drop(line, error.message));
    socket.on('close', () => drop(line, 'closed'));
    return line;
  }

  function hear(line: Line, chunk: Buffer): void {
    line.received = line.received.length === 0 ? chunk : Buffer.concat([line.received, chunk]);
    const answer = wholeAnswer(line.received);
    if (!answer) return;
    line.received = Buffer.alloc(0);
    const { waiting } = line;
    line.waiting = null;
    if (!waiting) {
      drop(line, 'an answer that nobody waits for');
      return;
    }
    clearTimeout(waiting.timer);
    if (answer.closes) drop(line, 'the server closes');
    else idle.push(line);
    waiting.resolve(answer);
  }

  return {
    send: (request) => {
      const line = idle.pop() ?? open();
      return new Promise<Answer>((resolve, reject) => {
        const timer = setTimeout(() => drop(line, `no answer in ${timeoutMs} ms`), timeoutMs);
        line.waiting = { resolve, reject, timer };
        line.socket.write(textOf(request));
      });
    },
    close: () => {
      for (const line of [...every]) drop(line, 'closed');
    },
  };
}

function textOf({ method, path, headers = {}, body }: Request): string {
  const isForm = typeof body === 'string';
  const text = body === undefined ? '' : isForm ? body : JSON.stringify(body);
  let head = `${method} ${path} HTTP/1.1\r\nhost: localhost\r\n`;
  for (const [name, value] of Object.entries(headers)) head += `${name}: ${value}\r\n`;
  if (body !== undefined) {
    const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json';
    head += `content-type: ${type}\r\ncontent-length: ${Buffer.byteLength(text)}\r\n`;
  }
  return `${head}\r\n${text}`;
}

/** Null until all of it is there. */
function wholeAnswer(bytes: Buffer): (Answer & { readonly closes: boolean }) | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const head = bytes.toString('latin1', 0, end);
  const status = Number(head.slice(9, 12));
  const closes = /\r\nconnection: close/i.test(head);
  const rest = bytes.subarray(end + 4);
  if (status === 204 || status === 304) return { status, body: null, closes };
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
  if (Number.isNaN(length)) throw new Error(`an answer without a length: ${head}`);
  if (rest.length < length) return null;
  const isJson = /\r\ncontent-type: [^\r]*json/i.test(head);
  const body: unknown = isJson && length > 0 ? JSON.parse(rest.toString('utf8')) : null;
  return { status, body, closes };
}
