/** E2, people and organizers: staff looks after its own, a person sees only themselves. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Caller, startApp, type TestApp } from '../../../test/kit/app.ts';
import { newKey } from '../../../test/kit/given.ts';
import { codeSent } from '../../../test/kit/mailbox.ts';

let app: TestApp;
let admin: Caller;
let other: Caller;
let otherOrganizerId: string;

beforeAll(async () => {
  app = await startApp();
  const organizer = async (name: string) => {
    const { id } = (await app.admin.post('/organizers', { name })).body;
    const key = await app.admin.post('/api-keys', { name, role: 'admin', organizerId: id });
    return { id, caller: app.as(key.body.secret) };
  };
  admin = (await organizer('One')).caller;
  ({ caller: other, id: otherOrganizerId } = await organizer('Two'));
});
afterAll(() => app.close());

const refusal = ({ status, body }: Answer) => `${status} ${body.code}`;

async function person(by: Caller, email: string, name = 'Ada Lovelace') {
  const made = await by.post('/users', { name, email });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body;
}

async function asPerson(userId: string): Promise<Caller> {
  const key = await admin.post('/api-keys', { name: 'Own', role: 'fan', userId });
  return app.as(key.body.secret);
}

describe('E2 people', () => {
  it('are added, read, listed and changed by staff', async () => {
    const ada = await person(admin, 'ada@example.org');
    expect(ada).toMatchObject({
      id: expect.stringMatching(/^usr_/),
      name: 'Ada Lovelace',
      email: 'ada@example.org',
    });
    expect((await admin.get(`/users/${ada.id}`)).body).toEqual(ada);
    const changed = await admin.put(`/users/${ada.id}`, {
      name: 'Ada King',
      email: 'ada@king.org',
    });
    expect(changed.body).toEqual({ ...ada, name: 'Ada King', email: 'ada@king.org' });
    expect((await admin.get('/users?email=ADA@king.org')).body.data).toEqual([changed.body]);
    expect((await admin.get('/users?email=ada@example.org')).body.data).toEqual([]);
  });

  it('are paged through once each, in a stable order', async () => {
    const made = [];
    for (let i = 0; i < 5; i++) made.push((await person(admin, `page${i}@example.org`)).id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const search: string = cursor ? `&cursor=${cursor}` : '';
      const { body } = await admin.get(`/users?limit=2${search}`);
      expect(body.data.length).toBeLessThanOrEqual(2);
      seen.push(...body.data.map(({ id }: { id: string }) => id));
      cursor = body.nextCursor;
    } while (cursor);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(made));
  });

  it('have one account for one mailbox with an organizer, and another with another', async () => {
    await person(admin, 'Bo.Diddley@example.org');
    for (const email of ['bo.diddley@example.org', ' BO.DIDDLEY@EXAMPLE.ORG ']) {
      const again = await admin.post('/users', { name: 'Again', email }, newKey());
      expect(refusal(again), email).toBe('409 email_taken');
    }
    await person(other, 'bo.diddley@example.org');
    const cy = await person(admin, 'cy@example.org');
    const taken = { name: 'Cy', email: 'bo.diddley@example.org' };
    expect(refusal(await admin.put(`/users/${cy.id}`, taken))).toBe('409 email_taken');
    const own = await admin.put(`/users/${cy.id}`, { name: 'Cy', email: 'CY@example.org' });
    expect(own.status).toBe(200);
  });

  it('who take one address at the same moment: one gets it, nobody gets a fault', async () => {
    const both = [
      await person(admin, 'left@example.org'),
      await person(admin, 'right@example.org'),
    ];
    for (let round = 0; round < 10; round++) {
      const email = `wanted${round}@example.org`;
      const answers = await Promise.all(
        both.map(({ id }) => admin.put(`/users/${id}`, { name: 'Racer', email })),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    }
  });

  it('are asked for no more and no less than a name and an address', async () => {
    const bad: [object, string][] = [
      [{ name: 'Ada' }, 'email'],
      [{ name: '  ', email: 'blank@example.org' }, 'name'],
      [{ name: 'Ada', email: 'nobody' }, 'email'],
      [{ name: 'Ada', email: 'ada@x.org', role: 'admin' }, 'role'],
      [{ name: 'Ada', email: 'ada@x.org', organizerId: otherOrganizerId }, 'organizerId'],
      [{ name: 'A\u202eda', email: 'ada@x.org' }, 'name'],
    ];
    for (const [body, path] of bad) {
      const answer = await admin.post('/users', body);
      expect(answer.body).toMatchObject({ status: 422, issues: [{ path }] });
    }
  });

  it('see themselves and nobody else', async () => {
    const dee = await person(admin, 'dee@example.org', 'Dee');
    const eve = await person(admin, 'eve@example.org', 'Eve');
    const foreign = await person(other, 'far@example.org', 'Far');
    const caller = await asPerson(dee.id);
    expect((await caller.get(`/users/${dee.id}`)).body).toEqual(dee);
    const renamed = await caller.put(`/users/${dee.id}`, { name: 'Dee D.', email: dee.email });
    expect(renamed.body).toEqual({ ...dee, name: 'Dee D.' });
    for (const { id } of [eve, foreign]) {
      expect(refusal(await caller.get(`/users/${id}`))).toBe('404 not_found');
      const change = await caller.put(`/users/${id}`, { name: 'Mine', email: 'mine@example.org' });
      expect(refusal(change)).toBe('404 not_found');
    }
    expect(refusal(await caller.get('/users'))).toBe('403 forbidden');
    expect(refusal(await caller.post('/users', { name: 'X', email: 'x@example.org' }))).toBe(
      '403 forbidden',
    );
    expect((await admin.get(`/users/${eve.id}`)).body).toEqual(eve);
    expect((await caller.get('/me')).body).toMatchObject({
      kind: 'key',
      role: 'fan',
      userId: dee.id,
    });
  });
});

describe('C6 an address that nobody has proved', () => {
  const signedIn = async (email: string) => {
    const { status } = await app.guest.post('/sign-in', { email }, newKey());
    expect(status).toBe(202);
    const code = await codeSent(app, email);
    const { body } = await app.guest.post('/sign-in/verify', { email, code });
    return { caller: app.as(body.token), userId: body.userId as string };
  };

  it('C6 is not taken by whoever names it, and its owner gets an account of their own', async () => {
    const email = 'victim@example.org';
    const early = await signedIn('early@example.org');
    const put = () => early.caller.put(`/users/${early.userId}`, { name: 'Early', email });
    expect(refusal(await put())).toBe('409 email_not_proved');
    const owner = await signedIn(email);
    expect(owner.userId).not.toBe(early.userId);
    // Whether anybody has it is not told either.
    expect(refusal(await put())).toBe('409 email_not_proved');
  });

  it('C6 becomes theirs to be found by, once they have proved it', async () => {
    const { caller, userId } = await signedIn('old@example.org');
    const email = 'new@example.org';
    expect((await caller.post('/sign-in', { email })).status).toBe(202);
    const code = await codeSent(app, email);
    expect((await caller.post('/sign-in/verify', { email, code })).body.userId).toBe(userId);
    const put = await caller.put(`/users/${userId}`, { name: 'New', email: 'NEW@example.org' });
    expect([put.status, put.body.email]).toEqual([200, 'NEW@example.org']);
    expect((await signedIn(email)).userId).toBe(userId);
  });

  it('C6 that staff wrote down leads to whom it was written for, while nobody is them', async () => {
    const noted = await person(app.admin, 'noted@example.org');
    expect((await signedIn('noted@example.org')).userId).toBe(noted.id);
  });

  it('C6 that staff wrote down wrongly lets its owner into nobody else’s account', async () => {
    const email = 'typo@example.org';
    const first = await signedIn('first@example.org');
    const keyed = await person(app.admin, 'keyed@example.org');
    await app.admin.post('/api-keys', { name: 'Own', role: 'fan', userId: keyed.id });
    for (const id of [first.userId, keyed.id]) {
      const written = await app.admin.put(`/users/${id}`, {
        name: 'Wrong',
        email: `${id}.${email}`,
      });
      expect(written.status).toBe(200);
      const owner = await signedIn(`${id}.${email}`);
      expect(owner.userId).not.toBe(id);
      // Theirs alone from now on; the other one keeps what is written, and can still be renamed.
      const found = await app.admin.get(`/users?email=${id}.${email}`);
      expect(found.body.data.map((one: { id: string }) => one.id)).toEqual([owner.userId]);
      const same = await app.admin.put(`/users/${id}`, { name: 'Right', email: `${id}.${email}` });
      expect([same.status, same.body.name]).toEqual([200, 'Right']);
      const again = await app.admin.post('/users', { name: 'Again', email: `${id}.${email}` });
      expect(refusal(again)).toBe('409 email_taken');
    }
    expect((await signedIn('first@example.org')).userId).toBe(first.userId);
  });
});

describe('organizers', () => {
  it('are added and listed by the platform only', async () => {
    const made = await app.admin.post('/organizers', { name: 'Seewiesen' });
    expect(made.body).toMatchObject({ id: expect.stringMatching(/^org_/), name: 'Seewiesen' });
    const { data } = (await app.admin.get('/organizers?limit=200')).body;
    expect(data).toContainEqual(made.body);
    expect(refusal(await admin.post('/organizers', { name: 'Mine' }))).toBe('403 forbidden');
    expect(refusal(await admin.get('/organizers'))).toBe('403 forbidden');
    expect(refusal(await app.guest.get('/organizers'))).toBe('401 unauthenticated');
  });

  it('keep their people apart, and the platform sees all', async () => {
    const ours = await person(admin, 'apart@example.org');
    expect((await other.get('/users?email=apart@example.org')).body.data).toEqual([]);
    expect(refusal(await other.get(`/users/${ours.id}`))).toBe('404 not_found');
    expect((await app.admin.get(`/users/${ours.id}`)).body).toEqual(ours);
  });
});
