/**
 * A house that fills up: which seats are free, and which of those are left alone. A sale can be
 * told again with other seats for the same parties.
 */
import { assert, present } from '../../server/kernel/result.ts';
import type { SeatPlan } from '../../server/modules/venues/seat-plan.ts';

/** What a party got. */
export type Grant = {
  readonly poolId: string;
  readonly seatNos: readonly number[];
  /** Chosen by the buyer, not by the house. */
  readonly isPicked: boolean;
};

export type House = {
  readonly isFree: (seatNo: number) => boolean;
  readonly free: () => number;
  /** Free seats without a free neighbour: beside them are taken seats, aisles, ends of rows. */
  readonly alone: () => number;
  /** Answers how many seats that were not alone are so now; throws where one is not free. */
  readonly take: (seatNos: readonly number[]) => number;
  /** The first free neighbours in the order of the plan, without `except`; null: there are none. */
  readonly firstFit: (
    poolId: string,
    quantity: number,
    except: readonly number[],
  ) => readonly number[] | null;
};

const NONE = -1;

export function openHouse({ seats }: SeatPlan): House {
  const state = new Uint8Array(seats.length).fill(1);
  let left = seats.length;
  const at = new Map(seats.map(({ poolId, row, place }, i) => [`${poolId}/${row}/${place}`, i]));
  const beside = (step: number) =>
    seats.map(({ poolId, row, place }) => at.get(`${poolId}/${row}/${place + step}`) ?? NONE);
  const [before, after] = [beside(-1), beside(1)];
  const isFree = (seatNo = NONE) => state[seatNo] === 1;
  const isAlone = (seatNo: number) =>
    isFree(seatNo) && !isFree(before[seatNo]) && !isFree(after[seatNo]);
  const blockFrom = (first: number, quantity: number, except: readonly number[]) => {
    const block: number[] = [];
    let next = first;
    while (block.length < quantity && isFree(next) && !except.includes(next)) {
      block.push(next);
      next = after[next] ?? NONE;
    }
    return block.length === quantity ? block : null;
  };
  return {
    isFree,
    free: () => left,
    alone: () => seats.reduce((sum, _, seatNo) => sum + Number(isAlone(seatNo)), 0),
    take: (seatNos) => {
      const around = new Set(seatNos.flatMap((no) => [before[no] ?? NONE, after[no] ?? NONE]));
      const wereAlone = new Set([...around].filter(isAlone));
      for (const seatNo of seatNos) {
        assert(isFree(seatNo), `seat ${seatNo} is given out twice`);
        state[seatNo] = 0;
      }
      left -= seatNos.length;
      return [...around].filter((seatNo) => isAlone(seatNo) && !wereAlone.has(seatNo)).length;
    },
    firstFit: (poolId, quantity, except) => {
      for (const [seatNo, seat] of seats.entries()) {
        if (!isFree(seatNo) || seat.poolId !== poolId) continue;
        const block = blockFrom(seatNo, quantity, except);
        if (block) return block;
      }
      return null;
    },
  };
}

export type Told = {
  /** Seats left alone that were not before, by whom. */
  readonly left: { byUs: number; byPicking: number };
  /** How many seats were alone when so much of the house was sold. */
  readonly alone: { readonly soldShare: number; readonly seats: number }[];
};

export type Seater = (house: House, grant: Grant) => readonly number[];

/** As it was. */
export const asGranted: Seater = (_, { seatNos }) => seatNos;

/**
 * Every party gets the first neighbours in the order of the plan, and is split only where there is
 * no such block. Its size stays, so that as much is sold at every moment.
 */
export const byFirstFit: Seater = (house, { poolId, seatNos }) => {
  const chosen: number[] = [];
  let quantity = seatNos.length;
  while (chosen.length < seatNos.length) {
    quantity = Math.min(quantity, seatNos.length - chosen.length);
    assert(quantity > 0, `${poolId} has no seats for a party that had some`);
    const block = house.firstFit(poolId, quantity, chosen);
    if (block) chosen.push(...block);
    else quantity -= 1;
  }
  return chosen;
};

/** The same, but who has picked their seats keeps them, where nobody else has them by then. */
export const byFirstFitUnlessPicked: Seater = (house, grant) =>
  grant.isPicked && grant.seatNos.every(house.isFree) ? grant.seatNos : byFirstFit(house, grant);

/** Tells a sale from its beginning, each party seated by `seat`. */
export function retell(
  plan: SeatPlan,
  grants: readonly Grant[],
  soldShares: readonly number[],
  seat: Seater,
): Told {
  const house = openHouse(plan);
  const told: Told = { left: { byUs: 0, byPicking: 0 }, alone: [] };
  const marks = [...soldShares];
  for (const grant of grants) {
    const left = house.take(seat(house, grant));
    told.left[grant.isPicked ? 'byPicking' : 'byUs'] += left;
    const sold = 1 - house.free() / plan.seats.length;
    while (sold >= (marks[0] ?? Number.POSITIVE_INFINITY)) {
      const soldShare = present(marks.shift(), 'a share');
      told.alone.push({ soldShare, seats: house.alone() });
    }
  }
  return told;
}
