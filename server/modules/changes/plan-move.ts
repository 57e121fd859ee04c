/**
 * What becomes of people's seats when an event moves to another version of its floor plan: values
 * in, value out.
 *
 * A seat is the same where its name is: whoever has it keeps it, wherever it stands now. Whoever
 * has a seat that is gone, or that is sold in another pool (another price) there, is given another
 * one: with all of their party's seats of that pool, so that they stay together, of the same
 * category, as near as they sat before; where the category has not enough, of another one of the
 * same pool. An accessible seat, or a companion's, is exchanged for such a one, and no other is.
 *
 * Holds that nobody has bought on yet are no parties: they end, and their people choose again.
 */
import { createHash } from 'node:crypto';
import { groupBy } from '../../kernel/group-by.ts';
import type { HoldId, PoolId } from '../../kernel/ids.ts';
import { present } from '../../kernel/result.ts';
import type { TakenSeat } from '../inventory/index.ts';
import {
  comparePlans,
  type FreeSeat,
  type PlaceOnSale,
  type PlanDifference,
  type PlanPlaces,
  proposeSeats,
  type SeatsProposed,
  type Surveyed,
  specialOf,
} from '../venues/index.ts';

export type InPlan = { readonly surveyed: Surveyed; readonly places: PlanPlaces };

export type AffectedSeat = {
  readonly key: string;
  readonly change: 'gone' | 'moved' | 'recategorised';
  readonly taken: TakenSeat;
  readonly category: string;
  readonly newCategory: string | null;
};

/** A party that is given other seats; where there is a reason, there are not enough. */
export type Reseated = {
  readonly holdId: HoldId;
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly shortage: SeatsProposed['reason'];
};

export type PlanMove = {
  readonly difference: PlanDifference;
  /** Seats that somebody has, or that are kept, and are not as they were. */
  readonly affected: readonly AffectedSeat[];
  readonly parties: readonly Reseated[];
  /** Holds that end: nobody has bought on them. */
  readonly ending: readonly HoldId[];
};

export function planMove(
  before: InPlan,
  after: InPlan & { readonly poolOf: ReadonlyMap<string, PoolId> },
  taken: readonly TakenSeat[],
): PlanMove {
  const difference = comparePlans(onSaleOf(before), onSaleOf(after));
  const seatsBefore = byKey(before.places.seats);
  const seatsAfter = byKey(after.places.seats);
  const isLeaving = ({ key, poolId }: TakenSeat) => {
    const seat = seatsAfter.get(key);
    return !seat || after.poolOf.get(seat.category) !== poolId;
  };
  const moved = new Set(difference.seats.moved.map((pair) => pair.after.key));
  const affected = taken.flatMap((seat): AffectedSeat[] => {
    const was = present(seatsBefore.get(seat.key), 'a taken seat').category;
    const is = seatsAfter.get(seat.key)?.category ?? null;
    const change =
      is === null ? 'gone' : is !== was ? 'recategorised' : moved.has(seat.key) ? 'moved' : null;
    return change ? [{ key: seat.key, change, taken: seat, category: was, newCategory: is }] : [];
  });
  const owned = groupBy(taken.filter(isOwned), ({ holdId, poolId }) => `${holdId} ${poolId}`);
  const leaving = [...owned.values()].filter((party) => party.some(isLeaving));
  const left = new Set(leaving.flatMap((party) => party.map(({ key }) => key)));
  const staying = new Set(taken.map(({ key }) => key).filter((key) => !left.has(key)));
  const free = after.places.seats.flatMap((seat, seatNo) =>
    staying.has(seat.key) ? [] : [{ ...seat, seatNo }],
  );
  const parties = reseat(leaving, free, { seatsBefore, after });
  const ending = taken.flatMap((seat) =>
    seat.status === 'held' && !seat.bound && seat.holdId && isLeaving(seat) ? [seat.holdId] : [],
  );
  return { difference, affected, parties, ending: [...new Set(ending)] };
}

const isOwned = ({ status, bound }: TakenSeat): boolean =>
  status === 'claimed' || status === 'sold' || (status === 'held' && bound);

const byKey = (seats: readonly PlaceOnSale[]) => new Map(seats.map((seat) => [seat.key, seat]));

/** Of a plan with alternatives, what the event has chosen. */
function onSaleOf({ surveyed, places }: InPlan) {
  const keys = new Set(places.seats.map(({ key }) => key));
  const { survey } = surveyed;
  const seats = survey.seats.filter(({ key }) => keys.has(key));
  return { ...survey, seats, standing: places.standing };
}

/** What people have paid for, and need. */
const kindOf = ({ features }: PlaceOnSale, poolId: PoolId): string =>
  `${poolId} ${specialOf(features)}`;

type Free = PlaceOnSale & { readonly seatNo: number };

/** By category first; then, for those who found none, by what is sold as one with it. */
function reseat(
  leaving: readonly (readonly TakenSeat[])[],
  free: readonly Free[],
  {
    seatsBefore,
    after,
  }: {
    readonly seatsBefore: ReadonlyMap<string, PlaceOnSale>;
    readonly after: InPlan & { readonly poolOf: ReadonlyMap<string, PoolId> };
  },
): Reseated[] {
  const ask = (
    parties: readonly (readonly TakenSeat[])[],
    seats: readonly Free[],
    groupOf: (seat: PlaceOnSale, kind: string) => string,
  ): SeatsProposed[] => {
    const wanted = parties.map((party, i) => ({
      id: `${i}`.padStart(6, '0'),
      seats: party.map(({ key, poolId }) => {
        const was = present(seatsBefore.get(key), 'a seat that is left');
        return { category: groupOf(was, kindOf(was, poolId)), distance: was.distance };
      }),
    }));
    const stock = seats.map((seat): FreeSeat => {
      const poolId = present(after.poolOf.get(seat.category), 'the pool of a category');
      return { ...seat, category: groupOf(seat, kindOf(seat, poolId)) };
    });
    return proposeSeats(wanted, stock);
  };
  const first = ask(leaving, free, ({ category }, kind) => `${kind} ${category}`);
  const used = new Set(first.flatMap(({ seatNos }) => seatNos));
  const without = leaving.filter((_, i) => first[i]?.reason);
  const left = free.filter(({ seatNo }) => !used.has(seatNo));
  const second = ask(without, left, (_, kind) => kind).values();
  return leaving.map((party, i) => {
    const found = present(
      first[i]?.reason ? second.next().value : first[i],
      'what was proposed to a party',
    );
    const holdId = present(party[0]?.holdId ?? null, 'whose seat it is');
    const to = found.seatNos.map((seatNo) => present(after.places.seats[seatNo], 'seat').key);
    return { holdId, from: party.map(({ key }) => key), to, shortage: found.reason };
  });
}

/** Who gets which seat, without those who keep theirs. */
export function movesOf(parties: readonly Reseated[]) {
  return parties.flatMap(({ holdId, from, to }) =>
    from.flatMap((key, i) => {
      const other = to[i];
      return other === undefined || other === key ? [] : [{ holdId, from: key, to: other }];
    }),
  );
}

/** The name of what is proposed: another one where somebody would get another seat. */
export function proposalOf(
  target: { readonly configurationId: string; readonly sectionChoices: object },
  parties: readonly Reseated[],
): string {
  const { configurationId, sectionChoices } = target;
  const told = [configurationId, Object.entries(sectionChoices).sort(), movesOf(parties)];
  return createHash('sha256').update(JSON.stringify(told)).digest('base64url').slice(0, 22);
}
