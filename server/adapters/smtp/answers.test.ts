/** D8: what is known of a message whose server is slow, or says nothing more. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hangUp, type SmtpServer, startSmtp } from '../../../test/kit/smtp.ts';
import type { Mail } from '../../modules/notifications/index.ts';
import { createSms } from '../sms/index.ts';
import { createSmtp, type SmtpPort } from './index.ts';

const LONG_MS = 60_000;
const SHORT_MS = 1_000;

let smtp: SmtpServer;
const ports: SmtpPort[] = [];
beforeAll(async () => {
  smtp = await startSmtp();
});
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});
afterAll(() => smtp.close());

function send(maxMs: number) {
  const port = createSmtp(smtp.url, maxMs);
  ports.push(port);
  const mail: Mail = {
    ...{ reference: 'msg_1', from: { name: 'T', address: 't@example.org' }, replyTo: null },
    ...{ to: 'ada@example.org', subject: 'S', text: 'T', html: '<p>T</p>', headers: {} },
    attachments: [],
  };
  return port.send(mail);
}

const never = new Promise<string>(() => {});

/** An answer that comes when the test says so. */
function held(text: string) {
  let say = () => {};
  const reply = new Promise<string>((resolve) => {
    say = () => resolve(text);
  });
  return { reply, say: () => say() };
}

describe('D8 a mail server', () => {
  it('D8 that is slow to say that it has the message is waited for', async () => {
    const before = smtp.received.length;
    const end = held('250 2.0.0 taken');
    smtp.answer('END', end.reply);
    const sent = send(LONG_MS);
    await expect.poll(() => smtp.received.length).toBe(before + 1);
    end.say();
    expect(await sent).toEqual({ kind: 'taken' });
  });

  it.each([
    ['says nothing', never],
    ['hangs up', hangUp],
  ])('D8 that %s after the last line may have it', async (_what, reply) => {
    smtp.answer('END', reply);
    expect(await send(SHORT_MS)).toEqual({ kind: 'unanswered', reason: 'no_answer' });
  });

  it.each([
    ['CONNECT', never],
    ['MAIL', hangUp],
    ['RCPT', never],
    ['DATA', never],
    ['DATA', hangUp],
    ['END', '451 4.3.0 try later'],
  ] as const)('D8 that breaks off at %s does not have it', async (command, reply) => {
    smtp.answer(command, reply);
    expect(await send(SHORT_MS)).toMatchObject({ kind: 'later' });
  });
});

describe('D8 a provider of text messages', () => {
  it('D8 that nobody reached was not asked', async () => {
    const { url, close } = await startSmtp();
    await close();
    const at = { url: url.replace('smtp:', 'http:'), maxMs: SHORT_MS };
    const sms = createSms({ ...at, account: 'AC1', token: 't', from: '+15005550006' });
    const sent = await sms.send({ reference: 'msg_1', to: '+4930123456', body: 'T' });
    expect(sent).toEqual({ kind: 'later', reason: 'unreachable' });
  });
});
