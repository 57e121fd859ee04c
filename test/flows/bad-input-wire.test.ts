/** JSON that is none of ours, and HTTP that no client library would send. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { book, newKey } from '../kit/given.ts';
import { requestText, sendRaw, wire } from '../kit/raw.ts';
import {
  expectAllGood,
  expectRefused,
  expectUnchanged,
  makeWorld,
  send,
  type World,
  writeOf,
} from './bad-input-kit.ts';

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world.app.close());

const DEEP = 100_000;
/** Bodies that are refused while they are read. */
const BODIES: Readonly<Record<string, readonly [text: string, code: string, status?: number]>> = {
  'nothing but a bracket': ['{', 'malformed_json'],
  'a key twice': ['{"name":"a","email":"a@example.org","name":"b"}', 'duplicate_key'],
  'a key twice, written differently': ['{"name":"a","n\\u0061me":"b"}', 'duplicate_key'],
  'a key twice, deeper': ['{"name":{"a":1,"a":1}}', 'duplicate_key'],
  __proto__: ['{"__proto__":{"polluted":true},"name":"a"}', 'forbidden_key'],
  '__proto__, escaped': ['{"\\u005f_proto__":{"polluted":true}}', 'forbidden_key'],
  'constructor.prototype': ['{"constructor":{"prototype":{"polluted":true}}}', 'forbidden_key'],
  'arrays in arrays': ['['.repeat(DEEP) + ']'.repeat(DEEP), 'too_deep'],
  'objects in objects': ['{"a":'.repeat(40_000), 'too_deep'],
  'arrays that do not end': ['['.repeat(DEEP), 'too_deep'],
  'too many members': [`[${'1,'.repeat(20_000)}1]`, 'too_many_members'],
  'a million members': [`{${'"a":1,'.repeat(1_000_000)}"a":1}`, 'body_too_large', 413],
  'something behind it': ['{"name":"a","email":"a@example.org"}x', 'trailing_content'],
  'two values': ['{} {}', 'trailing_content'],
  'a byte order mark': ['\ufeff{"name":"a"}', 'byte_order_mark'],
  'a comment': ['{"name":"a" /* b */}', 'malformed_json'],
  'a trailing comma': ['{"name":"a",}', 'malformed_json'],
  'single quotes': [`{'name':'a'}`, 'malformed_json'],
  'keys without quotes': ['{name:"a"}', 'malformed_json'],
  'white space that is none': ['{\u00a0"name":"a"}', 'malformed_json'],
  'a cut string': ['{"name":"a', 'malformed_json'],
  'a form': ['name=a&email=a%40example.org', 'malformed_json'],
  XML: ['<name>a</name>', 'malformed_json'],
  undefined: ['undefined', 'malformed_json'],
};

describe('a body', () => {
  it.each(Object.entries(BODIES))('of %s is refused', async (_what, [text, code, status]) => {
    await expectUnchanged(world, async () => {
      const sent = await send(world, writeOf(world, 'POST /users'), text);
      expectRefused(sent, status ?? 400, code);
      expect(JSON.stringify(sent.body).length).toBeLessThan(1_000);
    });
  });

  it('leaves the prototypes of everything alone', () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each(['null', '[]', '"name"', '1', 'true', '', '[{"name":"a"}]', '  '])(
    '%j is none of ours, on every write',
    async (text) => {
      await expectUnchanged(world, async () => {
        for (const write of world.writes) {
          const sent = await send(world, write, text);
          const code = text === '  ' ? 'malformed_json' : 'validation_failed';
          expectRefused(sent, text === '  ' ? 400 : 422, code);
        }
      });
    },
  );

  it('where none is wanted must be empty', async () => {
    await expectUnchanged(world, async () => {
      const path = `/events/${world.ours.eventId}/sales/pause`;
      const sent = await send(world, { method: 'POST', path }, '{"force":true}');
      expectRefused(sent, 422, 'validation_failed');
      expect(sent.body.issues).toMatchObject([{ path: 'force', code: 'unknown_field' }]);
      expectRefused(await send(world, { method: 'POST', path }, '[1]'), 422, 'validation_failed');
    });
  });

  it('of bytes that are no UTF-8 is refused', async () => {
    const body = Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xc3, 0x28, 0x22, 0x7d])]);
    await expectUnchanged(world, async () => {
      const answer = await post([['content-length', `${body.length}`]], body);
      expect(answer).toMatchObject({ status: 400, body: { code: 'malformed_json' } });
    });
  });
});

