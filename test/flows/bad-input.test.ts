/** Values that no field may have: refused by their path, and nothing changes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expectAllGood,
  expectRefused,
  expectUnchanged,
  makeWorld,
  send,
  type World,
  withLiteral,
  writeOf,
} from './bad-input-kit.ts';

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world.app.close());

type Field = { readonly write: string; readonly path: string; readonly fine?: readonly string[] };

/** JSON literals, as they would stand in the text. */
const NUMBERS = [
  '-1',
  '0',
  '1.5',
  '2147483648',
  '1e10',
  '"2"',
  '"two"',
  'null',
  'true',
  '[2]',
  '{"n":2}',
  '""',
];
/** These are refused while the body is read, whatever stands where. */
const UNREADABLE: Readonly<Record<string, string>> = {
  '1e309': 'number_out_of_range',
  '9007199254740993': 'number_out_of_range',
  '-9007199254740993': 'number_out_of_range',
  NaN: 'malformed_json',
  Infinity: 'malformed_json',
  '-': 'malformed_json',
  '01': 'malformed_json',
  '+1': 'malformed_json',
  '0x10': 'malformed_json',
  '1_000': 'malformed_json',
  '"\\u0000"': 'nul_character',
  '"a\\u0000b"': 'nul_character',
  '"\\ud800"': 'lone_surrogate',
  '"\\udc00x"': 'lone_surrogate',
  '"\\ud83d\\ud83d\\ude00"': 'lone_surrogate',
  '"a\u0001b"': 'malformed_json',
  '"a\nb"': 'malformed_json',
  '{"a":1,"a":2}': 'duplicate_key',
  '{"__proto__":{"admin":true}}': 'forbidden_key',
  '{"constructor":{"prototype":{"admin":true}}}': 'forbidden_key',
};

/** Sends each literal at the field's place; each must be refused for that place. */
async function refuseAll(field: Field, literals: readonly string[], code?: string): Promise<void> {
  const write = writeOf(world, field.write);
  await expectUnchanged(world, async () => {
    for (const literal of literals.filter((one) => !field.fine?.includes(one))) {
      const sent = await send(world, write, withLiteral(write.body, field.path, literal));
      const what = `${field.path}: ${literal.slice(0, 80)} → ${JSON.stringify(sent.body)}`;
      if (UNREADABLE[literal]) {
        expect(sent.body.code, what).toBe(UNREADABLE[literal]);
        expectRefused(sent, 400, UNREADABLE[literal]);
        continue;
      }
      expect(sent.body.code, what).toBe('validation_failed');
      expectRefused(sent, 422, 'validation_failed');
      const issues = sent.body.issues as { path: string; code: string }[];
      const there = issues.filter(({ path }) => path.startsWith(field.path));
      expect(there.length, what).toBeGreaterThan(0);
      if (code) expect(there.map((issue) => issue.code)).toContain(code);
    }
  });
}

describe('a quantity', () => {
  const quantities: readonly Field[] = [
    { write: 'POST /events/:id/holds', path: 'items.0.quantity' },
    { write: 'PUT /holds/:id', path: 'items.0.quantity' },
    { write: 'POST /events/:id/bookings', path: 'items.0.quantity' },
    { write: 'POST /events/:id/ticket-types', path: 'capacity', fine: ['0'] },
    { write: 'POST /events/:id/ticket-types', path: 'minPerOrder' },
    { write: 'PUT /events/:id/ticket-types/:id', path: 'maxPerOrder' },
    { write: 'POST /events/:id/pools', path: 'capacity', fine: ['0'] },
    { write: 'PUT /events/:id/pools/:id', path: 'capacity', fine: ['0'] },
    { write: 'POST /events', path: 'ticketTypes.0.capacity', fine: ['0'] },
    { write: 'POST /events', path: 'totalCapacity', fine: ['0', 'null'] },
    { write: 'POST /events', path: 'maxTicketsPerPerson', fine: ['null'] },
    { write: 'POST /events', path: 'holdMinutes' },
    { write: 'POST /events', path: 'shoppingMinutes' },
    { write: 'POST /events (short form)', path: 'totalTickets', fine: ['0'] },
    { write: 'PUT /events/:id', path: 'version', fine: ['2147483648', '1e10'] },
  ];
  it.each(quantities)('$write $path', async (field) => {
    await refuseAll(field, [...NUMBERS, ...Object.keys(UNREADABLE)]);
  });

  it('beyond what the database can count is a version that nobody has', async () => {
    const write = writeOf(world, 'PUT /events/:id');
    await expectUnchanged(world, async () => {
      const sent = await send(world, write, withLiteral(write.body, 'version', '9007199254740991'));
      expectRefused(sent, 409, 'version_conflict');
    });
  });
});

