-- The inbox keeps what was received, as it came, until it is pruned: it may name a buyer, so the
-- auditor does not read it.
alter table payments.webhook add column body bytea;
revoke select on payments.webhook from fanfare_auditor;
grant select (webhook_id, type, object_id, received_at) on payments.webhook to fanfare_auditor;
