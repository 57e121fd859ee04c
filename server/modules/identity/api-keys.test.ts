/** API keys: kept as a hash, shown once, never more than their maker's, dead from one moment. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ADMIN_KEY,
  type Answer,
  type Caller,
  startApp,
  type TestApp,
} from '../../../test/kit/app.ts';
import { eventually, inDays, newKey } from '../../../test/kit/given.ts';
import { ensureFirstAdmin } from './index.ts';
import { KEY_STALE_MAX_MS } from './key-cache.ts';

let app: TestApp;
let admin: Caller;
let adminKey: string;

beforeAll(async () => {
  app = await startApp();
  const { body } = await app.admin.post('/organizers', { name: 'Halle Nord Concerts' });
  const made = await app.admin.post('/api-keys', make({ role: 'admin', organizerId: body.id }));
  adminKey = made.body.secret;
  admin = app.as(adminKey);
});
afterAll(() => app.close());

const make = (more: Record<string, unknown>) => ({ name: 'Test', ...more });

async function made(by: Caller, more: Record<string, unknown>) {
  const answer = await by.post('/api-keys', make(more));
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body;
}

/** Everything that the database holds of keys and of answers kept for repetition, as text. */
async function stored(): Promise<string> {
  const { pool } = app.database.open(null);
  const keys = await pool.query('select to_jsonb(k)::text as t from identity.api_key k');
  const kept = await pool.query('select to_jsonb(i)::text as t from kernel.idempotency i');
  return [...keys.rows, ...kept.rows].map(({ t }) => t).join('\n');
}

const refusal = ({ status, body }: Answer) => `${status} ${body.code}`;

describe('a secret', () => {
  it('is 160 bits of chance, kept as its hash and shown once', async () => {
    const once = newKey();
    const first = await admin.post('/api-keys', make({ role: 'analyst' }), once);
    const { secret, prefix, id } = first.body;
    expect(secret).toMatch(/^fk_[0-9a-hjkmnp-tv-z]{32}$/);
    expect(secret.startsWith(prefix)).toBe(true);
    expect(prefix).toHaveLength(9);

    const replay = await admin.post('/api-keys', make({ role: 'analyst' }), once);
    const { secret: _shownOnce, ...rest } = first.body;
    expect([replay.status, replay.body]).toEqual([201, rest]);

    const { data } = (await admin.get('/api-keys?limit=200')).body;
    expect(data.find((key: { id: string }) => key.id === id)).toEqual(rest);
    expect(JSON.stringify(data)).not.toContain(secret);

    const text = await stored();
    expect(text).toContain(createHash('sha256').update(secret).digest('hex'));
    expect(text).not.toContain(secret);
    expect(text).not.toContain(secret.slice(9));
  });

  it('is another one each time', async () => {
    const keys = await Promise.all([1, 2, 3, 4].map(() => made(admin, { role: 'analyst' })));
    expect(new Set(keys.map(({ secret }) => secret)).size).toBe(4);
  });
});

