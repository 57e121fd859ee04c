/** C6, people reachable: codes and links that verify an address, and the session of whoever did. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Caller, startApp, type TestApp } from '../kit/app.ts';
import { book, newKey, onSale } from '../kit/given.ts';
import { codeFor, deliver, mailbox } from '../kit/mailbox.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
  await app.drainFacts();
});
afterAll(() => app.close());

const refusal = ({ status, body }: Answer) => `${status} ${body.code}`;
const wrong = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

let people = 0;
const newAddress = () => {
  people += 1;
  return `fan${people}@example.org`;
};

async function codeOf(email: string, by: Caller = app.guest): Promise<string> {
  const asked = await by.post('/sign-in', { email }, newKey());
  expect(asked.status, JSON.stringify(asked.body)).toBe(202);
  await app.drainJobs();
  return codeFor(app, email);
}

async function signedIn(email = newAddress()) {
  const answer = await app.guest.post('/sign-in/verify', { email, code: await codeOf(email) });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return { ...answer, email, fan: app.as(answer.body.token), userId: answer.body.userId as string };
}

const cookieOf = (headers: Headers) => (headers.get('set-cookie') ?? '').split(';')[0] ?? '';

describe('C6 a code by e-mail', () => {
  it('C6 signs in whoever reads it, as a person of their own, once', async () => {
    const email = newAddress();
    const code = await codeOf(email);
    const first = await app.guest.post('/sign-in/verify', { email, code });
    expect(first.body).toEqual({
      userId: expect.stringMatching(/^usr_/),
      organizerId: expect.stringMatching(/^org_/),
      expiresAt: expect.any(String),
      token: expect.stringMatching(/^fk_/),
    });
    expect(first.headers.get('set-cookie')).toMatch(
      /^fanfare_session=fk_\w{32}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/,
    );
    expect((await app.as(first.body.token).get('/me')).body).toMatchObject({
      kind: 'key',
      role: 'fan',
      userId: first.body.userId,
      scopes: [],
    });
    expect(refusal(await app.guest.post('/sign-in/verify', { email, code }))).toBe(
      '401 code_wrong',
    );
    const again = await signedIn(email.toUpperCase());
    expect(again.userId).toBe(first.body.userId);
  });

  it('C6 has five tries, is over after ten minutes, and ends the one before', async () => {
    const email = newAddress();
    const verify = (code: string) => app.guest.post('/sign-in/verify', { email, code });
    const first = await codeOf(email);
    const second = await codeOf(email);
    if (first !== second) expect(refusal(await verify(first))).toBe('401 code_wrong');
    for (let tries = 1; tries < 5; tries += 1) await verify(wrong(second));
    expect(refusal(await verify(second))).toBe('401 code_wrong');
    const third = await codeOf(email);
    app.clock.advance(601_000);
    expect(refusal(await verify(third))).toBe('401 code_wrong');
    app.clock.advance(-601_000);
    expect((await verify(third)).status).toBe(200);
  });

  it('C6 is stored nowhere, nor is the token of the link', async () => {
    const email = newAddress();
    const code = await codeOf(email);
    const token = /token=([\w-]+)/.exec((await mailbox(app, email))[0]?.text ?? '')?.[1] ?? '';
    const { pool } = app.database.open(null);
    const kept = await pool.query(
      `select to_jsonb(s)::text as t from people.sign_in s
       union all select to_jsonb(m)::text from notifications.message m
       union all select to_jsonb(j)::text from kernel.job j
       union all select to_jsonb(i)::text from kernel.idempotency i`,
    );
    const text = kept.rows.map(({ t }) => t).join('\n');
    expect(token).toHaveLength(69);
    expect(text).not.toContain(token);
    expect(text).not.toContain(`"${code}"`);
  });

  it('C6 comes five times an hour to one address', async () => {
    const email = newAddress();
    for (let times = 0; times < 5; times += 1) await codeOf(email);
    const refused = await app.guest.post('/sign-in', { email });
    expect(refusal(refused)).toBe('429 sign_in_too_often');
    expect(refused.headers.get('retry-after')).toBe('900');
  });

  it('C6 comes a hundred times an hour to one network, whatever its addresses', async () => {
    const ask = (i: number, remoteAddress: string) =>
      app.parts.app.inject({
        ...{ method: 'POST', url: '/api/v1/sign-in', remoteAddress },
        payload: { email: `network${i}@example.org` },
      });
    for (let i = 0; i < 100; i += 1) {
      expect((await ask(i, `2001:db8:0:64::${i.toString(16)}`)).statusCode).toBe(202);
    }
    const refused = await ask(100, '2001:db8:0:64:ffff::1');
    expect([refused.statusCode, refused.json().code]).toEqual([429, 'sign_in_too_often']);
    expect((await ask(101, '2001:db8:0:65::1')).statusCode).toBe(202);
  });

  it('C6 is asked for in one of two ways', async () => {
    for (const body of [{}, { email: 'a@example.org', phone: '+4930123456' }]) {
      expect(refusal(await app.guest.post('/sign-in', body))).toBe('422 validation_failed');
    }
    const twice = { token: 'x', email: 'a@example.org', code: '123456' };
    expect(refusal(await app.guest.post('/sign-in/verify', twice))).toBe('422 validation_failed');
  });
});

describe('C6 the answer', () => {
  it('C6 is the same whether anybody is known', async () => {
    const { email } = await signedIn();
    const shape = ({ status, body }: Answer) => ({ status, body });
    const known = shape(await app.guest.post('/sign-in', { email }));
    const unknown = shape(await app.guest.post('/sign-in', { email: newAddress() }));
    const number = shape(await app.guest.post('/sign-in', { phone: '+4930999999' }));
    expect(unknown).toEqual(known);
    expect(number).toEqual(known);
    await deliver(app);
    expect(await mailbox(app, '+4930999999')).toEqual([]);
    const guess = await app.guest.post('/sign-in/verify', { phone: '+4930999999', code: '123456' });
    expect(refusal(guess)).toBe('401 code_wrong');
  });

  it('C6 is written in the language that the browser asks for, and so is later mail', async () => {
    const email = newAddress();
    const german = { 'accept-language': 'de-AT,de;q=0.9' };
    await app.guest.post('/sign-in', { email }, german);
    await app.drainJobs();
    const [mail] = await mailbox(app, email);
    expect(mail?.subject).toMatch(/^\d{6} ist Ihr Code/);
  });
});

describe('C6 a link in the mail', () => {
  it('C6 signs in by a button, not by being looked at', async () => {
    const email = newAddress();
    await codeOf(email);
    const [mail] = await mailbox(app, email);
    const link = /http:\S+\/sign-in\?token=\S+/.exec(mail?.text ?? '')?.[0] ?? '';
    for (let times = 0; times < 2; times += 1) {
      const page = await (await fetch(link)).text();
      expect(page).toContain('<button>Sign in</button>');
    }
    const token = new URL(link).searchParams.get('token') ?? '';
    const press = (headers: Record<string, string> = {}) =>
      fetch(`${app.origin}/sign-in`, {
        method: 'POST',
        headers,
        body: new URLSearchParams({ token }),
        redirect: 'manual',
      });
    const foreign = await press({ origin: 'https://evil.example' });
    expect(foreign.status).toBe(403);
    const pressed = await press({ origin: app.origin });
    expect([pressed.status, pressed.headers.get('location')]).toEqual([303, '/']);
    const me = await app.guest.get('/me', { cookie: cookieOf(pressed.headers) });
    expect(me.body).toMatchObject({ role: 'fan' });
    expect((await press()).status).toBe(401);
  });
});

describe('C6 a session', () => {
  it('C6 counts by its cookie, and not where another site asks', async () => {
    const { headers, userId } = await signedIn();
    const cookie = cookieOf(headers);
    expect((await app.guest.get('/me', { cookie })).body.userId).toBe(userId);
    expect((await app.guest.get('/me', { cookie: 'fanfare_session=fk_nothing' })).body.kind).toBe(
      'anonymous',
    );
    const change = (more: Record<string, string>) =>
      app.guest.put(`/users/${userId}`, { name: 'Me', email: 'me@x.org' }, { cookie, ...more });
    for (const foreign of [
      {},
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: app.origin },
    ]) {
      const told = refusal(await change(foreign));
      expect(told, JSON.stringify(foreign)).toBe('403 cross_site_request');
    }
    for (const own of [
      { 'x-requested-with': 'us' },
      { origin: app.origin },
      { 'sec-fetch-site': 'same-origin' },
    ]) {
      // It gets as far as the route, which only staff may call.
      expect(refusal(await change(own)), JSON.stringify(own)).not.toContain('cross_site');
    }
  });

  it('C6 ends by signing out, in this browser and nowhere else', async () => {
    const first = await signedIn();
    const second = await signedIn(first.email);
    const cookie = cookieOf(first.headers);
    const out = await app.guest.post('/sign-out', undefined, { cookie, 'x-requested-with': 'us' });
    expect([out.status, out.body]).toEqual([200, { signedOut: true }]);
    expect(out.headers.get('set-cookie')).toMatch(/^fanfare_session=; Path=\/; Max-Age=0;/);
    expect((await app.guest.get('/me', { cookie })).body.kind).toBe('anonymous');
    expect(refusal(await first.fan.get('/me'))).toBe('401 unauthenticated');
    expect((await second.fan.get('/me')).status).toBe(200);
  });

  it('C6 ends by itself after thirty days, and is in nobody’s list of keys', async () => {
    const { fan } = await signedIn();
    const { body } = await app.admin.get('/api-keys?limit=200');
    expect(body.data.filter(({ name }: { name: string }) => name === 'Signed in')).toEqual([]);
    app.clock.advance(30 * 86_400_000 + 1_000);
    expect(refusal(await fan.get('/me'))).toBe('401 unauthenticated');
    app.clock.advance(-(30 * 86_400_000 + 1_000));
  });
});

describe('C6 a fan who has signed in', () => {
  it('C6 buys as themselves, and sees their orders', async () => {
    const { fan, userId, email } = await signedIn();
    const { eventId, typeId } = await onSale(app.admin, { price: 0 });
    const buyer = { name: 'Ada', email };
    const { body } = await book(fan, eventId, typeId, { method: 'simulated', buyer });
    expect(body.order.userId).toBe(userId);
    const { data } = (await fan.get('/orders')).body;
    expect(data.map(({ id }: { id: string }) => id)).toEqual([body.order.id]);
    expect((await (await signedIn()).fan.get('/orders')).body.data).toEqual([]);
  });

  it('F4 adds a number, and is counted under all that is theirs', async () => {
    const { fan, userId, email } = await signedIn();
    const phone = '+4930777777';
    expect((await fan.post('/sign-in', { phone })).status).toBe(202);
    await app.drainJobs();
    const code = await codeFor(app, phone);
    expect(refusal(await app.guest.post('/sign-in/verify', { phone, code }))).toBe(
      '401 code_wrong',
    );
    const added = await fan.post('/sign-in/verify', { phone, code });
    expect(added.body.userId).toBe(userId);

    // From now on the number alone signs in.
    await app.guest.post('/sign-in', { phone }, newKey());
    await app.drainJobs();
    const next = { phone, code: await codeFor(app, phone) };
    expect((await app.guest.post('/sign-in/verify', next)).body.userId).toBe(userId);

    const capped = { maxTicketsPerPerson: 1 };
    const { eventId, typeId } = await onSale(app.admin, { price: 0, more: capped });
    const as = (buyer: object) =>
      book(app.guest, eventId, typeId, { method: 'simulated', buyer: { name: 'A', ...buyer } });
    expect((await as({ email })).status).toBe(201);
    expect((await as({ email: newAddress(), phone })).status).toBe(409);
  });

  it('C6 gets ten texts a day, whatever numbers they are for', async () => {
    const { fan } = await signedIn();
    const asked: string[] = [];
    for (let nth = 0; nth < 12; nth += 1) {
      const answer = await fan.post('/sign-in', { phone: `+49301234${100 + nth}` }, newKey());
      asked.push(answer.status === 202 ? 'sent' : refusal(answer));
    }
    expect(asked).toEqual([...Array(10).fill('sent'), ...Array(2).fill('429 sign_in_too_often')]);
    // Mail costs nothing.
    expect((await fan.post('/sign-in', { email: newAddress() })).status).toBe(202);
  });

  it('C6 cannot take what is somebody else’s', async () => {
    const one = await signedIn();
    const two = await signedIn();
    await two.fan.post('/sign-in', { email: one.email });
    await app.drainJobs();
    const code = await codeFor(app, one.email);
    const [mail] = await mailbox(app, one.email);
    expect(mail?.text).not.toContain('token=');
    const taken = await two.fan.post('/sign-in/verify', { email: one.email, code });
    expect(refusal(taken)).toBe('409 contact_taken');
  });
});
