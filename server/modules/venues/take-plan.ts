/** What an event gets of a floor plan: the sections that it has chosen, and the places in them. */
import type { Issue } from '../../kernel/result.ts';
import type { Surveyed } from './configurations.ts';
import type { Feature } from './floor-plan.ts';
import { distance } from './polygons.ts';
import { SPECIAL_SEATS, type SpecialSeat } from './seat-plan.ts';
import type { StandingArea } from './survey.ts';

/** By the name of the slot, which option. */
export type SectionChoices = Readonly<Record<string, string>>;

export type PlanPlaces = {
  /** In the order of the plan: a seat's index is its number in the event. */
  readonly seats: readonly PlaceOnSale[];
  readonly standing: readonly StandingArea[];
};

/** What a seat is for the rule of the best available; accessible before companion. */
export function specialOf(features: readonly Feature[]): SpecialSeat | null {
  return SPECIAL_SEATS.find((special) => features.includes(special)) ?? null;
}

export type PlaceOnSale = {
  readonly key: string;
  readonly section: string;
  readonly row: number;
  readonly place: number;
  readonly category: string;
  readonly features: readonly Feature[];
  readonly distance: number;
};

/** The option of every slot: as chosen, or the first that the plan names. */
export function choicesOf(
  { plan }: Surveyed,
  wanted: SectionChoices,
): { readonly choices: SectionChoices; readonly issues: readonly Issue[] } {
  const options = new Map<string, Set<string>>();
  for (const { slot } of plan.sections) {
    if (slot) options.set(slot.name, (options.get(slot.name) ?? new Set()).add(slot.option));
  }
  const issues: Issue[] = [];
  for (const [slot, option] of Object.entries(wanted)) {
    const path = `sectionChoices.${slot}`;
    if (options.get(slot)?.has(option)) continue;
    const message = options.has(slot)
      ? `has the options ${[...(options.get(slot) ?? [])].join(', ')}`
      : 'is no slot of this floor plan';
    issues.push({ path, code: 'unknown_choice', message });
  }
  const choices = Object.fromEntries(
    [...options].map(([slot, each]) => [slot, wanted[slot] ?? [...each][0] ?? '']),
  );
  return { choices, issues };
}

export function placesOf({ plan, survey }: Surveyed, choices: SectionChoices): PlanPlaces {
  const chosen = new Set(
    plan.sections
      .filter(({ slot }) => !slot || choices[slot.name] === slot.option)
      .map(({ name }) => name),
  );
  return {
    seats: survey.seats
      .filter(({ section }) => chosen.has(section))
      .map(({ key, section, row, place, category, features, at }) => ({
        ...{ key, section, row, place, category, features },
        distance: distance(at, survey.focalPoint),
      })),
    standing: survey.standing.filter(({ section }) => chosen.has(section)),
  };
}
