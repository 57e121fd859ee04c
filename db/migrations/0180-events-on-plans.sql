-- An event takes place in one version of a floor plan, with one option where the plan has several.

alter table catalog.event
  add configuration_id text,
  -- By slot, which option was chosen.
  add section_choices jsonb not null default '{}';
create index event_of_configuration on catalog.event (configuration_id, starts_at)
  where configuration_id is not null;

-- Which pool has the places of a category of the plan.
create table catalog.category_pool (
  event_id text not null references catalog.event on delete cascade,
  category text not null,
  pool_id text not null,
  primary key (event_id, category)
);
grant select, insert, update, delete on catalog.category_pool to fanfare_app;
grant select on catalog.category_pool to fanfare_lane, fanfare_auditor;
