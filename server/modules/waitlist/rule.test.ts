/**
 * F10: the rule by which places are offered, against a plain model of it, for any sequence of
 * people who come and leave and places that come back.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../../../test/kit/app.ts';
import { expectAuditClean } from '../../../test/kit/audit.ts';
import { poolsOf } from '../../../test/kit/lane-calls.ts';
import { looks, seatedHall, soldOut, type Waiting } from '../../../test/kit/waiting.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

const PLACES = 6;

type Command =
  | {
      readonly do: 'join';
      readonly quantity: number;
      readonly pools: readonly number[];
      readonly fewer: boolean;
    }
  | { readonly do: 'release'; readonly pool: number }
  | { readonly do: 'leave' | 'decline'; readonly nth: number };

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      quantity: fc.integer({ min: 1, max: 4 }),
      pools: fc.constantFrom([0], [1], [0, 1], [1, 0]),
      fewer: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('release' as const), pool: fc.nat(1) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('leave', 'decline'), nth: fc.nat(5) }),
  },
);

type Person = Extract<Command, { do: 'join' }> & { got: { pool: number; n: number } | null };

/** The rule in a few lines. */
function createModel() {
  const reserved = [0, 0];
  const free = [0, 0];
  let waiting: Person[] = [];
  const at = (list: readonly number[], pool: number) => list[pool] ?? 0;
  const wanted = (pool: number) =>
    waiting.filter((p) => p.pools.includes(pool)).reduce((sum, p) => sum + p.quantity, 0);
  const trim = () => {
    for (const pool of [0, 1]) {
      const kept = Math.min(at(reserved, pool), wanted(pool));
      free[pool] = at(free, pool) + at(reserved, pool) - kept;
      reserved[pool] = kept;
    }
  };
  const comeBack = (pool: number, n: number) => {
    const kept = Math.min(n, Math.max(0, wanted(pool) - at(reserved, pool)));
    reserved[pool] = at(reserved, pool) + kept;
    free[pool] = at(free, pool) + n - kept;
  };
  const choose = (person: Person) => {
    const whole = person.pools.find((pool) => at(reserved, pool) >= person.quantity);
    if (whole !== undefined) return { pool: whole, n: person.quantity };
    if (!person.fewer) return null;
    const [best] = [...person.pools].sort((a, b) => at(reserved, b) - at(reserved, a));
    return best !== undefined && at(reserved, best) > 0
      ? { pool: best, n: at(reserved, best) }
      : null;
  };
  return {
    reserved,
    mayJoin: (person: Person) => person.pools.every((pool) => at(free, pool) < person.quantity),
    join: (person: Person) => {
      waiting.push(person);
    },
    leave: (person: Person) => {
      waiting = waiting.filter((p) => p !== person);
      trim();
    },
    comeBack,
    look: () => {
      for (const person of waiting) {
        person.got = choose(person);
        const { got } = person;
        if (got) reserved[got.pool] = at(reserved, got.pool) - got.n;
      }
      waiting = waiting.filter((person) => person.got === null);
      trim();
    },
  };
}

async function runCounted(commands: readonly Command[]): Promise<void> {
  const sale = await soldOut(app, [PLACES, PLACES], { each: 1 });
  const model = createModel();
  const people: { person: Person; entry: Waiting }[] = [];
  const released = [0, 0];
  for (const each of commands) {
    if (each.do === 'join') {
      const person: Person = { ...each, got: null };
      const entry = await sale.join({
        quantity: each.quantity,
        acceptsFewer: each.fewer,
        ticketTypeIds: each.pools.map((pool) => sale.types[poolAt(sale, pool)]),
      });
      expect(entry.answer.status).toBe(model.mayJoin(person) ? 201 : 409);
      if (entry.answer.status === 201) {
        model.join(person);
        people.push({ person, entry });
      }
    } else if (each.do === 'release') {
      const nth = released[each.pool] ?? 0;
      if (nth === PLACES) continue;
      released[each.pool] = nth + 1;
      await sale.give(poolAt(sale, each.pool), nth);
      model.comeBack(each.pool, 1);
    } else {
      const index = each.nth % Math.max(1, people.length);
      const one = people[index];
      if (!one) continue;
      people.splice(index, 1);
      expect(await one.entry.left()).toBe(204);
      const { got } = one.person;
      if (got) model.comeBack(got.pool, got.n);
      else model.leave(one.person);
    }
    await looks(app);
    model.look();
    const pools = await poolsOf(app, sale.eventId);
    expect(pools.map((pool) => pool.reserved)).toEqual(model.reserved);
    for (const { person, entry } of people) {
      const read = await entry.read();
      expect(read.status).toBe(person.got ? 'offered' : 'waiting');
    }
  }
  for (const { person, entry } of people.filter((one) => one.person.got)) {
    const { offer } = await entry.read();
    const { body } = await entry.caller.get(`/offers/${offer.id}`);
    expect(body).toMatchObject({
      quantity: person.got?.n,
      ticketTypeId: sale.types[poolAt(sale, person.got?.pool ?? 0)],
    });
  }
}

/** Pools are listed by their ids, types as they were made. */
function poolAt(sale: { readonly pools: readonly string[] }, nth: number): number {
  return sale.pools.indexOf([...sale.pools].sort()[nth] ?? '');
}

describe('F10 the rule', () => {
  it('agrees with its model for counted places', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 4, maxLength: 16 }), runCounted),
      { numRuns: 12, endOnFailure: true },
    );
    await expectAuditClean(app);
  });

  it('of seats gives blocks, and passes nobody over who could have used them', async () => {
    const wishes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 5 });
    const seats = fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(wishes, seats, async (quantities, freed) => {
        const hall = await seatedHall(app, { rows: 1, places: 8 });
        const entries = [];
        for (const quantity of quantities) entries.push(await hall.join({ quantity }));
        await hall.free(freed.map((place) => `A-1-${place}`));
        await looks(app);
        // Whoever wants more than one may need any of them: all are kept until it is decided.
        const all = quantities.some((n) => n > 1);
        const kept = [...freed].sort((a, b) => a - b);
        let left = all ? kept : kept.slice(0, quantities.length);
        for (const [nth, entry] of entries.entries()) {
          const quantity = quantities[nth] ?? 0;
          const fits = left.some((from) =>
            Array.from({ length: quantity }, (_, i) => from + i).every((n) => left.includes(n)),
          );
          const { status } = await entry.read();
          expect(status).toBe(fits ? 'offered' : 'waiting');
          if (!fits) continue;
          const given = (await hall.seatsOf(entry)).map((seat: string) => Number(seat.slice(4)));
          expect(given).toHaveLength(quantity);
          expect(Math.max(...given) - Math.min(...given)).toBe(quantity - 1);
          expect(given.every((place: number) => left.includes(place))).toBe(true);
          left = left.filter((place) => !given.includes(place));
        }
      }),
      { numRuns: 12, endOnFailure: true },
    );
    await expectAuditClean(app);
  });
});
