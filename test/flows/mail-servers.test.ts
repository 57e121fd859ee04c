/** D8, messages on their way: a mail server and a provider that say no, not now, or nothing. */
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deliveryOf as smsDelivery } from '../../server/adapters/sms/index.ts';
import { deliveryOf } from '../../server/adapters/smtp/index.ts';
import { startApp, type TestApp } from '../kit/app.ts';
import { barrier } from '../kit/barrier.ts';
import { book, onSale } from '../kit/given.ts';
import { hangUp, type SmtpServer, startSmtp } from '../kit/smtp.ts';

let smtp: SmtpServer;
let provider: Server;
let app: TestApp;
const held = barrier();
const texts: { readonly body: URLSearchParams; readonly authorization: string }[] = [];
/** Status 0: it takes the message and hangs up. */
const answers: { status: number; body: object }[] = [];

beforeAll(async () => {
  smtp = await startSmtp();
  provider = createServer((request, response) => {
    let raw = '';
    request.on('data', (chunk) => {
      raw += chunk;
    });
    request.on('end', () => {
      const { authorization = '' } = request.headers;
      const { status, body } = answers.shift() ?? { status: 201, body: { sid: 'SM1' } };
      if (status < 300) texts.push({ body: new URLSearchParams(raw), authorization });
      if (status === 0) return void request.socket.destroy();
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  const address = provider.address();
  app = await startApp({
    pause: held.pause,
    env: {
      SMTP_URL: smtp.url,
      MAIL_FROM: 'Tickets <tickets@example.org>',
      SMS_URL: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
      SMS_ACCOUNT: 'AC123',
      SMS_TOKEN: 'secret',
      SMS_FROM: '+15005550006',
    },
  });
  await app.drainFacts();
});
afterAll(async () => {
  await app.close();
  await smtp.close();
  await new Promise((resolve) => provider.close(resolve));
});
beforeEach(() => {
  texts.length = 0;
});

let buyers = 0;

async function bought(more: object = {}) {
  buyers += 1;
  const email = `buyer${buyers}@example.org`;
  const { eventId, typeId } = await onSale(app.admin, { price: 0 });
  const who = { name: 'Ada', email, ...more };
  const { body } = await book(app.guest, eventId, typeId, { method: 'simulated', buyer: who });
  await app.drainJobs();
  await app.drainFacts();
  return { email, orderId: body.order.id as string, token: body.accessToken as string };
}

const to = (email: string) => smtp.received.filter((mail) => mail.to === email);
const messageIdOf = (data = '') => /^Message-ID: (.*)$/im.exec(data)?.[1];

async function stateOf({ orderId, token }: { orderId: string; token: string }, channel = 'email') {
  const { data } = (await app.as(token).get(`/orders/${orderId}/messages`)).body;
  const found = data.find((message: { channel: string }) => message.channel === channel);
  return `${found.state} ${found.reason}`;
}

/** As if the time to try again had come. */
async function later(): Promise<void> {
  const { pool } = app.database.open(null);
  await pool.query(
    `update kernel.job set run_at = clock_timestamp(), leased_until = null
     where kind = 'send_message'`,
  );
  await app.drainJobs();
}

describe('D8 a mail server', () => {
  it('D8 is given the message as mail: HTML, text, both papers, and whose it is', async () => {
    const order = await bought();
    await app.drainJobs();
    expect(await stateOf(order)).toBe('sent null');
    const [mail] = to(order.email);
    expect(mail?.data).toMatch(/^Subject: Your tickets: Test night$/m);
    expect(mail?.data).toMatch(/^From: .*<tickets@example\.org>$/m);
    expect(messageIdOf(mail?.data)).toMatch(/^<msg_[\w-]{32}@example\.org>$/);
    for (const type of ['text/plain', 'text/html', 'application/pdf', 'text/calendar']) {
      expect(mail?.data).toContain(`Content-Type: ${type}`);
    }
    expect(mail?.data).toMatch(/^Auto-Submitted: auto-generated$/im);
  });

  it.each([
    ['4xx to the recipient', 'RCPT', '450 4.2.0 greylisted'],
    ['4xx to the message', 'END', '451 4.3.0 try later'],
    ['a connection that drops', 'MAIL', hangUp],
    ['a connection that drops while the message is given', 'DATA', hangUp],
  ] as const)('D8 that answers with %s is asked again', async (_what, command, reply) => {
    const order = await bought();
    smtp.answer(command, reply);
    await app.drainJobs();
    expect(await stateOf(order)).toMatch(/^sending /);
    expect(to(order.email)).toHaveLength(0);
    await later();
    expect(await stateOf(order)).toBe('sent null');
    expect(to(order.email)).toHaveLength(1);
  });

  it('D8 that knows nobody there ends it, and no more mail goes there', async () => {
    const email = 'gone@example.org';
    const order = await bought({ email });
    smtp.answer('RCPT', '550 5.1.1 no such user');
    await app.drainJobs();
    expect(await stateOf(order)).toBe('bounced smtp_550_5.1.1');
    const next = await bought({ email });
    await app.drainJobs();
    expect(await stateOf(next)).toBe('dropped bounced_before');
    expect(to(email)).toHaveLength(0);
  });

  it('D8 that does not want the message leaves the address as it is', async () => {
    const order = await bought();
    smtp.answer('END', '554 5.7.1 this looks like spam');
    await app.drainJobs();
    expect(await stateOf(order)).toBe('failed smtp_554_5.7.1');
    const again = { kind: 'order_confirmed' };
    await app.as(order.token).post(`/orders/${order.orderId}/messages`, again);
    await app.drainJobs();
    expect(to(order.email)).toHaveLength(1);
  });

  it('D8 gets it a second time after a death behind its answer, under the same Message-ID', async () => {
    const order = await bought();
    held.dieAt('message_delivered');
    await app.drainJobs();
    expect(await stateOf(order)).toBe('sending null');
    await later();
    expect(await stateOf(order)).toBe('sent null');
    const ids = to(order.email).map(({ data }) => messageIdOf(data));
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  it('D8 that gets all of it and says nothing is given it once more, and no third time', async () => {
    const order = await bought();
    smtp.answer('END', ...Array(5).fill(hangUp));
    await app.drainJobs();
    expect(await stateOf(order)).toBe('sending null');
    for (let times = 0; times < 4; times += 1) await later();
    expect(to(order.email)).toHaveLength(2);
    expect(await stateOf(order)).toBe('failed no_answer');
    smtp.answer('END');
  });

  it('D8 gets nothing from a worker whose lease somebody else has by now', async () => {
    const order = await bought();
    const drawn = held.stopAt('message_written');
    const slow = app.drainJobs();
    await drawn.arrived;
    await app.ctx.db.pool.query(
      `update kernel.job set lease_token = lease_token + 1 where kind = 'send_message'`,
    );
    drawn.go();
    await slow;
    expect(to(order.email)).toHaveLength(0);
    await later();
    expect(to(order.email)).toHaveLength(1);
    expect(await stateOf(order)).toBe('sent null');
  });

  it('D8 gets it all the same where the lease was over and nobody has taken it', async () => {
    const order = await bought();
    const drawn = held.stopAt('message_written');
    const slow = app.drainJobs();
    await drawn.arrived;
    await app.ctx.db.pool.query(
      `update kernel.job set leased_until = clock_timestamp() - interval '1 second',
         run_at = clock_timestamp() - interval '10 minutes'
       where kind = 'send_message'`,
    );
    drawn.go();
    await slow;
    await later();
    expect(to(order.email)).toHaveLength(1);
    expect(await stateOf(order)).toBe('sent null');
  });

  it('D8 gets it once after a death before it was asked', async () => {
    const order = await bought();
    held.dieAt('message_started');
    await app.drainJobs();
    expect(to(order.email)).toHaveLength(0);
    await later();
    expect(to(order.email)).toHaveLength(1);
  });

  it('is told apart: what is for good, what is for later, and whose fault it is', () => {
    const of = (error: object) => {
      const delivery = deliveryOf(error);
      return delivery.kind === 'refused' ? delivery.because : delivery.kind;
    };
    expect(of({ code: 'ECONNECTION' })).toBe('later');
    expect(of({ code: 'ETIMEDOUT' })).toBe('later');
    expect(of({ code: 'EAUTH', responseCode: 535, command: 'AUTH PLAIN' })).toBe('later');
    expect(of({ responseCode: 421, command: 'RCPT TO' })).toBe('later');
    expect(of({ responseCode: 550, response: '550 5.1.1 no', command: 'RCPT TO' })).toBe('address');
    expect(of({ responseCode: 550, response: '550 5.7.1 no', command: 'RCPT TO' })).toBe('message');
    const ofRecipient = (response: string) =>
      of({ responseCode: Number(response.slice(0, 3)), response, command: 'RCPT TO' });
    for (const policy of [
      '550 relay not permitted',
      '550 Sender verify failed',
      '550 203.0.113.9 is in a black list at bl.example.org',
      '550-Verification failed for <t@example.org>\n550-Unrouteable address\n550 Sender verify failed',
      '550 5.1.8 bad sender',
      '553 5.7.1 that domain is not in my list of allowed hosts',
      '550 administrative prohibition',
    ]) {
      expect(ofRecipient(policy), policy).toBe('message');
    }
    for (const nobody of [
      '550 5.1.10 recipient not found',
      '550 5.2.1 mailbox disabled',
      '550 No such user here',
      '550 Unrouteable address',
      '550 <ada@example.org>: Recipient address rejected: User unknown in local recipient table',
      '551 User not local; mailbox does not exist',
    ]) {
      expect(ofRecipient(nobody), nobody).toBe('address');
    }
    expect(of({ responseCode: 552, response: '552 too big', command: 'DATA' })).toBe('message');
    expect(of({ code: 'EENVELOPE' })).toBe('address');
  });
});

describe('D8 a provider of text messages', () => {
  const phone = '+4930123456';

  it('D8 is asked as Twilio is', async () => {
    const order = await bought({ phone });
    await app.drainJobs();
    expect(await stateOf(order, 'sms')).toBe('sent null');
    const [text] = texts;
    expect([text?.body.get('To'), text?.body.get('From')]).toEqual([phone, '+15005550006']);
    expect(text?.body.get('Body')).toMatch(/^Your tickets for Test night/);
    const basic = Buffer.from('AC123:secret').toString('base64');
    expect(text?.authorization).toBe(`Basic ${basic}`);
  });

  it('D8 is asked again where it was busy or broken', async () => {
    answers.push({ status: 429, body: { code: 20429 } });
    const order = await bought({ phone: '+4930123457' });
    await app.drainJobs();
    expect(await stateOf(order, 'sms')).toBe('sending null');
    answers.push({ status: 503, body: {} });
    await later();
    expect(texts).toHaveLength(0);
    await later();
    expect(await stateOf(order, 'sms')).toBe('sent null');
    expect(texts).toHaveLength(1);
  });

  it('D8 that is asked and says nothing is asked once more, and no third time', async () => {
    answers.push(...Array(5).fill({ status: 0, body: {} }));
    const order = await bought({ phone: '+4930123459' });
    await app.drainJobs();
    for (let times = 0; times < 4; times += 1) await later();
    expect(texts).toHaveLength(2);
    expect(await stateOf(order, 'sms')).toBe('failed no_answer');
    answers.length = 0;
    expect(smsDelivery(504, '')).toMatchObject({ kind: 'unanswered' });
  });

  it('D8 that knows no such number ends it', async () => {
    answers.push({ status: 400, body: { code: 21211 } });
    const order = await bought({ phone: '+4930123458' });
    await app.drainJobs();
    expect(await stateOf(order, 'sms')).toBe('bounced sms_400_21211');
    expect(smsDelivery(400, '{"code":30000}')).toMatchObject({ because: 'message' });
    expect(smsDelivery(401, 'not JSON')).toMatchObject({ kind: 'later' });
  });
});
