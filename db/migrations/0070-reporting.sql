-- Reporting reads what the other rooms own and writes nothing.

create schema reporting;
grant usage on schema reporting to fanfare_app, fanfare_auditor;
