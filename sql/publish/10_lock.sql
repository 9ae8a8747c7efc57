-- Publishing begins: one run at a time, in one transaction, unseen by readers until it commits.
-- The lock comes first, so that everything below sees what the previous run has published.
lock table ops.publish_lock;
