import { int, rows, text, textOrNull } from '../../kernel/sql.ts';

export type Line = {
  readonly account: 'cards' | 'balance' | 'fees' | 'refunds_in_transit';
  readonly amountMinor: number;
};

export type Posting = {
  readonly id: string;
  readonly intentId: string;
  readonly sourceId: string;
  readonly kind:
    | 'capture'
    | 'fee'
    | 'refund'
    | 'refund_settled'
    | 'refund_failed'
    | 'dispute'
    | 'dispute_reversed';
  readonly currency: string;
  readonly atS: number;
  readonly lines: readonly Line[];
};

export const insertLines = (p: Posting) => rows({ id: int })`
  insert into sandbox.ledger_line
    (posting_id, intent_id, source_id, kind, account, amount_minor, currency, at)
  select ${p.id}, ${p.intentId}, ${p.sourceId}, ${p.kind}, l.account, l.amount_minor,
    ${p.currency}, to_timestamp(${p.atS}::bigint)
  from unnest(${p.lines.map((l) => l.account)}::text[], ${p.lines.map((l) => l.amountMinor)}::bigint[])
    as l (account, amount_minor)
  returning id`;

const totals = {
  currency: text,
  capturedMinor: int,
  refundedMinor: int,
  refundsInTransitMinor: int,
  disputedMinor: int,
  feesMinor: int,
};

/** Taken from cards, given back (in transit included), taken back by banks, taken by fees. */
export const totalsByCurrency = () => rows(totals)`
  select l.currency,
    coalesce(-sum(l.amount_minor) filter (where l.account = 'cards' and l.kind = 'capture'), 0)
      as "capturedMinor",
    coalesce(-sum(l.amount_minor) filter (where l.account = 'balance'
      and l.kind in ('refund', 'refund_failed')), 0) as "refundedMinor",
    coalesce(sum(l.amount_minor) filter (where l.account = 'refunds_in_transit'), 0)
      as "refundsInTransitMinor",
    coalesce(-sum(l.amount_minor) filter (where l.account = 'balance'
      and l.kind in ('dispute', 'dispute_reversed')), 0) as "disputedMinor",
    coalesce(sum(l.amount_minor) filter (where l.account = 'fees'), 0) as "feesMinor"
  from sandbox.ledger_line l
  group by l.currency
  order by l.currency`;

export const totalsByIntent = (after: string, limit: number) =>
  rows({ intentId: text, orderId: textOrNull, merchant: text, ...totals })`
  with intents as (
    select distinct l.intent_id from sandbox.ledger_line l
    where l.intent_id > ${after} order by l.intent_id limit ${limit}
  )
  select e.intent_id as "intentId", e.order_id as "orderId", e.merchant, e.currency,
    coalesce(-sum(e.amount_minor) filter (where e.account = 'cards' and e.kind = 'capture'), 0)
      as "capturedMinor",
    coalesce(-sum(e.amount_minor) filter (where e.account = 'balance'
      and e.kind in ('refund', 'refund_failed')), 0) as "refundedMinor",
    coalesce(sum(e.amount_minor) filter (where e.account = 'refunds_in_transit'), 0)
      as "refundsInTransitMinor",
    coalesce(-sum(e.amount_minor) filter (where e.account = 'balance'
      and e.kind in ('dispute', 'dispute_reversed')), 0) as "disputedMinor",
    coalesce(sum(e.amount_minor) filter (where e.account = 'fees'), 0) as "feesMinor"
  from sandbox.ledger_entry e join intents i on i.intent_id = e.intent_id
  group by e.intent_id, e.order_id, e.merchant, e.currency
  order by e.intent_id`;
