/**
 * How our books and the provider's are held against each other: object by object, never by sums,
 * so that two mistakes cannot hide each other. Each entry of ours that moves the provider's balance
 * has one line there: a capture its charge, a refund, its failure, a dispute, its reversal.
 */
import type { EventId, OrganizerId } from '../../kernel/ids.ts';
import type { BalanceTransaction } from './provider.ts';

/** What has no counterpart for so long is no delay any more. */
const PENDING_MS = 3_600_000;

/** An entry of the ledger on the account `provider`. */
export type BookEntry = {
  readonly eventId: EventId;
  readonly organizerId: OrganizerId;
  readonly kind: string;
  /** The provider's refund or dispute; the payment of a capture. */
  readonly source: string;
  readonly intentId: string;
  /** Positive: it came in. */
  readonly amountMinor: number;
  readonly currency: string;
  readonly at: Date;
};

export type TieOutItem = {
  readonly side: 'books' | 'provider';
  readonly kind: string;
  /** The provider's transaction; of an entry of ours, what made it. */
  readonly objectId: string;
  readonly intentId: string | null;
  readonly amountMinor: number;
  readonly at: string;
  readonly ageSeconds: number;
  /** `pending`: young, or known to be under way. `differs`: there is one, of another amount. */
  readonly state: 'pending' | 'missing' | 'differs';
};

export type TieOut = {
  readonly organizerId: OrganizerId;
  readonly currency: string;
  booksMinor: number;
  providerMinor: number;
  feesMinor: number;
  pendingMinor: number;
  differenceMinor: number;
  matched: number;
  readonly items: TieOutItem[];
};

const LINE_OF: Readonly<Record<string, BalanceTransaction['kind']>> = {
  capture: 'charge',
  refund_paid: 'refund',
  refund_bounced: 'refund_failure',
  dispute_opened: 'dispute',
  dispute_won: 'dispute_reversal',
};

/** The kind of entry of ours that a line of the provider's answers to; null for none. */
export function entryKindOf(kind: BalanceTransaction['kind']): string | null {
  return Object.keys(LINE_OF).find((own) => LINE_OF[own] === kind) ?? null;
}

function keyOfEntry({ kind, intentId, source }: BookEntry): string {
  return `${LINE_OF[kind]}:${kind === 'capture' ? intentId : source}`;
}

/** A payout is the organizer's own money on its way to them: nothing of ours answers to it. */
function keyOfLine({ kind, intentId, sourceId, id }: BalanceTransaction): string {
  if (kind === 'charge') return `charge:${intentId}`;
  return entryKindOf(kind) ? `${kind}:${sourceId}` : `line:${id}`;
}

export type TieOutInput = {
  readonly from: Date;
  readonly to: Date;
  readonly now: Date;
  /** Those of the day, and those of any time that lines of the day answer to. */
  readonly entries: readonly BookEntry[];
  /** Those of the day, and of the days around it. */
  readonly lines: readonly BalanceTransaction[];
  /** Whose money a line is about. */
  readonly ownerOf: (line: BalanceTransaction) => OrganizerId;
  /** Refunds of the provider's of which we know that they are under way. */
  readonly underWay: ReadonlySet<string>;
};

/** One result for each organizer and currency in which anything happened on the day. */
export function tieOutDay(input: TieOutInput): readonly TieOut[] {
  const results = new Map<string, TieOut>();
  const resultOf = (organizerId: OrganizerId, currency: string): TieOut => {
    const known = results.get(`${organizerId} ${currency}`);
    if (known) return known;
    const fresh: TieOut = {
      organizerId,
      currency,
      ...{ booksMinor: 0, providerMinor: 0, feesMinor: 0, pendingMinor: 0, differenceMinor: 0 },
      matched: 0,
      items: [],
    };
    results.set(`${organizerId} ${currency}`, fresh);
    return fresh;
  };
  const inDay = (at: Date) => at >= input.from && at < input.to;
  const entries = byKey(input.entries, keyOfEntry);
  const lines = withoutPayouts(input.lines);
  const answered = byKey(lines, keyOfLine);

  for (const line of lines.filter(({ createdAt }) => inDay(createdAt))) {
    const key = keyOfLine(line);
    const partner = entries.get(key)?.[answered.get(key)?.indexOf(line) ?? 0];
    const result = resultOf(partner?.organizerId ?? input.ownerOf(line), line.currency);
    result.providerMinor += line.amountMinor;
    result.feesMinor += line.feeMinor;
    const isEven = partner?.amountMinor === line.amountMinor && partner.currency === line.currency;
    if (isEven || (!partner && isUndone(line, answered))) {
      result.matched += 1;
      continue;
    }
    const offMinor = line.amountMinor - (partner?.amountMinor ?? 0);
    note(result, input, offMinor, {
      side: 'provider',
      kind: line.kind,
      objectId: line.id,
      intentId: line.intentId,
      amountMinor: line.amountMinor,
      at: line.createdAt,
      isUnderWay: line.sourceId !== null && input.underWay.has(line.sourceId),
      isOther: partner !== undefined,
    });
  }
  for (const entry of input.entries.filter(({ at }) => inDay(at))) {
    const key = keyOfEntry(entry);
    const result = resultOf(entry.organizerId, entry.currency);
    result.booksMinor += entry.amountMinor;
    const position = entries.get(key)?.indexOf(entry) ?? 0;
    // Whether it is of the same amount is told with the line.
    if (answered.get(key)?.[position]) continue;
    note(result, input, -entry.amountMinor, {
      side: 'books',
      kind: entry.kind,
      objectId: entry.source,
      intentId: entry.intentId,
      amountMinor: entry.amountMinor,
      at: entry.at,
      isUnderWay: false,
      isOther: false,
    });
  }
  return [...results.values()];
}

type Found = Omit<TieOutItem, 'at' | 'ageSeconds' | 'state'> & {
  readonly at: Date;
  readonly isUnderWay: boolean;
  readonly isOther: boolean;
};

function note(result: TieOut, { now }: TieOutInput, offMinor: number, found: Found): void {
  const { at, isUnderWay, isOther, ...item } = found;
  const ageMs = now.getTime() - at.getTime();
  const isPending = !isOther && (isUnderWay || ageMs < PENDING_MS);
  if (isPending) result.pendingMinor += offMinor;
  else result.differenceMinor += offMinor;
  result.items.push({
    ...item,
    at: at.toISOString(),
    ageSeconds: Math.max(0, Math.floor(ageMs / 1_000)),
    state: isPending ? 'pending' : isOther ? 'differs' : 'missing',
  });
}

/** A refund that failed before it was ever called done here: it went out and came back. */
function isUndone(
  { kind, sourceId, amountMinor }: BalanceTransaction,
  answered: ReadonlyMap<string, readonly BalanceTransaction[]>,
): boolean {
  if (kind !== 'refund' && kind !== 'refund_failure') return false;
  const other = kind === 'refund' ? 'refund_failure' : 'refund';
  return answered.get(`${other}:${sourceId}`)?.[0]?.amountMinor === -amountMinor;
}

function withoutPayouts(lines: readonly BalanceTransaction[]): readonly BalanceTransaction[] {
  return lines.filter(({ kind }) => kind !== 'payout');
}

function byKey<T>(rows: readonly T[], keyOf: (row: T) => string): ReadonlyMap<string, T[]> {
  const found = new Map<string, T[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const same = found.get(key);
    if (same) same.push(row);
    else found.set(key, [row]);
  }
  return found;
}
