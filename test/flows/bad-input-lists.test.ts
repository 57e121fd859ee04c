/** Times that cannot be, lists that are none, pages of nowhere. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inDays } from '../kit/given.ts';
import {
  expectAllGood,
  expectRefused,
  expectUnchanged,
  makeWorld,
  send,
  type World,
  withValue,
  writeOf,
} from './bad-input-kit.ts';

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world.app.close());

/** Sends each body of a write; each must be refused with this code at this path. */
async function refuse(name: string, path: string, code: string, values: readonly unknown[]) {
  const write = writeOf(world, name);
  await expectUnchanged(world, async () => {
    for (const value of values) {
      const sent = await send(world, write, JSON.stringify(withValue(write.body, path, value)));
      const what = `${JSON.stringify(value)?.slice(0, 60)} → ${JSON.stringify(sent.body)}`;
      expect(sent.body.code, what).toBe('validation_failed');
      expectRefused(sent, 422, 'validation_failed');
      const found = (sent.body.issues as { path: string; code: string }[]).filter(
        (issue) => issue.path.startsWith(path) && issue.code === code,
      );
      expect(found.length, what).toBeGreaterThan(0);
    }
  });
}

describe('a time', () => {
  const impossible = [
    '2027-02-30T20:00:00Z',
    '2027-13-01T20:00:00Z',
    '2027-00-10T20:00:00Z',
    '2027-06-31T20:00:00Z',
    '2027-02-29T20:00:00Z',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00Z',
    '1899-12-31T23:59:59Z',
    '2201-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '+020270-01-01T00:00:00Z',
    '2027-05-01T24:00:00Z',
    '2027-05-01T20:60:00Z',
    '2027-06-30T23:59:60Z',
    '2027-05-01T20:00:00+14:01',
    '2027-05-01T20:00:00-14:30',
    '2027-05-01T20:00:00+99:00',
    '2027-05-01T20:00:00',
    '2027-05-01 20:00:00',
    '2027-05-01T20:00Z',
    '2027-05-01',
    '20270501T200000Z',
    'Sat, 01 May 2027 20:00:00 GMT',
    'tomorrow',
    'now',
    '1777777777',
    '',
    ' ',
  ];
  it.each([
    ['POST /events', 'startsAt'],
    ['POST /events', 'endsAt'],
    ['POST /events', 'salesOpenAt'],
    ['POST /events', 'ticketTypes.0.salesCloseAt'],
    ['PUT /events/:id', 'startsAt'],
    ['POST /events/:id/clone', 'startsAt'],
    ['POST /events/:id/ticket-types', 'salesOpenAt'],
    ['POST /api-keys', 'expiresAt'],
  ])('%s %s must exist', async (name, path) => {
    await refuse(name, path, 'invalid_time', impossible);
    await refuse(name, path, 'invalid_type', [1_777_777_777, true, [], {}]);
  });

  it('must come in its order', async () => {
    const startsAt = '2030-05-01T20:00:00+02:00';
    const write = writeOf(world, 'POST /events');
    const cases: readonly [Record<string, unknown>, string, string][] = [
      [{ endsAt: '2030-05-01T19:59:59+02:00' }, 'endsAt', 'ends_before_start'],
      [{ endsAt: startsAt }, 'endsAt', 'ends_before_start'],
      // Earlier on the clock's face is not earlier.
      [{ endsAt: '2030-05-01T21:00:00+04:00' }, 'endsAt', 'ends_before_start'],
      [{ doorsAt: '2030-05-01T20:00:01+02:00' }, 'doorsAt', 'doors_after_start'],
      [{ salesOpenAt: '2030-05-02T00:00:00Z' }, 'salesOpenAt', 'sale_after_event'],
      [{ salesCloseAt: '2031-01-01T00:00:00Z' }, 'salesCloseAt', 'sale_after_event'],
      [
        { salesOpenAt: '2030-03-01T00:00:00Z', salesCloseAt: '2030-02-01T00:00:00Z' },
        'salesCloseAt',
        'closes_before_open',
      ],
      [{ visibility: 'scheduled' }, 'publicAt', 'required'],
      [{ publicAt: '2030-01-01T00:00:00Z' }, 'publicAt', 'not_scheduled'],
    ];
    await expectUnchanged(world, async () => {
      for (const [times, path, code] of cases) {
        const body = JSON.stringify({ ...write.body, startsAt, ...times });
        const sent = await send(world, write, body);
        expectRefused(sent, 422, 'validation_failed');
        expect(sent.body.issues).toContainEqual(expect.objectContaining({ path, code }));
      }
    });
  });

  it.each([
    // The clocks of Berlin jump over the one and strike the other twice; an offset tells which.
    ['in the gap', '2027-03-28T02:30:00+01:00', '2027-03-28T03:30:00+02:00'],
    ['in the overlap, first', '2027-10-31T02:30:00+02:00', '2027-10-31T02:30:00+02:00'],
    ['in the overlap, second', '2027-10-31T02:30:00+01:00', '2027-10-31T02:30:00+01:00'],
    ['on 29 February', '2028-02-29T20:00:00+01:00', '2028-02-29T20:00:00+01:00'],
    ['at the far end of the offsets', '2027-05-01T20:00:00+14:00', '2027-05-01T08:00:00+02:00'],
    ['of the last year', '2200-12-31T22:59:59Z', '2200-12-31T23:59:59+01:00'],
  ])('%s names one instant', async (_what, startsAt, shown) => {
    const write = writeOf(world, 'POST /events (short form)');
    const sent = await send(world, write, JSON.stringify({ ...write.body, startsAt }));
    expect(sent.body).toMatchObject({ startsAt: shown });
  });

  it('is in a zone of the tz database', async () => {
    const zones = ['Berlin', 'Europe/Nowhere', '+02:00', 'UTC+2', 'CEST!', '', '../etc/passwd'];
    await refuse('POST /events', 'timezone', 'invalid_timezone', zones);
    await refuse('POST /events', 'timezone', 'invalid_type', [1, null, ['Europe/Berlin']]);
  });
});

