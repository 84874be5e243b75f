-- Mails that have to be sent. Nodes claim a mail by moving its next attempt into the future.
CREATE TABLE outgoing_mails (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    recipient TEXT NOT NULL CHECK (length(recipient) BETWEEN 1 AND 254),
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at TEXT NOT NULL
) STRICT;

CREATE INDEX outgoing_mails_next ON outgoing_mails (next_attempt_at);
INSERT INTO compatible_migrations (version, since) VALUES ('20261128220300', '20261123025000');
