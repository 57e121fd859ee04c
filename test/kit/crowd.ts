/**
 * Buyers of seats over HTTP, in memory: they hold and then book. Some pick their seats from what
 * the seat map shows as free, the others take the best that are left. Nobody waits for a time: who
 * finds their seats gone looks again.
 */
import { brotliDecompressSync } from 'node:zlib';
import { assert, present } from '../../server/kernel/result.ts';
import {
  type MapSeat,
  readSeatMap,
  type SeatMap,
  seatsOfMap,
  stateOf,
} from '../../tools/read-seat-map.ts';
import type { TestApp } from './app.ts';
import type { Grant, House } from './house.ts';

/** The seats of one category, and what they are sold as: for nothing, and at a price. */
export type Stand = {
  readonly category: string;
  readonly typeId: string;
  readonly pricedTypeId: string;
};

export type Party = {
  readonly no: number;
  readonly quantity: number;
  readonly picks: boolean;
  readonly pays: boolean;
  /** From 0 to 1: where in the house, and which of the blocks there. */
  readonly where: number;
  readonly which: number;
};

export type Sale = {
  readonly app: TestApp;
  readonly eventId: string;
  readonly stands: readonly Stand[];
  readonly map: ShownMap;
  readonly house: House;
  /** In the order of the answers. */
  readonly grants: Grant[];
  readonly counts: ReturnType<typeof noCounts>;
  /** Categories of which a buyer was told that nothing is left. */
  readonly soldOut: Set<string>;
  /** How many ask, and who was told that it is busy. */
  readonly line: { asking: number; readonly told: (() => void)[] };
  /** Whether a buyer was told that not so many are left: from then on others look first. */
  isScarce: boolean;
  /** Seats that are granted or asked for. */
  promised: number;
};

export type ShownMap = {
  readonly wireBytes: number;
  readonly seats: readonly MapSeat[];
  readonly numbers: ReadonlyMap<string, number>;
  readonly categories: SeatMap['categories'];
  /** Seat numbers of each section, by category. */
  readonly sections: ReadonlyMap<string, readonly (readonly number[])[]>;
};

export type Held = { readonly holdId: string; readonly seatNos: readonly number[] };

export const noCounts = () => ({
  requests: 0,
  busy: 0,
  looks: 0,
  seatTaken: 0,
  smaller: 0,
  confirmed: 0,
  pending: 0,
});

/** So often a buyer looks for seats to pick; then they take the best that are left. */
const LOOKS_MAX = 3;
const BUSY_MAX = 500;

/** The seat map as a browser gets it. */
export async function lookAtMap(app: TestApp, eventId: string): Promise<ShownMap> {
  const url = `/api/v1/events/${eventId}/seat-map`;
  const answer = await app.parts.app.inject({ url, headers: { 'accept-encoding': 'br' } });
  assert(answer.headers['content-encoding'] === 'br', 'the seat map is not packed');
  const map = readSeatMap(JSON.parse(brotliDecompressSync(answer.rawPayload).toString('utf8')));
  const seats = seatsOfMap(map);
  const sections = new Map<string, Map<string, number[]>>();
  for (const [seatNo, { category, section }] of seats.entries()) {
    const { name } = present(map.categories[category], 'category');
    const own = sections.get(name) ?? new Map<string, number[]>();
    sections.set(name, own.set(section, [...(own.get(section) ?? []), seatNo]));
  }
  return {
    wireBytes: answer.rawPayload.length,
    seats,
    categories: map.categories,
    numbers: new Map(seats.map(({ key }, seatNo) => [key, seatNo])),
    sections: new Map([...sections].map(([name, own]) => [name, [...own.values()]])),
  };
}

/** Parties buy, so many at a time, until so many seats are promised or nobody finds any. */
export async function crowd(
  sale: Sale,
  buyers: number,
  seatsMax: number,
  next: () => Party,
): Promise<void> {
  const buyOn = async () => {
    while (sale.promised < seatsMax) {
      const party = next();
      sale.promised += party.quantity;
      const held = await findSeats(sale, party);
      sale.promised += (held?.seatNos.length ?? 0) - party.quantity;
      if (!held) return;
      await book(sale, party, held);
    }
  };
  await Promise.all(Array.from({ length: buyers }, buyOn));
}

