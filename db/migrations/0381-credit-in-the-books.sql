-- What the books say about credit is held against the credits: few entries among many captures.
create index transfer_credit on payments.transfer (event_id, reference)
  where kind in ('credit_issued', 'credit_spent', 'credit_returned');