describe('what a key may do', () => {
  it('is what its role may, or the part of it that was asked for', async () => {
    const whole = await made(admin, { role: 'box_office' });
    const boxOffice = ['events:read', 'orders:read', 'orders:write', 'users:read', 'venues:read'];
    expect(whole.scopes).toEqual(boxOffice);
    const part = await made(admin, { role: 'box_office', scopes: ['orders:read'] });
    expect(part.scopes).toEqual(['orders:read']);
    const partly = app.as(part.secret);
    expect((await partly.get('/orders')).status).toBe(200);
    expect(refusal(await partly.get('/users'))).toBe('403 forbidden');
    expect((await partly.get('/me')).body).toMatchObject({
      role: 'box_office',
      scopes: ['orders:read'],
    });
    const none = await made(admin, { role: 'box_office', scopes: [] });
    expect(refusal(await app.as(none.secret).get('/orders'))).toBe('403 forbidden');
  });

  it('is never more than its maker may', async () => {
    const more = (by: Caller, wanted: object) => by.post('/api-keys', make({ ...wanted }));
    const wide = { role: 'platform_admin', scopes: ['events:read'] };
    expect(refusal(await more(admin, { role: 'platform_admin' }))).toBe('403 forbidden_role');
    expect(refusal(await more(admin, wide))).toBe('403 forbidden_role');
    const beyond = { role: 'analyst', scopes: ['events:read', 'refunds:write'] };
    expect(refusal(await more(admin, beyond))).toBe('422 unknown_scope');

    const narrow = app.as((await made(admin, { role: 'admin', scopes: ['keys:write'] })).secret);
    for (const role of ['admin', 'manager', 'box_office', 'analyst', 'platform_admin']) {
      expect(refusal(await more(narrow, { role })), role).toBe('403 forbidden_role');
    }
    const manager = app.as((await made(admin, { role: 'manager' })).secret);
    expect(refusal(await more(manager, { role: 'analyst' }))).toBe('403 forbidden');
  });

  it('includes no person’s data unless its maker looks after people', async () => {
    const person = await admin.post('/users', { name: 'Ada', email: 'ada@keys.example.org' });
    const { id: userId } = person.body;
    const fan = await made(admin, { role: 'fan', userId });
    expect(fan).toMatchObject({ userId, scopes: [] });
    expect((await app.as(fan.secret).get(`/users/${userId}`)).status).toBe(200);

    const narrow = app.as((await made(admin, { role: 'admin', scopes: ['keys:write'] })).secret);
    const asFan = await narrow.post('/api-keys', make({ role: 'fan', userId }));
    expect(refusal(asFan)).toBe('403 forbidden_role');
  });

  it('stays with its organizer', async () => {
    const other = await app.admin.post('/organizers', { name: 'Somebody else' });
    const { id: organizerId } = other.body;
    const theirs = await made(app.admin, { role: 'admin', organizerId });
    const stranger = app.as(theirs.secret);
    const person = await stranger.post('/users', { name: 'Bo', email: 'bo@keys.example.org' });
    const cases: [object, string][] = [
      [{ role: 'analyst', organizerId }, '422 unknown_organizer'],
      [{ role: 'analyst', organizerId: 'org_2mwq8yczzzzzz' }, '422 unknown_organizer'],
      [{ role: 'fan', userId: person.body.id }, '422 unknown_person'],
      [{ role: 'fan' }, '422 unknown_person'],
      [{ role: 'owner' }, '422 unknown_role'],
      [{ role: 'analyst', isAdmin: true }, '422 validation_failed'],
    ];
    for (const [wanted, expected] of cases) {
      expect(refusal(await admin.post('/api-keys', make({ ...wanted })))).toBe(expected);
    }
    const { id } = await made(admin, { role: 'analyst' });
    expect(refusal(await stranger.delete(`/api-keys/${id}`))).toBe('404 not_found');
  });
});

describe('the end of a key', () => {
  it('comes at once when it is revoked, and for good', async () => {
    const { id, secret } = await made(admin, { role: 'analyst' });
    const caller = app.as(secret);
    expect((await caller.get('/me')).status).toBe(200);
    expect((await admin.delete(`/api-keys/${id}`)).status).toBe(204);
    expect(refusal(await caller.get('/me'))).toBe('401 unauthenticated');
    const { data } = (await admin.get('/api-keys?limit=200')).body;
    const first = data.find((key: { id: string }) => key.id === id).revokedAt;
    expect(first).toEqual(expect.any(String));
    expect((await admin.delete(`/api-keys/${id}`)).status).toBe(204);
    const again = (await admin.get('/api-keys?limit=200')).body.data;
    expect(again.find((key: { id: string }) => key.id === id).revokedAt).toBe(first);
  });

  it('comes within a moment in every other process', async () => {
    const other = await startApp({ database: app.database });
    const { id, secret } = await made(admin, { role: 'analyst' });
    expect((await other.as(secret).get('/me')).status).toBe(200);
    expect((await admin.delete(`/api-keys/${id}`)).status).toBe(204);
    other.clock.advance(KEY_STALE_MAX_MS);
    expect(refusal(await other.as(secret).get('/me'))).toBe('401 unauthenticated');
    await other.close();
  });

  it('comes at its time', async () => {
    const { secret, expiresAt } = await made(admin, { role: 'analyst', expiresAt: inDays(1) });
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now());
    const caller = app.as(secret);
    expect((await caller.get('/me')).status).toBe(200);
    app.clock.advance(86_400_000);
    expect(refusal(await caller.get('/me'))).toBe('401 unauthenticated');
    expect((await admin.get('/me')).status).toBe(200);
  });

  it('may be brought about by the key itself', async () => {
    const own = await made(admin, { role: 'admin' });
    expect((await app.as(own.secret).delete(`/api-keys/${own.id}`)).status).toBe(204);
    expect(refusal(await app.as(own.secret).get('/me'))).toBe('401 unauthenticated');
  });
});

describe('the use of a key', () => {
  it('is noted, but not at every request', async () => {
    const { id, secret, lastUsedAt } = await made(admin, { role: 'analyst' });
    expect(lastUsedAt).toBeNull();
    const read = async () => {
      const { data } = (await admin.get('/api-keys?limit=200')).body;
      return data.find((key: { id: string }) => key.id === id).lastUsedAt;
    };
    await app.as(secret).get('/me');
    // Nobody waits for it to be written down.
    const first = await eventually(read, (lastUse) => lastUse !== null);
    expect(first).toEqual(expect.any(String));
    await app.as(secret).get('/me');
    expect(await read()).toBe(first);
  });
});

