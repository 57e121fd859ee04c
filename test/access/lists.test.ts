/** What a list shows to whom: drafts, buyers, people and keys stay with their organizer. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../kit/app.ts';
import { inDays, newKey } from '../kit/given.ts';
import type { Side } from './expected.ts';
import { type Asker, CANARIES, makeEvent, makeOrder, makeWorld, type World } from './world.ts';

let app: TestApp;
let world: World;
/** By id, whose it is and how it may be seen. */
const events = new Map<string, { readonly side: Side; readonly sight: 'listed' | 'unlisted' }>();

beforeAll(async () => {
  app = await startApp();
  world = await makeWorld(app);
  for (const organizer of [world.ours, world.theirs]) {
    const { side } = organizer;
    const secret = { name: `Secret of ${side}` };
    const make = async (sight: 'listed' | 'unlisted', more: Record<string, unknown>) => {
      events.set((await makeEvent(organizer, more)).id, { side, sight });
    };
    await make('listed', {});
    await make('unlisted', { ...secret, publish: false });
    await make('unlisted', { ...secret, visibility: 'hidden' });
    await make('unlisted', { ...secret, visibility: 'scheduled', publicAt: inDays(3) });
    await makeOrder(app, organizer);
  }
});
afterAll(() => app.close());

/** Every row of every page. */
async function listed(asker: Asker, path: string): Promise<{ status: number; rows: Row[] }> {
  const rows: Row[] = [];
  let cursor: string | null = null;
  do {
    const search: string = cursor ? `${path.includes('?') ? '&' : '?'}cursor=${cursor}` : '';
    const headers = asker.headers('');
    const response = await fetch(`${app.origin}/api/v1${path}${search}`, { headers });
    if (response.status !== 200) return { status: response.status, rows };
    const page = (await response.json()) as { data: Row[]; nextCursor: string | null };
    rows.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor);
  return { status: 200, rows };
}

type Row = { readonly id: string; readonly organizerId?: string; readonly buyer?: unknown };

const isStaff = ({ kind }: Asker) => kind.is === 'staff' || kind.is === 'platform';
const sidesOf = ({ kind }: Asker): readonly Side[] =>
  kind.is === 'platform'
    ? ['ours', 'theirs']
    : kind.is === 'staff' || kind.is === 'fan'
      ? [kind.side]
      : [];

describe('lists', () => {
  it.each([
    '/events?limit=2',
    '/events?limit=200',
    '/events?q=Secret',
    '/events?status=draft',
    '/events?status=published',
  ])('%s shows drafts, hidden and scheduled events to their own staff only', async (path) => {
    let unlisted = 0;
    for (const asker of world.askers.filter(({ kind }) => kind.is !== 'refused')) {
      const { rows } = await listed(asker, path);
      const secrets = rows.filter(({ id }) => events.get(id)?.sight === 'unlisted');
      unlisted += secrets.length;
      const may = isStaff(asker) ? sidesOf(asker) : [];
      const wrong = secrets.filter(({ id }) => !may.includes(events.get(id)?.side ?? 'theirs'));
      expect(wrong, asker.name).toEqual([]);
    }
    expect(unlisted, 'somebody may see them').toBeGreaterThan(0);
  });

  it.each(['/orders?limit=1', '/users?limit=1', '/api-keys?limit=3'])(
    '%s shows the rows of its own organizer only',
    async (path) => {
      const own = { ours: world.ours.organizerId, theirs: world.theirs.organizerId };
      let seen = 0;
      for (const asker of world.askers) {
        const { rows } = await listed(asker, path);
        seen += rows.length;
        if (asker.kind.is === 'platform') continue;
        const [side] = sidesOf(asker);
        const others = side === 'ours' ? 'theirs' : 'ours';
        const text = JSON.stringify(rows);
        expect(text, asker.name).not.toContain(CANARIES[others].email);
        expect(text, asker.name).not.toContain(own[others]);
      }
      expect(seen).toBeGreaterThan(10);
    },
  );

  it('shows a fan their own orders only', async () => {
    const fans = world.askers.filter(({ kind }) => kind.is === 'fan');
    for (const asker of fans) {
      const { status, rows } = await listed(asker, '/orders');
      expect(status).toBe(200);
      const isBuyer = asker.kind.is === 'fan' && asker.kind.person === 'buyer';
      expect(rows.length > 0, asker.name).toBe(isBuyer);
    }
  });

  it('tells nothing of another organizer’s orders by naming their event', async () => {
    const [foreign] = [...events].find(([, { side }]) => side === 'theirs') ?? [];
    const answer = await world.ours.admin.get(`/orders?eventId=${foreign}`);
    expect(answer.body).toEqual({ data: [], nextCursor: null });
  });

  it('refuses a cursor that it did not give, or gave for another list', async () => {
    const page = await world.ours.admin.get('/api-keys?limit=1');
    const { nextCursor } = page.body;
    expect(nextCursor).toEqual(expect.any(String));
    for (const cursor of [nextCursor, `${nextCursor}x`, 'WyJ6Il0.AAAAAAAAAAAA', 'null', '.']) {
      const other = await world.ours.admin.get(`/orders?cursor=${encodeURIComponent(cursor)}`);
      expect(other.body).toMatchObject({ status: 422, code: 'validation_failed' });
    }
  });

  it('keeps to its own rows behind a cursor of another organizer', async () => {
    const { nextCursor } = (await world.theirs.admin.get('/api-keys?limit=1')).body;
    const page = await world.ours.admin.get(`/api-keys?cursor=${nextCursor}`);
    expect(JSON.stringify(page.body)).not.toContain(world.theirs.organizerId);
  });
});

describe('an event before its public hour', () => {
  it('is not there: not to read, not to count, not to buy', async () => {
    const publicAt = inDays(3);
    const event = await makeEvent(world.ours, { visibility: 'scheduled', publicAt });
    const items = [{ ticketTypeId: event.typeId, quantity: 1 }];
    const buyer = { name: 'Early', email: 'early@example.org' };
    const booking = { items, buyer, payment: { method: 'simulated' } };
    const strangers = [app.guest, app.as(world.ours.buyerKey), world.theirs.admin];
    for (const caller of strangers) {
      const answers = [
        await caller.get(`/events/${event.id}`),
        await caller.get(`/events/${event.id}/availability`),
        await caller.post(`/events/${event.id}/holds`, { items }, newKey()),
        await caller.post(`/events/${event.id}/bookings`, booking, newKey()),
      ];
      expect(answers.map(({ body }) => body.code)).toEqual(Array(4).fill('not_found'));
    }
    expect((await world.ours.admin.get(`/events/${event.id}`)).status).toBe(200);
  });

  it('opens to whoever has its address where it is hidden only', async () => {
    const event = await makeEvent(world.ours, { visibility: 'hidden' });
    expect((await app.guest.get(`/events/${event.id}`)).status).toBe(200);
  });
});