describe('money', () => {
  const amounts: readonly Field[] = [
    { write: 'POST /events', path: 'ticketTypes.0.price.amount', fine: ['0'] },
    { write: 'POST /events/:id/ticket-types', path: 'price.amount', fine: ['0'] },
    { write: 'PUT /events/:id/ticket-types/:id', path: 'price.amount', fine: ['0'] },
    { write: 'POST /events (short form)', path: 'ticketPrice', fine: ['0'] },
  ];
  it.each(amounts)('$write $path', async (field) => {
    const more = ['0.5', '25.00001', '-0.01', '100000000', '"25,00"', '"€25"'];
    await refuseAll(field, [...NUMBERS, ...more, ...Object.keys(UNREADABLE)]);
  });

  it.each(['POST /events', 'POST /events/:id/ticket-types'])(
    '%s: a currency that is none, or another than the event’s',
    async (write) => {
      const path = write === 'POST /events' ? 'ticketTypes.0.price.currency' : 'price.currency';
      const wrong = ['"eur"', '"EU"', '"EURO"', '"XXY"', '""', '"€"', 'null', '978', '["EUR"]'];
      await refuseAll({ write, path }, wrong);
      await refuseAll({ write, path }, ['"USD"', '"JPY"', '"KWD"'], 'wrong_currency');
    },
  );

  it.each([
    ['JPY', 1_000, 0],
    ['KWD', 1_500, 3],
    ['EUR', 2_500, 2],
  ])('in %s is whole minor units', async (currency, amount) => {
    const write = writeOf(world, 'POST /events');
    const [type] = write.body['ticketTypes'] as Record<string, unknown>[];
    const body = {
      ...write.body,
      currency,
      ticketTypes: [{ ...type, price: { amount, currency } }],
    };
    const sent = await send(world, write, JSON.stringify(body));
    expect(sent.body.ticketTypes[0].price).toEqual({ amount, currency });
  });
});