describe('a list', () => {
  const line = () => ({ ticketTypeId: world.ours.typeId, quantity: 1 });
  it.each(['POST /events/:id/holds', 'PUT /holds/:id', 'POST /events/:id/bookings'])(
    '%s: of places',
    async (name) => {
      await refuse(name, 'items', 'too_small', [[]]);
      await refuse(name, 'items', 'invalid_type', [{}, 'all', 1, [null], [[]], [line(), 'two']]);
      await refuse(name, 'items', 'duplicate_item', [[line(), line()]]);
      await refuse(name, 'items', 'too_big', [Array(21).fill(line()), Array(2_000).fill(line())]);
      await refuse(name, 'items', 'unknown_field', [[{ ...line(), seat: 'A1' }]]);
    },
  );

  it('of 10,000 places is not read to its end', async () => {
    const write = writeOf(world, 'POST /events/:id/holds');
    await expectUnchanged(world, async () => {
      const items = Array(10_000).fill(line());
      const sent = await send(world, write, JSON.stringify({ items }));
      expectRefused(sent, 413, 'body_too_large');
      const short = JSON.stringify({ items: Array(11_000).fill(1) });
      expectRefused(await send(world, write, short), 400, 'too_many_members');
    });
  });

  it('with places of two events takes none', async () => {
    const write = writeOf(world, 'POST /events/:id/holds');
    await expectUnchanged(world, async () => {
      const items = [line(), { ticketTypeId: world.theirs.typeId, quantity: 1 }];
      const sent = await send(world, write, JSON.stringify({ items }));
      expectRefused(sent, 422, 'unknown_ticket_type');
    });
  });

  it('needs a hold or places, not both and not neither', async () => {
    const write = writeOf(world, 'POST /events/:id/bookings');
    const { items: _items, ...rest } = write.body;
    await expectUnchanged(world, async () => {
      for (const body of [rest, { ...write.body, holdId: world.ours.holdId }]) {
        const sent = await send(world, write, JSON.stringify(body));
        expectRefused(sent, 422, 'validation_failed');
        expect(sent.body.issues).toMatchObject([{ path: 'items', code: 'items_or_hold' }]);
      }
    });
  });

  it('of tickets to refund', async () => {
    const name = 'POST /orders/:id/refunds';
    const { ticketId } = world.ours;
    await refuse(name, 'ticketIds', 'too_small', [[]]);
    await refuse(name, 'ticketIds', 'invalid_type', [ticketId, {}, [null], [[ticketId]], 'all']);
    await refuse(name, 'ticketIds', 'too_big', [Array(1_001).fill(ticketId)]);
  });

  it('of ticket types, scopes and remedies', async () => {
    const write = writeOf(world, 'POST /events');
    const [type] = write.body['ticketTypes'] as unknown[];
    await refuse('POST /events', 'ticketTypes', 'too_big', [Array(101).fill(type)]);
    await refuse('POST /events', 'ticketTypes', 'invalid_type', [{}, 'all', [null], [[type]]]);
    await refuse('POST /api-keys', 'scopes', 'too_big', [Array(41).fill('events:read')]);
    const cancel = { method: 'POST', path: `/events/${world.ours.eventId}/cancel` } as const;
    await expectUnchanged(world, async () => {
      for (const remedies of [[], ['money'], ['refund', 'refund', 'refund', 'refund'], 'refund']) {
        const sent = await send(world, cancel, JSON.stringify({ remedies }));
        expectRefused(sent, 422, 'validation_failed');
      }
      const sent = await send(world, cancel, JSON.stringify({ remedies: ['voucher'] }));
      expectRefused(sent, 422, 'remedy_unavailable');
    });
  });
});

