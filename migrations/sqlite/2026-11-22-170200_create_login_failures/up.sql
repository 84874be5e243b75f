CREATE TABLE login_failures (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- What is slowed down: an address, a name, or a browser that knows a name. Hashed, so that no names of
    -- visitors lie here.
    subject TEXT NOT NULL CHECK (length(subject) = 64),
    failed_at TEXT NOT NULL
) STRICT;

CREATE INDEX login_failures_subject ON login_failures (subject, failed_at);
CREATE INDEX login_failures_time ON login_failures (failed_at);
