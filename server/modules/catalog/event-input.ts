/** What an organizer may say about an event, and how it becomes rows. */
import { z } from 'zod';
import { chargesFrom, chargesIn } from '../../kernel/charges.ts';
import type { EventId, OrganizerId } from '../../kernel/ids.ts';
import {
  amountMinor,
  currency,
  id,
  instant,
  line,
  moneyIn,
  prose,
  quantity,
  timezone,
} from '../../kernel/schemas.ts';
import type { SaleTerms } from '../inventory/index.ts';
import type { EventFields } from './event.sql.ts';
import { endOf, HOLD_MINUTES_DEFAULT, SHOPPING_MINUTES_DEFAULT } from './rules.ts';

const CAPACITY_MAX = 1_000_000;
const TICKET_TYPES_MAX = 100;

export const capacity = z.int().min(0).max(CAPACITY_MAX);

export const ticketTypeIn = z
  .strictObject({
    name: line(100),
    description: prose(2_000).optional(),
    price: moneyIn,
    capacity: capacity.optional().describe('Makes a pool of its own'),
    poolId: id('pool').optional().describe('Draws on a pool that others may share'),
    seatCategories: z
      .array(line(60))
      .min(1)
      .max(50)
      .optional()
      .describe('Sells the places of these categories of the floor plan'),
    minPerOrder: quantity.optional(),
    maxPerOrder: quantity.optional(),
    salesOpenAt: instant.nullable().optional(),
    salesCloseAt: instant.nullable().optional(),
    visibility: z.enum(['public', 'hidden', 'code']).optional(),
  })
  .meta({ id: 'TicketTypeInput' });

const fields = {
  name: line(200),
  description: prose(5_000).optional(),
  startsAt: instant,
  endsAt: instant.nullable().optional(),
  doorsAt: instant.nullable().optional(),
  timezone,
  venueName: line(200).nullable().optional(),
  series: line(200).nullable().optional(),
  totalCapacity: capacity.nullable().optional(),
  visibility: z.enum(['public', 'hidden', 'scheduled']).optional(),
  publicAt: instant.nullable().optional(),
  salesOpenAt: instant.nullable().optional(),
  salesCloseAt: instant.nullable().optional(),
  maxTicketsPerPerson: z.int().min(1).max(1_000).nullable().optional(),
  holdMinutes: z.int().min(1).max(60).optional(),
  shoppingMinutes: z.int().min(1).max(60).optional().describe('Of a shopping session'),
  refundableUntil: instant.nullable().optional(),
  charges: chargesIn.nullable().optional(),
};

/** By slot of the floor plan, which option. */
export const sectionChoices = z.record(line(60), line(60));

export const eventIn = z
  .strictObject({
    ...fields,
    currency,
    configurationId: id('cfg').optional().describe('The floor plan that it takes place in'),
    sectionChoices: sectionChoices
      .optional()
      .describe('By slot of the floor plan, which option; default: the first of each'),
    publish: z.boolean().optional().describe('Default true'),
    ticketTypes: z.array(ticketTypeIn).max(TICKET_TYPES_MAX).optional(),
    totalTickets: capacity.optional().describe('Short form, with ticketPrice: one ticket type'),
    ticketPrice: z.union([amountMinor, moneyIn]).optional().describe('Minor units, or money'),
  })
  .meta({ id: 'EventInput' });

/** What the server itself adds to an event; taken back with the whole object, and ignored. */
const readOnly = Object.fromEntries(
  [
    'id',
    'organizerId',
    'status',
    'pools',
    'ticketTypes',
    'createdAt',
    'publish',
    'configurationId',
    'sectionChoices',
  ].map((name) => [name, z.unknown().optional().describe('Ignored: not changed here')]),
);

export const eventReplacement = z
  .strictObject({
    ...fields,
    ...readOnly,
    currency: currency.optional(),
    version: z.int().min(1),
  })
  .meta({ id: 'EventReplacement' });

export const eventClone = z
  .strictObject({
    ...z.strictObject(fields).partial().shape,
    startsAt: instant,
    publish: z.boolean().optional().describe('Default: as the original'),
  })
  .meta({ id: 'EventClone' });

export type EventInput = z.output<typeof eventIn>;
export type EventCommon = Omit<
  EventInput,
  | 'currency'
  | 'publish'
  | 'ticketTypes'
  | 'totalTickets'
  | 'ticketPrice'
  | 'configurationId'
  | 'sectionChoices'
>;
export type TicketTypeInputParsed = z.output<typeof ticketTypeIn>;

export function eventFields(
  input: EventCommon,
  ids: { eventId: EventId; organizerId: OrganizerId; currency: string },
): EventFields {
  return {
    ...ids,
    name: input.name,
    description: input.description ?? '',
    startsAt: input.startsAt,
    endsAt: input.endsAt ?? null,
    doorsAt: input.doorsAt ?? null,
    timezone: input.timezone,
    venueName: input.venueName ?? null,
    visibility: input.visibility ?? 'public',
    publicAt: input.publicAt ?? null,
    refundableUntil: input.refundableUntil ?? null,
    series: input.series ?? null,
    charges: input.charges ? chargesFrom(input.charges) : null,
    shoppingMinutes: input.shoppingMinutes ?? SHOPPING_MINUTES_DEFAULT,
  };
}

export function saleTerms(input: EventCommon, eventId: EventId): SaleTerms {
  return {
    eventId,
    opensAt: input.salesOpenAt ?? null,
    closesAt: input.salesCloseAt ?? null,
    endsAt: endOf(input),
    holdMs: (input.holdMinutes ?? HOLD_MINUTES_DEFAULT) * 60_000,
    personLimit: input.maxTicketsPerPerson ?? null,
    totalCapacity: input.totalCapacity ?? null,
    publicAt: input.visibility === 'scheduled' ? (input.publicAt ?? null) : null,
  };
}

/** The ticket types that were asked for, the short form spelled out. */
export function ticketTypesOf(input: EventInput): readonly TicketTypeInputParsed[] {
  if (input.totalTickets === undefined || input.ticketPrice === undefined) {
    return input.ticketTypes ?? [];
  }
  const price =
    typeof input.ticketPrice === 'number'
      ? { amount: input.ticketPrice, currency: input.currency }
      : input.ticketPrice;
  return [{ name: 'General admission', price, capacity: input.totalTickets }];
}
