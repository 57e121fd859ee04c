/** The books and the provider's, line by line, with a provider made of a list. */
import { describe, expect, it } from 'vitest';
import type { EventId, OrganizerId } from '../../kernel/ids.ts';
import type { BalanceTransaction } from './provider.ts';
import { type BookEntry, tieOutDay } from './rules-tie-out.ts';

const org = 'org_1' as OrganizerId;
const from = new Date('2035-05-02T00:00:00Z');
const to = new Date('2035-05-03T00:00:00Z');
const now = new Date('2035-05-03T06:00:00Z');
const noon = new Date('2035-05-02T12:00:00Z');

const entry = (more: Partial<BookEntry> = {}): BookEntry => ({
  eventId: 'evt_1' as EventId,
  organizerId: org,
  kind: 'capture',
  source: 'pay_1',
  intentId: 'pi_1',
  amountMinor: 5_000,
  currency: 'EUR',
  at: noon,
  ...more,
});
const line = (more: Partial<BalanceTransaction> = {}): BalanceTransaction => ({
  id: 'txn_1',
  kind: 'charge',
  amountMinor: 5_000,
  feeMinor: 100,
  netMinor: 4_900,
  currency: 'EUR',
  sourceId: 'ch_1',
  intentId: 'pi_1',
  createdAt: noon,
  ...more,
});
const tie = (
  entries: readonly BookEntry[],
  lines: readonly BalanceTransaction[],
  underWay: readonly string[] = [],
) => tieOutDay({ from, to, now, entries, lines, ownerOf: () => org, underWay: new Set(underWay) });

const refundOut = { kind: 'refund', sourceId: 're_1', amountMinor: -2_500, feeMinor: 0 } as const;

describe('the tie-out', () => {
  it('is even where every entry has its line, and adds up the fees', () => {
    const paid = { kind: 'refund_paid', source: 're_1', amountMinor: -2_500 };
    const [result] = tie([entry(), entry(paid)], [line(), line({ ...refundOut, id: 'txn_2' })]);
    expect(result).toMatchObject({
      ...{ booksMinor: 2_500, providerMinor: 2_500, feesMinor: 100, differenceMinor: 0 },
      ...{ matched: 2, items: [] },
    });
  });

  it('finds what one of the two does not have, with its age', () => {
    const [result] = tie([entry()], [line({ intentId: 'pi_2', amountMinor: 700 })]);
    expect(result).toMatchObject({ differenceMinor: 700 - 5_000, matched: 0 });
    expect(result?.items).toMatchObject([
      { side: 'provider', objectId: 'txn_1', state: 'missing', ageSeconds: 18 * 3_600 },
      { side: 'books', objectId: 'pay_1', state: 'missing', ageSeconds: 18 * 3_600 },
    ]);
  });

  it('does not let two mistakes of the same amount hide each other', () => {
    const [result] = tie([entry()], [line({ intentId: 'pi_2' })]);
    expect(result).toMatchObject({ differenceMinor: 0 });
    expect(result?.items).toHaveLength(2);
  });

  it('finds another amount', () => {
    const [result] = tie([entry()], [line({ amountMinor: 4_000 })]);
    expect(result).toMatchObject({ differenceMinor: -1_000, items: [{ state: 'differs' }] });
  });

  it('waits for what is young, and for a refund that is under way', () => {
    const young = new Date(now.getTime() - 60_000);
    const late = { from, to: new Date(now.getTime() + 1), now, ownerOf: () => org };
    const none = new Set<string>();
    const lines = [line({ createdAt: young })];
    const [result] = tieOutDay({ ...late, entries: [], lines, underWay: none });
    expect(result).toMatchObject({ pendingMinor: 5_000, differenceMinor: 0 });
    expect(result?.items).toMatchObject([{ state: 'pending', ageSeconds: 60 }]);
    expect(tie([], [line(refundOut)], ['re_1'])[0]).toMatchObject({ differenceMinor: 0 });
    expect(tie([], [line(refundOut)])[0]).toMatchObject({ differenceMinor: -2_500 });
  });

  it('takes a refund that came back before it was done here for nothing', () => {
    const back = { kind: 'refund_failure', sourceId: 're_1', amountMinor: 2_500, feeMinor: 0 };
    const [result] = tie(
      [],
      [line(refundOut), line({ ...back, kind: 'refund_failure', id: 't2' })],
    );
    expect(result).toMatchObject({ matched: 2, differenceMinor: 0, items: [] });
  });

  it('matches over midnight: each counts on its own day', () => {
    const before = new Date(from.getTime() - 1_000);
    const [result] = tie([entry({ at: before })], [line()]);
    expect(result).toMatchObject({ booksMinor: 0, providerMinor: 5_000, differenceMinor: 0 });
    const [other] = tie([entry()], [line({ createdAt: before })]);
    expect(other).toMatchObject({ booksMinor: 5_000, providerMinor: 0, differenceMinor: 0 });
  });

  it('keeps organizers and currencies apart, and leaves payouts to them', () => {
    const theirs = entry({ organizerId: 'org_2' as OrganizerId, intentId: 'pi_2', source: 'p2' });
    const dollars = entry({ currency: 'USD', intentId: 'pi_3', source: 'p3' });
    const results = tie(
      [entry(), theirs, dollars],
      [
        line(),
        line({ intentId: 'pi_2', id: 't2' }),
        line({ intentId: 'pi_3', id: 't3', currency: 'USD' }),
        line({ kind: 'payout', id: 't4', amountMinor: -9_000 }),
      ],
    );
    expect(results.map((r) => [r.organizerId, r.currency, r.matched, r.items.length])).toEqual([
      ['org_1', 'EUR', 1, 0],
      ['org_2', 'EUR', 1, 0],
      ['org_1', 'USD', 1, 0],
    ]);
  });
});