describe('one line of text', () => {
  const texts: readonly (Field & { readonly most: number })[] = [
    { write: 'POST /events', path: 'name', most: 200 },
    { write: 'POST /events', path: 'venueName', most: 200, fine: ['null'] },
    { write: 'POST /events', path: 'ticketTypes.0.name', most: 100 },
    { write: 'POST /events/:id/pools', path: 'name', most: 100 },
    { write: 'POST /events/:id/bookings', path: 'buyer.name', most: 200 },
    { write: 'POST /orders/:id/refunds', path: 'reason', most: 200 },
    { write: 'POST /users', path: 'name', most: 200 },
    { write: 'PUT /users/:id', path: 'name', most: 200 },
    { write: 'POST /api-keys', path: 'name', most: 100 },
  ];
  const invisible = [
    '"\u202egnp.exe"',
    '"a\u2066b"',
    '"a\u200bb"',
    '"a\ufeffb"',
    '"a\\r\\nBcc: x@example.org"',
    '"a\\tb"',
    '"\\u001b[31mred"',
    '"a\\u0085b"',
    '"a\u007fb"',
  ];
  it.each(texts)('$write $path', async ({ most, ...field }) => {
    await refuseAll(field, ['""', '"   "', '"\\n"', '1', 'null', 'true', '[]', '["a"]', '{}']);
    await refuseAll(field, [`"${'x'.repeat(most + 1)}"`, `"${'x'.repeat(5_000)}"`]);
    await refuseAll(field, invisible, 'invisible_characters');
    await refuseAll(field, Object.keys(UNREADABLE));
  });

  it('of 10 MB is not read', async () => {
    const write = writeOf(world, 'POST /users');
    await expectUnchanged(world, async () => {
      const text = withLiteral(write.body, 'name', `"${'x'.repeat(10_000_000)}"`);
      expectRefused(await send(world, write, text), 413, 'body_too_large');
    });
  });

  it('that is refused is not repeated', async () => {
    const write = writeOf(world, 'POST /users');
    for (const path of ['name', 'email']) {
      const sent = await send(world, write, withLiteral(write.body, path, '"canary-3f\u200b"'));
      expect(sent.status).toBe(422);
      expect(JSON.stringify(sent.body)).not.toContain('canary');
    }
  });

  it.each([
    ['e\u0301', '\u00e9'],
    ['  Ada  ', 'Ada'],
    ['\ufeffAda\n', 'Ada'],
    ['\u0645\u0631\u062d\u0628\u0627', '\u0645\u0631\u062d\u0628\u0627'],
    ['\u{1f469}\u200d\u{1f680}', '\u{1f469}\u200d\u{1f680}'],
    ["Robert'); drop table person;--", "Robert'); drop table person;--"],
    ['<script>alert(1)</script>', '<script>alert(1)</script>'],
    ['=HYPERLINK("x")', '=HYPERLINK("x")'],
    ['z\u0335\u0321\u0353a\u0336l', 'z\u0335\u0321\u0353a\u0336l'.normalize('NFC')],
  ])('%j is kept as %j', async (name, kept) => {
    const email = `kept${Math.floor(performance.now() * 1_000)}@example.org`;
    const made = await world.ours.as.post('/users', { name, email });
    expect(made).toMatchObject({ status: 201, body: { name: kept } });
    const { body } = await world.ours.as.get(`/users/${made.body.id}`);
    expect(body.name).toBe(kept);
  });
});

describe('several lines of text', () => {
  it('may break lines, and nothing else that cannot be seen', async () => {
    const field = { write: 'POST /events', path: 'description' };
    await refuseAll(field, ['"\\u001b[2J"', '"a\u202eb"', '"a\\rb"', '1', 'null', '[]']);
    await refuseAll(field, [`"${'x'.repeat(5_001)}"`, ...Object.keys(UNREADABLE)]);
  });
});

describe('an address', () => {
  it.each([
    { write: 'POST /users', path: 'email' },
    { write: 'PUT /users/:id', path: 'email' },
    { write: 'POST /events/:id/holds', path: 'buyer.email' },
    { write: 'POST /events/:id/bookings', path: 'buyer.email' },
  ])('$write $path', async (field) => {
    const wrong = ['a', '@b.org', 'a@', 'a@b', 'a b@c.org', 'a@b@c.org', '<a@b.org>', 'a@b..org'];
    const attacks = [
      'a@b.org\\r\\nBcc: c@d.org',
      'a@b.org,c@d.org',
      '\u0430da@example.org',
      '.a@b.org',
    ];
    const long = `${'a'.repeat(250)}@example.org`;
    const texts = [...wrong, ...attacks, long, ''].map((text) => `"${text}"`);
    await refuseAll(field, [...texts, 'null', '1', '[]', ...Object.keys(UNREADABLE)]);
  });

  it('of a telephone is international', async () => {
    const field = { write: 'POST /events/:id/bookings', path: 'buyer.phone' };
    const wrong = [
      '030 1234567',
      '+0123456789',
      '+49',
      '+49123456789012345',
      '+49 30 CALL',
      '0049301',
    ];
    await refuseAll(field, [...wrong.map((text) => `"${text}"`), 'null', '493012345678']);
  });
});

describe('the rest', () => {
  it('is as it was: the same requests without their fault succeed', async () => {
    await expectAllGood(world);
  });
});
