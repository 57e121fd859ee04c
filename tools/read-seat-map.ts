/** What `GET /events/{id}/seat-map` and `GET /events/{id}/seats` say, read as a client reads it. */
import { z } from 'zod';

const pair = z.tuple([z.number(), z.number()]);

const row = z.object({
  label: z.string(),
  numbers: z.union([z.string(), z.array(z.string())]),
  category: z.union([z.int(), z.array(z.int())]),
  x: z.array(z.number()),
  y: z.array(z.number()),
});

const seatMap = z.object({
  unit: z.number(),
  size: pair.nullable(),
  focalPoint: pair,
  categories: z.array(z.object({ name: z.string(), color: z.string().nullable() })),
  sections: z.array(
    z.object({
      name: z.string(),
      outline: z.array(pair).optional(),
      rows: z.array(row).optional(),
      standing: z.int().optional(),
      category: z.string().optional(),
    }),
  ),
});

export type SeatMap = z.output<typeof seatMap>;

export type MapSeat = {
  /** As the API calls it: section, row, number. */
  readonly key: string;
  readonly section: string;
  readonly rowLabel: string;
  readonly number: string;
  /** An index of the map's categories. */
  readonly category: number;
  /** In the map's unit. */
  readonly x: number;
  readonly y: number;
};

/** By their two bits. */
const STATES = ['free', 'held', 'sold', 'blocked'] as const;

/** Throws where the answer is no seat map. */
export const readSeatMap = (body: unknown): SeatMap => seatMap.parse(body);

/** Every seat, in the order of their states. */
export function seatsOfMap({ sections }: SeatMap): MapSeat[] {
  return sections.flatMap(({ name: section, rows = [] }) =>
    rows.flatMap(({ label, numbers, category, x, y }) => {
      const [xs, ys] = [sums(x), sums(y)];
      return numbersOf(numbers).map((number, i) => ({
        ...{ key: `${section}-${label}-${number}`, section, rowLabel: label, number },
        category: typeof category === 'number' ? category : (category[i] ?? 0),
        x: xs[i] ?? 0,
        y: ys[i] ?? 0,
      }));
    }),
  );
}

/** Each value is told as the difference to the one before. */
function sums(steps: readonly number[]): number[] {
  let sum = 0;
  return steps.map((step) => {
    sum += step;
    return sum;
  });
}

/** `1-10,12-16`, or the list itself. */
function numbersOf(numbers: string | readonly string[]): readonly string[] {
  if (typeof numbers !== 'string') return numbers;
  return numbers.split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
  });
}

/** `bits` is the body of `/events/{id}/seats`. */
export function stateOf(bits: Uint8Array, seatNo: number): (typeof STATES)[number] {
  return STATES[((bits[seatNo >> 2] ?? 0) >> ((seatNo & 3) * 2)) & 3] ?? 'blocked';
}
