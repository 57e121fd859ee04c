/** A tiny mail server that says what a test tells it to, and keeps what it was given. */
import { createServer, type Socket } from 'node:net';

export type Received = { readonly from: string; readonly to: string; readonly data: string };

export type SmtpServer = {
  readonly url: string;
  readonly received: readonly Received[];
  /** How the next commands of this kind are answered, and when; `hangUp` ends the connection. */
  readonly answer: (command: Command, ...replies: readonly Reply[]) => void;
  readonly close: () => Promise<void>;
};

type Command = 'CONNECT' | 'MAIL' | 'RCPT' | 'DATA' | 'END';
export const hangUp = '';
type Reply = string | Promise<string>;

const goOn = '354 go on';

type Session = { from: string; to: string; data: string; isData: boolean; rest: string };

export async function startSmtp(): Promise<SmtpServer> {
  const received: Received[] = [];
  const replies = new Map<Command, Reply[]>();
  const sockets = new Set<Socket>();

  const say = (socket: Socket, command: Command, usual: string) => {
    const reply = replies.get(command)?.shift() ?? usual;
    const speak = (text: string) => {
      if (text === hangUp) socket.destroy();
      else if (!socket.destroyed) socket.write(`${text}\r\n`);
    };
    if (typeof reply === 'string') speak(reply);
    else void reply.then(speak);
    return reply;
  };
  const obey = (socket: Socket, session: Session, line: string) => {
    if (/^(EHLO|HELO)/i.test(line)) socket.write('250 test.example\r\n');
    else if (/^MAIL/i.test(line)) {
      session.from = line;
      say(socket, 'MAIL', '250 2.1.0 ok');
    } else if (/^RCPT/i.test(line)) {
      session.to = /<([^>]*)>/.exec(line)?.[1] ?? '';
      say(socket, 'RCPT', '250 2.1.5 ok');
    } else if (/^DATA/i.test(line)) {
      session.isData = say(socket, 'DATA', goOn) === goOn;
    } else if (/^QUIT/i.test(line)) socket.end('221 bye\r\n');
    else socket.write('250 ok\r\n');
  };
  const finish = (socket: Socket, session: Session) => {
    const { from, to, data } = session;
    session.isData = false;
    session.data = '';
    // What was given counts, whatever becomes of the answer, unless that is a refusal.
    received.push({ from, to, data });
    const reply = say(socket, 'END', '250 2.0.0 taken');
    if (typeof reply === 'string' && /^[45]/.test(reply)) received.pop();
  };
  const read = (socket: Socket, session: Session, text: string) => {
    session.rest += text;
    for (let at = session.rest.indexOf('\r\n'); at >= 0; at = session.rest.indexOf('\r\n')) {
      const line = session.rest.slice(0, at);
      session.rest = session.rest.slice(at + 2);
      if (!session.isData) obey(socket, session, line);
      else if (line === '.') finish(socket, session);
      else session.data += `${line.startsWith('..') ? line.slice(1) : line}\n`;
    }
  };

  const server = createServer((socket) => {
    const session: Session = { from: '', to: '', data: '', isData: false, rest: '' };
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (chunk) => read(socket, session, chunk.toString('utf8')));
    say(socket, 'CONNECT', '220 test.example ready');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    url: `smtp://127.0.0.1:${port}`,
    received,
    answer: (command, ...next) => replies.set(command, [...next]),
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