async function findSeats(sale: Sale, party: Party): Promise<Held | null> {
  const wanted = standOf(sale, party);
  const picked = party.picks ? await pick(sale, party, wanted) : null;
  if (picked) return picked;
  const others = sale.stands.filter(({ category }) => category !== wanted.category);
  for (const stand of [wanted, ...others]) {
    const held = sale.soldOut.has(stand.category) ? null : await best(sale, party, stand);
    if (held) return held;
  }
  return null;
}

const favourite = ({ map }: Sale, { where }: Party): MapSeat =>
  present(map.seats[Math.floor(where * map.seats.length)], 'seat');

export const sectionOf = (sale: Sale, party: Party): string => favourite(sale, party).section;

/** Where they want to sit: as many ask for each stand as it has seats. */
export function standOf(sale: Sale, party: Party): Stand {
  const { map, stands } = sale;
  const { name } = present(map.categories[favourite(sale, party).category], 'category');
  return present(
    stands.find(({ category }) => category === name),
    name,
  );
}

/** Looks, chooses and asks; null where they see nothing, or what they saw was gone each time. */
async function pick(sale: Sale, party: Party, stand: Stand): Promise<Held | null> {
  for (let look = 1; look <= LOOKS_MAX; look += 1) {
    sale.counts.looks += 1;
    const { rawPayload: bits } = await send(sale, `${sale.eventId}/seats`);
    const seatNos = chooseBlock(sale.map, bits, party, stand);
    if (!seatNos) return null;
    const seatIds = seatNos.map((seatNo) => sale.map.seats[seatNo]?.key);
    const asked = await hold(sale, party, stand, { seatIds }, `pick-${look}`);
    if (typeof asked !== 'string') return asked;
    const isGone = asked === 'seat_taken' || asked === 'sold_out';
    assert(isGone || asked === 'busy', `a picked seat was refused: ${asked}`);
    sale.counts.seatTaken += Number(isGone);
  }
  return null;
}

/** Any block of neighbours of the first section that shows one, whatever it leaves beside it. */
function chooseBlock(
  { seats, sections }: ShownMap,
  bits: Uint8Array,
  { quantity, where, which }: Party,
  { category }: Stand,
): readonly number[] | null {
  const all = sections.get(category) ?? [];
  for (let i = 0; i < all.length; i += 1) {
    const section = all[(Math.floor(where * all.length * 7) + i) % all.length] ?? [];
    const blocks = section.flatMap((first) => {
      const block = Array.from({ length: quantity }, (_, k) => first + k);
      const fits = block.every((seatNo, k) => {
        const isNext = k === 0 || areNeighbours(seats[seatNo - 1], seats[seatNo]);
        return isNext && stateOf(bits, seatNo) === 'free';
      });
      return fits ? [block] : [];
    });
    const block = blocks[Math.floor(which * blocks.length)];
    if (block) return block;
  }
  return null;
}

function areNeighbours(a: MapSeat | undefined, b: MapSeat | undefined): boolean {
  const isOneRow = a?.section === b?.section && a?.rowLabel === b?.rowLabel;
  return isOneRow && Number(b?.number) === Number(a?.number) + 1;
}

/** The best that are left of a stand, for fewer of the party where so many are not left. */
async function best(sale: Sale, party: Party, stand: Stand): Promise<Held | null> {
  let { quantity } = party;
  // Nobody looks before the first one was refused.
  if (sale.isScarce) quantity = Math.min(quantity, await leftOf(sale, stand));
  while (quantity > 0) {
    const held = await bestOf(sale, party, stand, quantity);
    if (typeof held !== 'string') {
      sale.counts.smaller += Number(quantity < party.quantity);
      return held;
    }
    assert(held === 'sold_out' || held === 'busy', `the best available were refused: ${held}`);
    sale.isScarce ||= held === 'sold_out';
    const most = held === 'busy' ? quantity : quantity - 1;
    quantity = sale.isScarce ? Math.min(most, await leftOf(sale, stand)) : most;
  }
  return null;
}

