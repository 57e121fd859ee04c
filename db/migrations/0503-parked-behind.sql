-- A fact is parked behind another one of its key where that is there still: a row that is locked
-- for it needs this.
grant update (error) on kernel.parked_fact to fanfare_app;
