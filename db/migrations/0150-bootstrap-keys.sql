-- Which admin keys came from the setting BOOTSTRAP_API_KEY: when the setting changes, they end.

alter table identity.api_key add column from_setting boolean not null default false;
