-- Where the instances of a runtime come from.

ALTER TABLE runtimes ADD COLUMN instance_mode TEXT NOT NULL DEFAULT '"forked"';
