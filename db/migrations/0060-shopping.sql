-- Shopping owns no rows yet; its SQL functions compose what other rooms own.

create schema shopping;
grant usage on schema shopping to fanfare_app, fanfare_lane;
