/**
 * Good requests with a fault at random: whatever it is, the answer is a success or a problem with
 * a code that the documentation knows, never a 5xx; and the guarantees hold afterwards. What
 * schemathesis cannot know, these do: ids that exist.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../server/app.ts';
import { commonRefusals } from '../../server/kernel/problem.ts';
import { expectAuditClean } from '../kit/audit.ts';
import { makeWorld, send, type World, type Write, withValue } from './bad-input-kit.ts';

const RUNS = 60;

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world.app.close());

const codes = new Set([
  ...Object.keys(commonRefusals),
  ...routes.flatMap((route) => Object.keys(route.refusals)),
  ...['malformed_json', 'too_deep', 'duplicate_key', 'forbidden_key', 'nul_character'],
  ...['lone_surrogate', 'number_out_of_range', 'too_many_members', 'trailing_content'],
]);

const values = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 50 }),
  fc.double(),
  fc.bigInt().map(String),
  fc.integer({ min: -5, max: 2_000 }),
  fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1, 999_999, 1_000_000, 99_999_999, 0, 1, -0),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.constantFrom('2200-12-31T23:59:59Z', '1900-01-01T00:00:00Z', '2027-03-28T02:30:00+01:00'),
  fc.constantFrom('JPY', 'KWD', 'EUR', 'USD', 'Asia/Tokyo', 'Antarctica/Troll', 'a@b.org'),
  fc.emailAddress(),
);

/** The dotted paths of everything in a value, itself included. */
function pathsOf(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null) return [at];
  const inside = Object.entries(value).flatMap(([key, member]) =>
    pathsOf(member, at ? `${at}.${key}` : key),
  );
  return [at, ...inside];
}

type Fault = { readonly path: string; readonly value: unknown };

const faultsOf = (write: Write) =>
  fc.array(
    fc.record({
      path: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...pathsOf(write.body)) },
        {
          weight: 1,
          arbitrary: fc.constantFrom('endsAt', 'salesOpenAt', 'poolId', 'buyer', 'holdId', 'x'),
        },
      ),
      value: values,
    }),
    { minLength: 1, maxLength: 3 },
  );

const spoilt = (write: Write, faults: readonly Fault[]): unknown =>
  faults.reduce<unknown>((body, { path, value }) => {
    try {
      return withValue(body, path, value);
    } catch {
      // The fault before it left nothing at this path.
      return body;
    }
  }, write.body);

describe('a good request with faults at random', () => {
  it('is one of at least fourteen', () => {
    expect(world.writes.length).toBeGreaterThanOrEqual(14);
  });

  const names = Array.from({ length: 15 }, (_, i) => i);
  it.each(names)('%i is answered, never with a fault of ours', async (index) => {
    const write = world.writes[index] ?? expect.unreachable('fewer writes than that');
    await fc.assert(
      fc.asyncProperty(faultsOf(write), async (faults) => {
        const { status, type, body } = await send(world, write, text(spoilt(write, faults)));
        expect(status, JSON.stringify(body)).toBeLessThan(500);
        if (status < 400) return;
        expect(type).toBe('application/problem+json');
        expect(codes, JSON.stringify(body)).toContain(body.code);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });

  const text = (body: unknown): string => JSON.stringify(body) ?? '';

  it('leaves the guarantees whole', async () => {
    await expectAuditClean(world.app);
  });
});
