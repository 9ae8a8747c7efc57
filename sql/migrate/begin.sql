-- Begins a migration: not while a run publishes, nor beside another migration.
-- Safe to run again: a lock lasts until the transaction ends.
lock table ops.publish_lock;