describe('a credential', () => {
  const ask = async (headers: Record<string, string>, search = '') => {
    const response = await fetch(`${app.origin}/api/v1/me${search}`, { headers });
    return `${response.status} ${((await response.json()) as { kind?: string }).kind ?? ''}`.trim();
  };

  it.each([
    '',
    'Bearer',
    'Bearer ',
    'Bearer  ',
    `Basic ${Buffer.from('admin:admin').toString('base64')}`,
    ADMIN_KEY,
    `Bearer ${ADMIN_KEY} `.trimEnd().slice(0, -1),
    `Bearer ${ADMIN_KEY}x`,
    `Bearer ${ADMIN_KEY} ${ADMIN_KEY}`,
    `Bearer ${ADMIN_KEY.toUpperCase()}`,
    `Bearer "${ADMIN_KEY}"`,
    `Bearer ${'f'.repeat(5_000)}`,
    'Bearer null',
    'Bearer undefined',
    "Bearer ' or 1=1 --",
    `Bearer at_${'A'.repeat(42)}`,
    `Bearer at_${'A'.repeat(44)}`,
  ])('that is wrong is refused, not taken for none: %j', async (authorization) => {
    expect(await ask({ authorization })).toBe('401');
  });

  it('is told by its scheme, in any case', async () => {
    expect(await ask({ authorization: `Bearer ${ADMIN_KEY}` })).toBe('200 key');
    expect(await ask({ authorization: `bearer   ${ADMIN_KEY}` })).toBe('200 key');
    expect(await ask({})).toBe('200 anonymous');
  });

  it('counts in an address only if it opens a single object', async () => {
    expect(await ask({}, `?access=${ADMIN_KEY}`)).toBe('401');
    expect(await ask({}, '?access=')).toBe('401');
    expect(await ask({}, `?access=at_${'A'.repeat(43)}`)).toBe('200 anonymous');
    expect(await ask({ authorization: `Bearer ${ADMIN_KEY}` }, '?access=nonsense')).toBe('200 key');
  });
});

describe('the first admin key', () => {
  it('is made once, and stays revoked when it was', async () => {
    const secret = 'a-key-that-the-operator-chose';
    await ensureFirstAdmin(app.ctx, secret);
    await ensureFirstAdmin(app.ctx, secret);
    const chosen = app.as(secret);
    expect((await chosen.get('/me')).body).toMatchObject({ role: 'platform_admin' });
    const { data } = (await app.admin.get('/api-keys?limit=200')).body;
    const own = data.filter((key: { prefix: string }) => secret.startsWith(key.prefix));
    expect(own).toHaveLength(1);
    expect(await stored()).not.toContain(secret);
    expect((await chosen.delete(`/api-keys/${own[0].id}`)).status).toBe(204);
    await ensureFirstAdmin(app.ctx, secret);
    expect(refusal(await chosen.get('/me'))).toBe('401 unauthenticated');
  });

  it('belongs to the default organizer, which is made once', async () => {
    const first = await ensureFirstAdmin(app.ctx, null);
    expect(await ensureFirstAdmin(app.ctx, null)).toEqual(first);
    expect((await app.admin.get('/me')).body.organizerId).toBe(first.organizerId);
  });

  describe('from the setting', () => {
    const start = (BOOTSTRAP_API_KEY: string | undefined, secret = BOOTSTRAP_API_KEY ?? null) =>
      ensureFirstAdmin({ ...app.ctx, config: { ...app.ctx.config, BOOTSTRAP_API_KEY } }, secret);
    const opens = async (...secrets: readonly string[]) => {
      const answers = await Promise.all(secrets.map((secret) => app.as(secret).get('/me')));
      return answers.map(({ status }) => status === 200);
    };
    const first = 'the-first-setting-of-the-operator';
    const second = 'the-second-setting-of-the-operator';
    const third = 'the-third-setting-of-the-operator';

    it('ends when the setting changes, and no other key does', async () => {
      const theirs = await made(app.admin, { role: 'platform_admin', name: 'Bootstrap key' });
      await start(first);
      expect(await opens(first, theirs.secret)).toEqual([true, true]);
      await start(second);
      expect(await opens(first, second, theirs.secret)).toEqual([false, true, true]);
      await start(second);
      expect(await opens(second)).toEqual([true]);
    });

    it('is not ended by a process that starts once more with the old setting', async () => {
      await start(first);
      expect(await opens(first, second)).toEqual([false, true]);
    });

    it('stays when there is no setting any more, and beside the key of an embedded database', async () => {
      const derived = 'fk_derived_from_the_secret_of_the_instance';
      await start(undefined);
      await start(undefined, derived);
      expect(await opens(second, derived)).toEqual([true, true]);
      await start(third);
      expect(await opens(second, third, derived)).toEqual([false, true, true]);
      await start(undefined, derived);
      expect(await opens(third, derived)).toEqual([true, true]);
    });
  });
});
