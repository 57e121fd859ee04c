/** Two who try a code at once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { barrier } from '../kit/barrier.ts';
import { newKey } from '../kit/given.ts';
import { codeFor } from '../kit/mailbox.ts';

let app: TestApp;
const held = barrier();
beforeAll(async () => {
  app = await startApp({ pause: held.pause });
});
afterAll(() => app.close());

async function codeOf(email: string): Promise<string> {
  expect((await app.guest.post('/sign-in', { email }, newKey())).status).toBe(202);
  await app.drainJobs();
  return codeFor(app, email);
}

describe('C6 a code', () => {
  it('C6 signs in one of two who have it at the same moment', async () => {
    const email = 'two@example.org';
    const code = await codeOf(email);
    const verify = () => app.guest.post('/sign-in/verify', { email, code });
    const first = held.stopAt('code_counted');
    const slow = verify();
    await first.arrived;
    const quick = await verify();
    first.go();
    expect([quick.status, (await slow).status]).toEqual([200, 401]);
    const { rows } = await app.database
      .open(null)
      .pool.query('select count(*)::int as keys from identity.api_key where from_sign_in');
    expect(rows).toEqual([{ keys: 1 }]);
  });

  it('C6 has five tries, also for whoever tries many at once', async () => {
    const email = 'many@example.org';
    const code = await codeOf(email);
    const guesses = Array.from({ length: 20 }, (_, i) => String(i).padStart(6, '0'));
    const wrong = guesses.filter((guess) => guess !== code);
    await Promise.all(
      wrong.map((guess) => app.guest.post('/sign-in/verify', { email, code: guess })),
    );
    const { rows } = await app.database
      .open(null)
      .pool.query('select tries from people.sign_in where address = $1', [email]);
    expect(rows).toEqual([{ tries: 5 }]);
    expect((await app.guest.post('/sign-in/verify', { email, code })).status).toBe(401);
  });

  it('C6 comes five times, also for whoever asks for many at once', async () => {
    const asked = await Promise.all(
      Array.from({ length: 12 }, () =>
        app.guest.post('/sign-in', { email: 'all@example.org' }, newKey()),
      ),
    );
    const statuses = asked.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array(5).fill(202), ...Array(7).fill(429)]);
  });

  it('C6 comes a hundred times an hour to one network address, whomever it is for', async () => {
    const { pool } = app.database.open(null);
    // As if all but two had been asked for.
    await pool.query(
      `insert into people.sign_in (sign_in_id, organizer_id, channel, address, address_key,
         caller_key, made_at, expires_at)
       select 'sin_' || n, s.organizer_id, 'email', 'x', 'x' || n, s.caller_key, s.made_at,
         s.expires_at
       from (select * from people.sign_in limit 1) s,
         generate_series(1, 98 - (select count(*) from people.sign_in)) n`,
    );
    const asked = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        app.guest.post('/sign-in', { email: `crowd${n}@example.org` }, newKey()),
      ),
    );
    const statuses = asked.map(({ status }) => status).sort();
    expect(statuses).toEqual([202, 202, ...Array(8).fill(429)]);
  });
});