describe('the time of the sandbox', () => {
  it('goes forward, and no further than ten years', async () => {
    const move = (advanceSeconds: unknown) =>
      world.app.admin.post('//sandbox/clock', { advanceSeconds });
    for (const wrong of [-1, 0.5, '60', null, 315_360_001]) {
      expect((await move(wrong)).body).toMatchObject({ status: 422, code: 'validation_failed' });
    }
    // The flows run by a clock of their own; this one moves nothing but itself here.
    expect((await move(315_359_999)).body).toMatchObject({ offsetSeconds: 315_359_999 });
    expect((await move(2)).body).toMatchObject({ status: 409, code: 'clock_too_far' });
    expect((await move(1)).body).toMatchObject({ offsetSeconds: 315_360_000 });
    expect((await move(1)).body).toMatchObject({ status: 409, code: 'clock_too_far' });
    expect((await world.app.admin.get('//sandbox/clock')).status).toBe(200);
  });
});

describe('a page', () => {
  const get = (path: string) => world.ours.as.get(path);
  it.each(['/events', '/orders', '/users', '/api-keys'])('of %s', async (list) => {
    const good = await get(`${list}?limit=1`);
    expect(good.status).toBe(200);
    const foreign = (await world.app.admin.get('/organizers?limit=1')).body.nextCursor as string;
    expect(foreign).toMatch(/\./);
    const wrong = [
      ...['limit=0', 'limit=-1', 'limit=201', 'limit=1000000000', 'limit=1e9', 'limit=ten'],
      ...['limit=', 'limit=1.5', 'limit=1&limit=2', 'limit[]=1', 'limit=%00', 'limit=0x1'],
      ...['cursor=made-up', 'cursor=', `cursor=${foreign}`, `cursor=${'x'.repeat(600)}`],
      ...['cursor=eyJ9.eyJ9', 'cursor=a&cursor=b', 'sort=secret_hash', 'offset=1', 'order=desc'],
      ...['__proto__=1', 'constructor=1', '%00=1', 'where[x]=1'],
    ];
    for (const query of wrong) {
      const answer = await get(`${list}?${query}`);
      expect(answer.body, query).toMatchObject({ status: 422, code: 'validation_failed' });
    }
  });

  it('of events is searched for what is written, whatever it would mean elsewhere', async () => {
    await world.ours.as.post('/events', {
      name: '100% Rock_n\\Roll (a+)+$',
      startsAt: inDays(20),
      timezone: 'Europe/Berlin',
      currency: 'EUR',
    });
    const search = async (q: string) =>
      (await get(`/events?q=${encodeURIComponent(q)}`)).body.data.length;
    expect(await search('100% Rock_n\\Roll (a+)+$')).toBe(1);
    for (const nothing of ['%%%%%', '_____________________', '100%Rock', 'Rock.n', "' or ''='"]) {
      expect(await search(nothing), nothing).toBe(0);
    }
    expect((await get(`/events?q=${'%25'.repeat(100)}`)).status).toBe(200);
    for (const wrong of ['q=', `q=${'x'.repeat(101)}`, 'q=%00', 'q=a%0d%0ab', 'q=%e2%80%ae']) {
      expect((await get(`/events?${wrong}`)).body).toMatchObject({ code: 'validation_failed' });
    }
  });

  it('is filtered by what there is', async () => {
    for (const wrong of [
      '/events?status=deleted',
      '/events?from=yesterday',
      '/events?to=2027-01-01',
      '/orders?status=paid',
      '/orders?eventId=1',
      "/orders?eventId=evt_1'--",
      '/users?email=nobody',
    ]) {
      expect((await get(wrong)).body, wrong).toMatchObject({ code: 'validation_failed' });
    }
  });
});

describe('the rest', () => {
  it('is as it was: the same requests without their fault succeed', async () => {
    await expectAllGood(world);
  });
});
