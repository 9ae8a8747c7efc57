-- Drops what a rehearsal has created, in the transaction that created it: nobody ever sees it.
-- Safe to run again: the schema is of this rehearsal alone.
drop schema if exists {{ staging }} cascade;
