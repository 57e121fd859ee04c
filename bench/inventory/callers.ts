/**
 * Callers over real sockets, in a thread of their own, as bench/http-callers.ts: no HTTP client
 * library, which would cost more than the server does. Closed load: each caller sends its next
 * request when the answer to the last is whole. Open load: requests are due at a fixed rate, and
 * each latency counts from the moment at which it was due, whether or not a caller was free.
 */
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { count, newTally, type Outcome, type Tally } from './tally.ts';

/** `$N` stands for the request's number and `$P` for its person's, nine digits each. */
export type Template = {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
};

export type Load = {
  /** Callers are dealt to them in turn. */
  readonly ports: readonly number[];
  readonly callers: number;
  /** Sent in turn. */
  readonly templates: readonly Template[];
  readonly requestsPerPerson: number;
  readonly firstNumber: number;
  readonly seconds: number;
  /** Ends earlier after so many; null for as many as there is time for. */
  readonly requests: number | null;
  /** Requests a second under open load; null for closed load. */
  readonly rate: number | null;
  readonly keepIds: boolean;
  /** Hands out every so-manieth granted id while the load runs; 0 for none. */
  readonly sampleEvery: number;
};

const SAMPLE_MS = 20;
const TICK_MS = 1;
/** How long after the end an open load waits for what is under way. */
const LATE_MAX_MS = 5_000;
const DIGITS = 9;
/** Besides granted answers: somebody was faster, or is in the way. Anything else is a fault. */
const REFUSING = new Set(['409', '503', '429']);

/** Runs the load in a thread; `onSample` gets ids as they are granted. */
export async function call(load: Load, onSample?: (ids: string[]) => void): Promise<Tally> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { callersOf: load } });
  try {
    return await new Promise<Tally>((resolve, reject) => {
      worker.on('message', (message: { sample: string[] } | { tally: Tally }) => {
        if ('tally' in message) resolve(message.tally);
        else onSample?.(message.sample);
      });
      worker.on('error', reject);
    });
  } finally {
    await worker.terminate();
  }
}

type Socket = ReturnType<typeof createConnection>;
type Writer = (n: number) => string;

/** Splits a template at its numbers once; their width is fixed, so the length is too. */
function writerOf(template: Template, load: Load): Writer {
  const digits = '0'.repeat(DIGITS);
  const length = (template.body ?? '').replace(/\$[NP]/g, digits).length;
  const sized = template.body === null ? {} : { 'Content-Length': String(length) };
  const headers = Object.entries({ Host: 'localhost', ...template.headers, ...sized });
  const text =
    `${template.method} ${template.path} HTTP/1.1\r\n` +
    `${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${template.body ?? ''}`;
  const parts = text.split(/(\$[NP])/);
  return (n) => {
    const number = String(n).padStart(DIGITS, '0');
    const person = String(Math.floor(n / load.requestsPerPerson)).padStart(DIGITS, '0');
    let request = '';
    for (const part of parts) request += part === '$N' ? number : part === '$P' ? person : part;
    return request;
  };
}

async function connect(port: number): Promise<Socket> {
  const socket = createConnection(port, '127.0.0.1').setNoDelay();
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}

type Exchange = { readonly sent: (text: string, then: (answer: Outcome) => void) => void };

function exchangeOn(socket: Socket, fail: (error: Error) => void): Exchange {
  let received = '';
  let settle: ((answer: Outcome) => void) | null = null;
  socket.on('error', fail);
  socket.on('close', () => {
    if (settle) fail(new Error(`the server closed a connection that waited: ${received}`));
  });
  socket.on('data', (chunk: Buffer) => {
    received = received === '' ? chunk.toString('latin1') : received + chunk.toString('latin1');
    const head = received.indexOf('\r\n\r\n');
    if (head < 0) return;
    const status = received.slice(9, 12);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(received.slice(0, head + 2))?.[1] ?? 0);
    if (received.length < head + 4 + length) return;
    const text = received;
    received = '';
    const answered = settle;
    settle = null;
    if (status[0] === '2' || status === '304') answered?.({ id: idIn(text, head) });
    else if (REFUSING.has(status)) {
      answered?.({ refused: /"code":"(\w+)"/.exec(text)?.[1] ?? status });
    } else fail(new Error(text));
  });
  return {
    sent: (text, then) => {
      settle = then;
      socket.write(text);
    },
  };
}

const ID = '"id":"';

