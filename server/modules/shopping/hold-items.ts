/** What is to be held, line by line, as requests say it and as inventory takes it. */
import { z } from 'zod';
import { present } from '../../kernel/result.ts';
import { id, line, moneyIn, quantity } from '../../kernel/schemas.ts';
import type { HoldItem } from '../inventory/index.ts';

const LINES_MAX = 20;
const SEATS_MAX = 100;
const SEAT_ID_MAX_CHARS = 64;
const SECTION_MAX_CHARS = 100;

const bestAvailable = z
  .strictObject({
    quantity,
    section: line(SECTION_MAX_CHARS).optional(),
    accessible: quantity
      .optional()
      .describe('So many of them accessible: all side by side, or none; nothing else instead'),
    priceMax: moneyIn
      .optional()
      .describe('Of one place: any ticket type of seats that costs no more, where none is named'),
    priceMin: moneyIn.optional().describe('And no less'),
  })
  .superRefine(({ quantity: wanted, accessible = 0, priceMax, priceMin }, context) => {
    const refuse = (path: string, code: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message, params: { code } });
    if (accessible > wanted) {
      refuse('accessible', 'over_quantity', 'must not be more than the quantity');
    }
    if (!priceMin) return;
    if (!priceMax) refuse('priceMin', 'needs_price_max', 'needs a priceMax beside it');
    else if (priceMin.currency !== priceMax.currency) {
      refuse('priceMin', 'other_currency', 'must be in the currency of priceMax');
    } else if (priceMin.amount > priceMax.amount) {
      refuse('priceMin', 'over_price_max', 'must not be more than priceMax');
    }
  });

/** One line of what is wanted: so many places, these seats, or the best that are left. */
const item = z
  .strictObject({
    ticketTypeId: id('tt').optional().describe('Needed, unless bestAvailable has a priceMax'),
    quantity: quantity.optional(),
    seatIds: z.array(line(SEAT_ID_MAX_CHARS)).min(1).max(SEATS_MAX).optional(),
    bestAvailable: bestAvailable.optional(),
  })
  .superRefine(({ ticketTypeId, quantity: counted, seatIds, bestAvailable: best }, context) => {
    const refuse = (path: string, code: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message, params: { code } });
    const ways = [counted, seatIds, best].filter((way) => way !== undefined);
    if (ways.length !== 1) {
      const message = 'exactly one of quantity, seatIds and bestAvailable is needed';
      refuse('quantity', 'quantity_or_seats', message);
    }
    if ((ticketTypeId === undefined) === (best?.priceMax === undefined)) {
      const message = 'exactly one of ticketTypeId and bestAvailable.priceMax is needed';
      refuse('ticketTypeId', 'ticket_type_or_price', message);
    }
  })
  .meta({ id: 'ItemInput' });

/** No ticket type and no seat is on two of them. */
function linesOf(fewest: 0 | 1) {
  return z
    .array(item)
    .min(fewest)
    .max(LINES_MAX)
    .superRefine((lines, context) => {
      const seen = new Set<string>();
      const refuseTwice = (name: string, path: (string | number)[], message: string) => {
        if (seen.has(name)) {
          context.addIssue({ code: 'custom', path, message, params: { code: 'duplicate_item' } });
        }
        seen.add(name);
      };
      for (const [i, { ticketTypeId, seatIds = [] }] of lines.entries()) {
        if (ticketTypeId !== undefined) {
          refuseTwice(ticketTypeId, [i, 'ticketTypeId'], 'is there twice: add the quantities up');
        }
        for (const [n, seatId] of seatIds.entries()) {
          refuseTwice(`seat ${seatId}`, [i, 'seatIds', n], 'is there twice');
        }
      }
    });
}

export const items = linesOf(1);
/** None: what was chosen before is given up. */
export const itemsOrNone = linesOf(0);

type Item = z.infer<typeof item>;

/** The lines as inventory takes them. */
export function holdItems(lines: readonly Item[]): readonly HoldItem[] {
  return lines.map(({ ticketTypeId = null, quantity: counted, seatIds, bestAvailable: best }) => {
    if (seatIds) return { ticketTypeId, quantity: seatIds.length, seatIds };
    if (!best) return { ticketTypeId, quantity: present(counted, 'quantity') };
    return { ticketTypeId, quantity: best.quantity, best: wishOf(best) };
  });
}

function wishOf(best: NonNullable<Item['bestAvailable']>): NonNullable<HoldItem['best']> {
  const { section, accessible, priceMin, priceMax } = best;
  return {
    ...(section === undefined ? {} : { section }),
    ...(accessible === undefined ? {} : { accessible }),
    ...(priceMax === undefined
      ? {}
      : {
          price: {
            minMinor: priceMin?.amount ?? null,
            maxMinor: priceMax.amount,
            currency: priceMax.currency,
          },
        }),
  };
}
