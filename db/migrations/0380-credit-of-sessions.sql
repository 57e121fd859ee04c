-- The credit that a buyer pays a part with in a shopping session; its code can be told from its id.
alter table sessions.session add credit_id text;
