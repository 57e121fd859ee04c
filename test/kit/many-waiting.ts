/** A waitlist that thousands are on, made of rows, and what is done with it in batches. */
import type pg from 'pg';
import { newId } from './lane-calls.ts';

const TABLES = ['list', 'entry', 'person', 'want', 'crowd', 'offer', 'pending_offer', 'block'];

/** Small, as halls go: what a look reads of it is not what is counted. */
export const HALL_SEATS = 2_000;

export async function neverAnalyseLists(client: pg.ClientBase): Promise<void> {
  for (const table of TABLES) {
    await client.query(`alter table waitlist.${table} set (autovacuum_enabled = off)`);
  }
}

/**
 * An event of seats in two long rows, all held but so many side by side that are reserved; `w1`,
 * `w2`, … wait for one of them each, every second one anywhere, the others in section A or B.
 */
export async function fillList(
  client: pg.ClientBase,
  event: string,
  waiting: number,
  reserved: number,
): Promise<void> {
  await client.query(`
    insert into inventory.sale (event_id, organizer_id, currency, state, ends_at, hold_ms,
      person_limit, plan_version)
    values ('${event}', 'org', 'EUR', 'open', '2999-01-01', 900000, 10, 1);
    insert into inventory.pool (event_id, pool_id, name, capacity, held, reserved, waiting, seated)
    values ('${event}', '${event}-seats', 'Seats', ${HALL_SEATS}, ${HALL_SEATS - reserved}, ${reserved},
      ${(waiting / 2) * 10_001}, true);
    insert into inventory.ticket_type
      (event_id, ticket_type_id, pool_id, price_minor, max_per_order)
    values ('${event}', 'seats', '${event}-seats', 1000, 20);
    insert into inventory.seat (event_id, seat_no, seat_key, pool_id, section, row_no, place,
      distance, status)
    select '${event}', i, 's' || i, '${event}-seats', case when i % 2 = 0 then 'A' else 'B' end,
      i % 2, (i + 1) / 2, i, case when i <= ${reserved} then 'reserved' else 'blocked' end
    from generate_series(1, ${HALL_SEATS}) as i;
    insert into waitlist.list
      (event_id, organizer_id, closes_at, look_at, last_rank, live, plan_version)
    values ('${event}', 'org', '2998-01-01', '2019-01-01', ${waiting}, ${waiting}, 1);
    insert into waitlist.block (event_id, pool_id, section, longest)
    select '${event}', '${event}-seats', s, 1 from unnest(array['', 'A', 'B']) as s;
    insert into waitlist.entry (event_id, entry_id, rank, status, quantity, accepts_fewer, sections,
      pool_ids, weights, person_keys, caller, body_hash, joined_at)
    select '${event}', 'w' || i, i, 'waiting', 1, false,
      case i % 4 when 1 then array['A'] when 3 then array['B'] end,
      array['${event}-seats'], case i % 2 when 0 then '{1}'::int[] else '{10000}' end,
      array['p' || i], 'c', '\\x00', '2019-01-01'
    from generate_series(1, ${waiting}) as i;
    insert into waitlist.person (event_id, person_key, entry_id)
    select '${event}', 'p' || i, 'w' || i from generate_series(1, ${waiting}) as i;
    insert into waitlist.want (event_id, pool_id, section, fewest, rank, entry_id)
    select '${event}', '${event}-seats',
      case i % 4 when 1 then 'A' when 3 then 'B' else '' end, 1, i, 'w' || i
    from generate_series(1, ${waiting}) as i`);
}

const CHANGE = 'waitlist.change_batch';

/** What a lane does with a list, `size` at a time; who joins and leaves comes last. */
export function listBatches(nth: number, size: number) {
  const each = (make: (i: number) => object) => Array.from({ length: size }, (_, i) => make(i));
  const slots = Array.from({ length: size }, () => ({
    offerId: newId('off', 'evt_0000000000000'),
    holdId: newId('hld', 'evt_0000000000000'),
    sessionId: newId('ssn', 'evt_0000000000000'),
  }));
  const join = (i: number) => ({
    ...{ do: 'join', entryId: `new ${nth} ${i}`, organizerId: 'org', caller: `new ${nth} ${i}` },
    ...{ key: null, bodyHash: '', quantity: 1, acceptsFewer: false, ticketTypeIds: null },
    ...{ sections: i % 2 === 0 ? ['A'] : null, personKeys: [`new ${nth} ${i}`], userId: null },
    ...{ closesAt: '2998-01-01', person: { name: null, email: 'e' } },
  });
  return [
    { name: CHANGE, what: 'join', requests: each(join) },
    {
      name: CHANGE,
      what: 'leave',
      requests: each((i) => ({ do: 'leave', entryId: `new ${nth} ${i}` })),
    },
    { name: 'waitlist.offer_batch', what: 'look', requests: [{ slots }] },
    {
      name: CHANGE,
      what: 'accept',
      requests: slots.map(({ offerId }) => ({ do: 'accept', offerId, shoppingMs: 900_000 })),
    },
  ];
}
