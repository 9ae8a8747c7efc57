-- Drops what a rehearsal has created, in the same transaction: nobody ever sees it.
-- Safe to run again: the schema belongs to this rehearsal alone.
drop schema if exists {{ staging }} cascade;
