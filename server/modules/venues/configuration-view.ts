/** Floor plans as HTTP shows them. */
import { z } from 'zod';
import { timeOut } from '../../kernel/schemas.ts';
import { comparePlans } from './compare-plans.ts';
import type { ConfigurationRow } from './configuration.sql.ts';
import type { Surveyed } from './configurations.ts';

const findingSchema = z
  .object({
    code: z.string(),
    severity: z.enum(['error', 'warning']),
    path: z.string(),
    message: z.string(),
  })
  .meta({ id: 'PlanFinding' });

const common = {
  id: z.string(),
  venueId: z.string(),
  name: z.string(),
  version: z.int(),
  status: z.enum(['draft', 'published']),
  validFrom: timeOut,
  validTo: timeOut.nullable(),
  seats: z.int(),
  capacity: z.int().describe('The most people, whatever is chosen where there is a choice'),
  used: z.boolean().describe('An event has taken it: it stays'),
  createdAt: timeOut,
};

export const configurationSchema = z.object(common).meta({ id: 'Configuration' });

export const savedSchema = z
  .object({ ...common, findings: z.array(findingSchema) })
  .meta({ id: 'SavedConfiguration' });

export type SavedView = z.input<typeof savedSchema>;
export type ConfigurationView = z.input<typeof configurationSchema>;

const sectionSchema = z.object({
  name: z.string(),
  seats: z.int(),
  standing: z.int(),
  categories: z.array(z.string()),
  gate: z.string().nullable(),
  slot: z.object({ name: z.string(), option: z.string() }).nullable(),
});

export const configurationDetails = z
  .object({
    ...common,
    categories: z.array(z.object({ name: z.string(), seats: z.int(), standing: z.int() })),
    sections: z.array(sectionSchema),
    slots: z
      .array(z.object({ name: z.string(), options: z.array(z.string()) }))
      .describe('Where an event chooses one option of each'),
  })
  .meta({ id: 'ConfigurationDetails' });

export const configurationView = (row: ConfigurationRow): ConfigurationView => ({
  id: row.configurationId,
  venueId: row.venueId,
  name: row.name,
  version: row.version,
  status: row.status,
  validFrom: row.validFrom.toISOString(),
  validTo: row.validTo?.toISOString() ?? null,
  seats: row.seats,
  capacity: row.capacity,
  used: row.used,
  createdAt: row.madeAt.toISOString(),
});

type Places = { seats: number; standing: number };

export function detailsView(
  row: ConfigurationRow,
  { plan, survey }: Surveyed,
): z.input<typeof configurationDetails> {
  const bySection = new Map<string, Places & { categories: Set<string> }>();
  const byCategory = new Map<string, Places>();
  const count = (section: string, category: string, more: Places) => {
    const s = bySection.get(section) ?? { seats: 0, standing: 0, categories: new Set<string>() };
    bySection.set(section, s);
    const c = byCategory.get(category) ?? { seats: 0, standing: 0 };
    byCategory.set(category, c);
    s.categories.add(category);
    for (const each of [s, c]) {
      each.seats += more.seats;
      each.standing += more.standing;
    }
  };
  for (const { section, category } of survey.seats) count(section, category, ONE_SEAT);
  for (const { section, category, capacity } of survey.standing) {
    count(section, category, { seats: 0, standing: capacity });
  }
  const slots = new Map<string, Set<string>>();
  for (const { slot } of plan.sections) {
    if (slot) slots.set(slot.name, (slots.get(slot.name) ?? new Set()).add(slot.option));
  }
  return {
    ...configurationView(row),
    categories: [...byCategory].map(([name, places]) => ({ name, ...places })),
    sections: plan.sections.map(({ name, gate, slot }) => {
      const found = bySection.get(name);
      return {
        ...{ name, seats: found?.seats ?? 0, standing: found?.standing ?? 0 },
        categories: [...(found?.categories ?? [])],
        ...{ gate: gate ?? null, slot: slot ?? null },
      };
    }),
    slots: [...slots].map(([name, options]) => ({ name, options: [...options] })),
  };
}

const ONE_SEAT: Places = { seats: 1, standing: 0 };

const keys = z.array(z.string());
const change = z.object({ name: z.string(), from: z.string(), to: z.string() });
const resized = z.object({ name: z.string(), from: z.int(), to: z.int() });

export const differenceSchema = z
  .object({
    from: z.string(),
    to: z.string(),
    seats: z.object({
      same: z.int(),
      gone: keys,
      added: keys,
      moved: keys.describe('Of the same name, elsewhere'),
      recategorised: z.array(change),
    }),
    standing: z.object({
      same: z.int(),
      gone: keys,
      added: keys,
      resized: z.array(resized),
      recategorised: z.array(change),
    }),
  })
  .meta({ id: 'PlanDifference' });

export function differenceView(
  from: ConfigurationRow,
  to: ConfigurationRow,
  [before, after]: readonly [Surveyed, Surveyed],
): z.input<typeof differenceSchema> {
  const { seats, standing } = comparePlans(before.survey, after.survey);
  return {
    ...{ from: from.configurationId, to: to.configurationId },
    seats: {
      same: seats.same,
      gone: seats.gone.map(({ key }) => key),
      added: seats.added.map(({ key }) => key),
      moved: seats.moved.map((pair) => pair.after.key),
      recategorised: seats.recategorised.map((pair) => ({
        ...{ name: pair.after.key, from: pair.before.category, to: pair.after.category },
      })),
    },
    standing: {
      same: standing.same,
      gone: standing.gone.map(({ section }) => section),
      added: standing.added.map(({ section }) => section),
      resized: [...standing.smaller, ...standing.larger].map((pair) => ({
        ...{ name: pair.after.section, from: pair.before.capacity, to: pair.after.capacity },
      })),
      recategorised: standing.recategorised.map((pair) => ({
        ...{ name: pair.after.section, from: pair.before.category, to: pair.after.category },
      })),
    },
  };
}
