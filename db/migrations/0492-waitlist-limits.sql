-- The audit passes over who may not have so many more at the moment: keys of people, as
-- inventory.person_use has them.
grant select on waitlist.person to fanfare_auditor;
