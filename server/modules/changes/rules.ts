/** What may be offered to those who have bought, and what of it: values in, values out. */
import type { TicketTypeId } from '../../kernel/ids.ts';
import type { Issue } from '../../kernel/result.ts';
import type { Remedy } from '../orders/index.ts';

const DAY_MS = 86_400_000;
/** Long enough to read one's mail after a holiday. */
const CHOOSE_DAYS_DEFAULT = 14;
/** Places and money are not kept waiting for longer. */
const CHOOSE_DAYS_MAX = 90;

export type ChangeKind = 'cancellation' | 'reschedule';

export type RemediesWanted = {
  readonly remedies: readonly Remedy[];
  /** What applies where nobody chooses; null: what is most like money. */
  readonly fallback: Remedy | null;
  readonly chooseBy: Date | null;
};

export type RemediesPlanned = {
  readonly remedies: readonly Remedy[];
  readonly fallback: Remedy;
  readonly chooseBy: Date;
};

/**
 * What is offered, until when, and what applies then. Where an event is moved, tickets stay valid:
 * keeping them is one of the choices, and what applies. Choosing ends before `endsBefore`, where
 * the other event begins. Where there is one remedy only, nobody waits for anything.
 */
export function planRemedies(
  kind: ChangeKind,
  wanted: RemediesWanted,
  { now, endsBefore }: { readonly now: Date; readonly endsBefore: Date | null },
): { readonly planned: RemediesPlanned; readonly issues: readonly Issue[] } {
  const issues: Issue[] = [];
  const issue = (path: string, code: string, message: string) =>
    issues.push({ path, code, message });
  const own = [...new Set(wanted.remedies)];
  const remedies: readonly Remedy[] = kind === 'reschedule' ? ['keep', ...own] : own;
  const usual = kind === 'reschedule' ? 'keep' : own.includes('refund') ? 'refund' : own[0];
  const fallback = wanted.fallback ?? usual ?? 'refund';
  if (!remedies.includes(fallback)) {
    issue('defaultRemedy', 'not_offered', 'must be one of the remedies');
  }
  if (remedies.length === 1) {
    return { planned: { remedies, fallback, chooseBy: now }, issues };
  }
  const usually = new Date(now.getTime() + CHOOSE_DAYS_DEFAULT * DAY_MS);
  const chooseBy =
    wanted.chooseBy ?? (endsBefore && endsBefore < usually ? halfWay(now, endsBefore) : usually);
  if (chooseBy <= now) issue('chooseBy', 'in_the_past', 'must be in the future');
  if (chooseBy.getTime() > now.getTime() + CHOOSE_DAYS_MAX * DAY_MS) {
    issue('chooseBy', 'too_late', `must be within ${CHOOSE_DAYS_MAX} days`);
  }
  if (endsBefore && chooseBy >= endsBefore) {
    issue('chooseBy', 'after_event', 'must be before the event that it is about begins');
  }
  return { planned: { remedies, fallback, chooseBy }, issues };
}

const halfWay = (from: Date, to: Date) => new Date((from.getTime() + to.getTime()) / 2);

/**
 * Of what is offered, what this order can have: a voucher only where places are kept for it. Nobody
 * is left without anything: where nothing is left of what was offered, money goes back.
 */
export function choicesFor(
  { remedies, fallback }: Pick<RemediesPlanned, 'remedies' | 'fallback'>,
  hasPlaces: boolean,
): {
  readonly choices: readonly Remedy[];
  readonly fallback: Remedy;
  readonly missing: readonly Remedy[];
} {
  const left = remedies.filter((remedy) => remedy !== 'voucher' || hasPlaces);
  const missing = remedies.filter((remedy) => !left.includes(remedy));
  const choices: readonly Remedy[] = left.length > 0 ? left : ['refund'];
  if (choices.includes(fallback)) return { choices, fallback, missing };
  const next = choices.includes('refund') ? 'refund' : (choices[0] ?? 'refund');
  return { choices, fallback: next, missing };
}

export type TypeName = { readonly ticketTypeId: TicketTypeId; readonly name: string };

/** By ticket type of this event the one like it at the other: as named, else of the same name. */
export function typesAlike(
  here: readonly TypeName[],
  there: readonly TypeName[],
  named: Readonly<Record<string, string>>,
): { readonly types: Readonly<Record<string, TicketTypeId>>; readonly issues: readonly Issue[] } {
  const issues: Issue[] = [];
  const types: Record<string, TicketTypeId> = {};
  for (const { ticketTypeId, name } of here) {
    const same = there.find((other) => other.name === name);
    if (same) types[ticketTypeId] = same.ticketTypeId;
  }
  for (const [from, to] of Object.entries(named)) {
    const other = there.find(({ ticketTypeId }) => ticketTypeId === to);
    const isHere = here.some(({ ticketTypeId }) => ticketTypeId === from);
    if (isHere && other) types[from] = other.ticketTypeId;
    else {
      const message = isHere ? 'no ticket type of the other event' : 'no ticket type of this event';
      issues.push({ path: `ticketTypes.${from}`, code: 'unknown_ticket_type', message });
    }
  }
  return { types, issues };
}