const USER = '{"name":"Wire","email":"wire@example.org"}';
const LENGTH = `${USER.length}`;
type Headers = readonly (readonly [string, string])[];

/** A write with these headers and bytes, whatever they say of each other. */
async function post(headers: Headers, ...body: (string | Uint8Array)[]) {
  const usual: Headers = [
    ['authorization', `Bearer ${world.ours.key}`],
    ['content-type', 'application/json'],
    ['connection', 'close'],
  ];
  const head = requestText('POST /api/v1/users', [...usual, ...headers]);
  return sendRaw(world.app.origin, head, ...body);
}

describe('framing', () => {
  const SMUGGLED = 'POST /api/v1/organizers HTTP/1.1\r\nhost: x\r\n\r\n';
  it.each<[string, Headers, string]>([
    [
      'two lengths',
      [
        ['content-length', LENGTH],
        ['content-length', '5'],
      ],
      USER,
    ],
    ['two lengths in one', [['content-length', `${LENGTH}, 5`]], USER],
    [
      'a length and chunks',
      [
        ['content-length', '5'],
        ['transfer-encoding', 'chunked'],
      ],
      `0\r\n\r\n${SMUGGLED}`,
    ],
    ['chunks named twice', [['transfer-encoding', 'chunked, chunked']], `0\r\n\r\n${SMUGGLED}`],
    ['chunks before gzip', [['transfer-encoding', 'chunked, gzip']], '0\r\n\r\n'],
    ['an unknown transfer', [['transfer-encoding', 'xchunked']], USER],
    ['a chunk of nonsense', [['transfer-encoding', 'chunked']], 'xyz\r\nabc\r\n0\r\n\r\n'],
    ['a negative chunk', [['transfer-encoding', 'chunked']], '-1\r\nabc\r\n0\r\n\r\n'],
    ['a length that is none', [['content-length', 'many']], USER],
    ['a negative length', [['content-length', '-1']], USER],
    ['a length beyond all bounds', [['content-length', '99999999999999999999']], USER],
  ])('with %s is refused', async (_what, headers, body) => {
    await expectUnchanged(world, async () => {
      const answer = await post(headers, body);
      expect(answer).toMatchObject({ status: 400, body: { status: 400 } });
      expect(answer.headers['content-type']).toBe('application/problem+json');
      // One answer: nothing of the body was taken for a request.
      expect(answer.text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    });
  });

  it('of a body longer than it says is cut: the rest is no request', async () => {
    await expectUnchanged(world, async () => {
      const answer = await post([['content-length', '3']], USER);
      expect(answer).toMatchObject({ status: 400, body: { status: 400 } });
      expect(answer.body.code).toMatch(/^malformed_(json|request)$/);
      expect(answer.text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    });
  });

  it('of a body shorter than it says waits, and ends with the client', async () => {
    await expectUnchanged(world, async () => {
      const { app } = world;
      const connection = await wire(app.origin);
      const head: Headers = [
        ['authorization', `Bearer ${world.ours.key}`],
        ['content-type', 'application/json'],
        ['content-length', '500'],
      ];
      connection.write(requestText('POST /api/v1/users', head, USER));
      connection.socket.end();
      const { status } = await connection.ended;
      expect([0, 400]).toContain(status);
    });
  });

  it('announced as larger than allowed is refused before it comes', async () => {
    const answer = await post([['content-length', '300000']], '{');
    expect(answer).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
  });

  it('in chunks beyond what is allowed is refused while it comes', async () => {
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    const answer = await post([['transfer-encoding', 'chunked']], ...Array(6).fill(chunk));
    expect(answer).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
  });
});

describe('headers', () => {
  const get = (...headers: (readonly [string, string])[]) =>
    sendRaw(world.app.origin, requestText('GET /api/v1/me', [['connection', 'close'], ...headers]));

  it('of 100 kB are refused', async () => {
    const big = await get(['x-big', 'x'.repeat(100_000)]);
    expect(big).toMatchObject({ status: 431, body: { status: 431 } });
    const many = Array.from({ length: 3_000 }, (_, i) => [`x-h${i}`, 'y'.repeat(30)] as const);
    expect(await get(...many)).toMatchObject({ status: 431 });
    const line = `GET /api/v1/events?q=${'q'.repeat(100_000)}`;
    const long = await sendRaw(world.app.origin, requestText(line, []));
    expect(long).toMatchObject({ status: 431, body: { status: 431 } });
  });

  it.each([
    ['a NUL', 'x\u0000y'],
    ['a carriage return', 'x\rauthorization: Bearer x'],
  ])('with %s are refused', async (_what, value) => {
    expect(await get(['x-odd', value])).toMatchObject({ status: 400, body: { status: 400 } });
  });

  it('given twice: an Idempotency-Key is none', async () => {
    await expectUnchanged(world, async () => {
      const twice: Headers = [
        ['idempotency-key', 'a'],
        ['idempotency-key', 'b'],
        ['content-length', LENGTH],
      ];
      const answer = await post(twice, USER);
      expect(answer).toMatchObject({ status: 400, body: { code: 'idempotency_key_invalid' } });
    });
  });

  it('given twice: an Authorization is the first, and never both', async () => {
    const wrong = await get(['authorization', 'Bearer no'], ['authorization', `Bearer ${KEY()}`]);
    expect(wrong).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
  });
  const KEY = () => world.ours.key;

  it.each([
    'Bearer',
    'Bearer ',
    'bearer fk_wrong',
    'Basic Zms6',
    'Bearer fk_a fk_b',
    `Bearer ${'x'.repeat(5_000)}`,
    'fk_admin_key_for_tests_0123456789',
  ])('Authorization: %s opens nothing', async (value) => {
    const answer = await get(['authorization', value]);
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
  });

  it('that name another host change no link', async () => {
    const { eventId, as } = world.ours;
    const event = await as.get(`/events/${eventId}`);
    const type = { name: 'Paid', price: { amount: 900, currency: 'EUR' }, capacity: 5 };
    const { body } = await as.post(`/events/${eventId}/ticket-types`, type);
    const spoofed = {
      ...newKey(),
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example',
    };
    const booked = await as.post(
      `/events/${eventId}/bookings`,
      {
        items: [{ ticketTypeId: body.id, quantity: 1 }],
        buyer: { name: 'A', email: 'a@example.org' },
        payment: { method: 'payment_intent' },
      },
      spoofed,
    );
    expect(booked.status).toBe(201);
    expect(booked.body.payment.redirectUrl).toContain(world.app.origin);
    expect(JSON.stringify([event.body, booked.body])).not.toContain('evil');
    await book(as, eventId, world.ours.typeId);
  });
});

describe('a request line', () => {
  it.each([
    ['GET /api/v1/me HTTP/3.0\r\nhost: x\r\n\r\n', 400],
    ['get /api/v1/me HTTP/1.1\r\nhost: x\r\n\r\n', 400],
    ['BREW /api/v1/me HTTP/1.1\r\nhost: x\r\n\r\n', 400],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['\u0016\u0003\u0001\u0002\u0000\u0001\u0000', 400],
    ['GET /api/v1/me HTTP/1.1\r\nconnection: close\r\n\r\n', 400],
    ['GET /api/v1/%00 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', 404],
    ['GET /api/v1/../../etc/passwd HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', 404],
    [
      'GET http://evil.example/api/v1/nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      404,
    ],
    ['TRACE /api/v1/me HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', 405],
    ['PROPFIND /api/v1/me HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', 405],
  ])('%j', async (text, status) => {
    const answer = await sendRaw(world.app.origin, Buffer.from(text, 'latin1'));
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ status, code: expect.stringMatching(/^[a-z_]+$/) });
  });
});

describe('the rest', () => {
  it('is as it was: the same requests without their fault succeed', async () => {
    await expectAllGood(world);
  });
});