function idIn(text: string, from: number): string {
  const at = text.indexOf(ID, from);
  if (at < 0) return '';
  return text.slice(at + ID.length, text.indexOf('"', at + ID.length));
}

type Run = {
  readonly load: Load;
  readonly tally: Tally;
  readonly writers: readonly Writer[];
  readonly exchanges: readonly Exchange[];
  readonly startedAt: number;
  readonly endsAt: number;
  next: number;
  readonly answered: (outcome: Outcome, dueAt: number) => void;
};

function requestOf(run: Run): string {
  const n = run.load.firstNumber + run.next;
  const write = run.writers[run.next % run.writers.length];
  run.next += 1;
  return write ? write(n) : '';
}

const isOver = (run: Run, now: number) =>
  now >= run.endsAt || (run.load.requests !== null && run.next >= run.load.requests);

async function closedLoad(run: Run): Promise<void> {
  await Promise.all(
    run.exchanges.map(
      (exchange) =>
        new Promise<void>((done) => {
          const turn = () => {
            const dueAt = performance.now();
            if (isOver(run, dueAt)) return done();
            exchange.sent(requestOf(run), (outcome) => {
              run.answered(outcome, dueAt);
              turn();
            });
          };
          turn();
        }),
    ),
  );
}

async function openLoad(run: Run, rate: number): Promise<void> {
  const idle = [...run.exchanges];
  const due: number[] = [];
  let made = 0;
  let busy = 0;
  const send = (exchange: Exchange, dueAt: number) => {
    busy += 1;
    exchange.sent(requestOf(run), (outcome) => {
      busy -= 1;
      run.answered(outcome, dueAt);
      const waiting = due.shift();
      if (waiting === undefined) idle.push(exchange);
      else send(exchange, waiting);
    });
  };
  for (;;) {
    const now = performance.now();
    const until = Math.min(now, run.endsAt);
    for (; run.startedAt + (made * 1_000) / rate < until; made += 1) {
      const dueAt = run.startedAt + (made * 1_000) / rate;
      const exchange = idle.pop();
      if (exchange) send(exchange, dueAt);
      else due.push(dueAt);
    }
    if (now >= run.endsAt && busy === 0 && due.length === 0) return;
    if (now >= run.endsAt + LATE_MAX_MS) break;
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  run.tally.unanswered = busy + due.length;
}

/** Of the thread that asks; Linux only. */
function threadCpuSeconds(): number | null {
  try {
    const fields = readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1]?.split(' ');
    const TICKS_PER_SECOND = 100;
    return (Number(fields?.[11]) + Number(fields?.[12])) / TICKS_PER_SECOND;
  } catch {
    return null;
  }
}

/** In the thread that asks. */
export async function perform(load: Load, sample: (ids: string[]) => void): Promise<Tally> {
  const tally = newTally();
  const ports = Array.from({ length: load.callers }, (_, i) => load.ports[i % load.ports.length]);
  const sockets = await Promise.all(ports.map((port) => connect(port ?? 0)));
  const picked: string[] = [];
  const timer = setInterval(() => {
    if (picked.length > 0) sample(picked.splice(0));
  }, SAMPLE_MS);
  const startedAt = performance.now();
  await new Promise<void>((resolve, fail) => {
    const run: Run = {
      load,
      tally,
      writers: load.templates.map((template) => writerOf(template, load)),
      exchanges: sockets.map((socket) => exchangeOn(socket, fail)),
      startedAt,
      endsAt: startedAt + load.seconds * 1_000,
      next: 0,
      answered: (outcome, dueAt) => {
        count(tally, outcome, { startedAt, dueAt, now: performance.now() });
        if (!('id' in outcome)) return;
        if (load.sampleEvery > 0 && tally.granted % load.sampleEvery === 0) picked.push(outcome.id);
        if (!load.keepIds) tally.ids.length = 0;
      },
    };
    const ended = load.rate === null ? closedLoad(run) : openLoad(run, load.rate);
    ended.then(resolve, fail);
  });
  tally.seconds = (performance.now() - startedAt) / 1_000;
  // From its birth: starting it is no work of the server.
  tally.callersCpuSeconds = threadCpuSeconds();
  clearInterval(timer);
  if (picked.length > 0) sample(picked);
  for (const socket of sockets) socket.destroy();
  return tally;
}

if (!isMainThread && parentPort && workerData?.callersOf) {
  const port = parentPort;
  const tally = await perform(workerData.callersOf, (ids) => port.postMessage({ sample: ids }));
  port.postMessage({ tally });
}
