-- The simulator has disputes: the bank takes the money back while one is open, and gives it again
-- where it is won.

alter table sandbox.ledger_line
  drop constraint ledger_line_kind_check,
  add constraint ledger_line_kind_check check (kind in ('capture', 'fee', 'refund',
    'refund_settled', 'refund_failed', 'dispute', 'dispute_reversed'));