/** What was granted, or the code of the refusal. */
export function bestOf(
  sale: Sale,
  party: Party,
  stand: Stand,
  quantity: number,
  section?: string,
): Promise<Held | string> {
  const bestAvailable = { quantity, ...(section === undefined ? {} : { section }) };
  return hold(sale, party, stand, { bestAvailable }, `${stand.category}-${quantity}`);
}

/** How many seats of a stand are left; what is sold out, nobody needs to be told again. */
async function leftOf(sale: Sale, { typeId }: Stand): Promise<number> {
  const answer = await send(sale, `${sale.eventId}/availability`);
  const { ticketTypes } = answer.json<{ ticketTypes: { id: string; available: number }[] }>();
  const left = new Map(ticketTypes.map(({ id, available }) => [id, available]));
  for (const one of sale.stands) if (left.get(one.typeId) === 0) sale.soldOut.add(one.category);
  return left.get(typeId) ?? 0;
}

type HoldAnswer = {
  readonly id: string;
  readonly code: string;
  readonly items: [{ seats: string[] }];
};

async function hold(
  sale: Sale,
  party: Party,
  { category, typeId, pricedTypeId }: Stand,
  line: object,
  key: string,
): Promise<Held | string> {
  const items = [{ ticketTypeId: party.pays ? pricedTypeId : typeId, ...line }];
  const answer = await ask(sale, `${sale.eventId}/holds`, { items }, headersOf(party, key));
  const body = answer.json<HoldAnswer>();
  if (answer.statusCode !== 201) return body.code;
  const [{ seats }] = body.items;
  const seatNos = seats.map((seat) => present(sale.map.numbers.get(seat), seat));
  sale.house.take(seatNos);
  sale.grants.push({ poolId: category, seatNos, isPicked: 'seatIds' in line });
  return { holdId: body.id, seatNos };
}

/** Makes an order of a hold; it is confirmed at once where nothing is to be paid. */
export async function book(sale: Sale, party: Party, { holdId }: Held): Promise<void> {
  const buyer = { name: `Buyer ${party.no}`, email: `buyer${party.no}@example.org` };
  const wanted = { holdId, buyer, payment: { method: 'simulated' } };
  const answer = await send(sale, `${sale.eventId}/bookings`, wanted, headersOf(party, 'book'));
  assert(answer.statusCode === 201, `a booking was refused: ${answer.body}`);
  const { order } = answer.json<{ order: { status: 'confirmed' | 'pending' } }>();
  sale.counts[order.status] += 1;
}

const headersOf = ({ no }: Party, key: string) => ({
  'idempotency-key': `${no}-${key.replaceAll(' ', '-')}`,
  'x-device-token': `device-of-party-${no}`,
});

/** Asks until the answer is another one than `busy`. */
async function send(...asked: Parameters<typeof ask>): ReturnType<typeof ask> {
  for (let attempt = 1; attempt < BUSY_MAX; attempt += 1) {
    const answer = await ask(...asked);
    if (answer.statusCode !== 503) return answer;
  }
  throw new Error(`busy ${BUSY_MAX} times: ${asked[1]}`);
}

/** Over HTTP, in memory. Who is told `busy` goes on when somebody else has got an answer. */
async function ask(
  { app, counts, line }: Sale,
  path: string,
  payload?: object,
  headers: Readonly<Record<string, string>> = {},
) {
  counts.requests += 1;
  line.asking += 1;
  const answer = await app.parts.app.inject({
    method: payload ? 'POST' : 'GET',
    url: `/api/v1/events/${path}`,
    headers,
    ...(payload ? { payload } : {}),
  });
  line.asking -= 1;
  if (answer.statusCode !== 503) {
    line.told.shift()?.();
    return answer;
  }
  counts.busy += 1;
  if (line.asking > 0) await new Promise<void>((resolve) => line.told.push(resolve));
  return answer;
}
