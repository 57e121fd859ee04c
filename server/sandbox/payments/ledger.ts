/**
 * The double-entry ledger: the oracle that everybody else's books are held against. Accounts:
 * `cards` (the buyers'), `balance` (the merchant's), `fees` (the provider's), and
 * `refunds_in_transit` (taken from the balance, not yet on a card). A positive amount is what the
 * account receives; each posting sums to zero, which the table checks at commit.
 *
 *   authorise        no posting: no money moves
 *   capture          cards → balance; fee: balance → fees
 *   refund           balance → cards, or balance → refunds_in_transit while it is pending
 *   refund settles   refunds_in_transit → cards
 *   refund fails     cards → balance
 *   dispute          balance → cards; fee: balance → fees, and it stays there
 *   dispute is won   cards → balance
 */
import { all, type Db } from '../../kernel/db.ts';
import type { BalanceTransaction, Dispute } from '../balance-objects.ts';
import type { Charge, Refund } from '../objects.ts';
import { insert } from '../store.ts';
import { type Call, newId, nowS } from '../world.ts';
import {
  insertLines,
  type Line,
  type Posting,
  totalsByCurrency,
  totalsByIntent,
} from './ledger.sql.ts';

const INTENTS_PER_PAGE = 1_000;

type Totals = {
  readonly currency: string;
  readonly capturedMinor: number;
  /** Taken back from the balance, refunds in transit included, failed ones not. */
  readonly refundedMinor: number;
  readonly refundsInTransitMinor: number;
  /** Taken back by banks, and not given again. */
  readonly disputedMinor: number;
  readonly feesMinor: number;
  /** Captured less refunded and disputed; fees are not taken off. */
  readonly netMinor: number;
};

type IntentTotals = Totals & {
  readonly intentId: string;
  readonly orderId: string | null;
  readonly merchant: string;
};

export type LedgerTotals = {
  readonly byCurrency: readonly Totals[];
  readonly byIntent: readonly IntentTotals[];
};

export async function readLedger(db: Db): Promise<LedgerTotals> {
  const byCurrency = await all(db, totalsByCurrency());
  const byIntent: IntentTotals[] = [];
  for (let after = ''; ; ) {
    const found = await all(db, totalsByIntent(after, INTENTS_PER_PAGE));
    byIntent.push(...found.map(withNet));
    const last = found.at(-1);
    if (!last || found.length < INTENTS_PER_PAGE) break;
    after = last.intentId;
  }
  return { byCurrency: byCurrency.map(withNet), byIntent };
}

function withNet<T extends { capturedMinor: number; refundedMinor: number; disputedMinor: number }>(
  row: T,
) {
  return { ...row, netMinor: row.capturedMinor - row.refundedMinor - row.disputedMinor };
}

/** Returns the balance transaction that the charge will name. */
export async function postCapture(
  call: Call,
  charge: Charge,
  amountMinor: number,
): Promise<string> {
  const feeMinor = call.world.feeFor(amountMinor, charge.currency);
  await post(call, charge, 'capture', move('cards', 'balance', amountMinor));
  if (feeMinor > 0) await post(call, charge, 'fee', move('balance', 'fees', feeMinor));
  return (await insertTransaction(call, charge, 'charge', amountMinor, feeMinor)).id;
}

export async function postRefund(
  call: Call,
  refund: RefundMoney,
  pending: boolean,
): Promise<string> {
  const to = pending ? 'refunds_in_transit' : 'cards';
  await post(call, refund, 'refund', move('balance', to, refund.amount));
  return (await insertTransaction(call, refund, 'refund', -refund.amount, 0)).id;
}

export async function postRefundSettled(call: Call, refund: RefundMoney): Promise<void> {
  await post(call, refund, 'refund_settled', move('refunds_in_transit', 'cards', refund.amount));
}

export async function postRefundFailed(call: Call, refund: RefundMoney): Promise<string> {
  await post(call, refund, 'refund_failed', move('cards', 'balance', refund.amount));
  return (await insertTransaction(call, refund, 'refund_failure', refund.amount, 0)).id;
}

/** The bank takes the money back; the provider's fee for that is never given again. */
export async function postDispute(
  call: Call,
  dispute: Dispute,
  feeMinor: number,
): Promise<BalanceTransaction> {
  await post(call, dispute, 'dispute', move('balance', 'cards', dispute.amount));
  await post(call, dispute, 'fee', move('balance', 'fees', feeMinor));
  return insertTransaction(call, dispute, 'dispute', -dispute.amount, feeMinor);
}

export async function postDisputeReversed(
  call: Call,
  dispute: Dispute,
): Promise<BalanceTransaction> {
  await post(call, dispute, 'dispute_reversed', move('cards', 'balance', dispute.amount));
  return insertTransaction(call, dispute, 'dispute_reversal', dispute.amount, 0);
}

type RefundMoney = Pick<Refund, 'id' | 'amount' | 'currency' | 'payment_intent'>;
type Source = Pick<Charge, 'id' | 'currency' | 'payment_intent'>;

function move(from: Line['account'], to: Line['account'], amountMinor: number): readonly Line[] {
  return [
    { account: from, amountMinor: -amountMinor },
    { account: to, amountMinor },
  ];
}

async function post(
  call: Call,
  source: Source,
  kind: Posting['kind'],
  lines: readonly Line[],
): Promise<void> {
  await all(
    call.tx,
    insertLines({
      id: newId(call.world, 'post'),
      intentId: source.payment_intent,
      sourceId: source.id,
      kind,
      currency: source.currency,
      atS: nowS(call.world),
      lines,
    }),
  );
}

async function insertTransaction(
  call: Call,
  source: Source,
  category: BalanceTransaction['reporting_category'],
  amountMinor: number,
  feeMinor: number,
): Promise<BalanceTransaction> {
  const { currency } = source;
  const at = nowS(call.world);
  const fee = { amount: feeMinor, application: null, currency, type: 'stripe_fee' } as const;
  const id = newId(call.world, 'txn');
  const isAdjustment = category === 'dispute' || category === 'dispute_reversal';
  const made = await insert(
    call,
    'balance_transaction',
    {
      id,
      object: 'balance_transaction',
      amount: amountMinor,
      available_on: at,
      balance_type: 'payments',
      created: at,
      currency,
      description: null,
      exchange_rate: null,
      fee: feeMinor,
      fee_details: feeMinor === 0 ? [] : [{ ...fee, description: 'Stripe processing fees' }],
      net: amountMinor - feeMinor,
      reporting_category: category,
      source: source.id,
      status: 'available',
      type: isAdjustment ? 'adjustment' : category,
    },
    { parent: source.payment_intent },
  );
  return made.data;
}
