-- The migrations that earlier programs need not know: each with the newest migration that a program must have to work
-- with it all the same. A migration that only adds enters itself here, so that a release can be taken back over it.
CREATE TABLE compatible_migrations (
    version TEXT PRIMARY KEY NOT NULL,
    since TEXT NOT NULL CHECK (since < version)
) STRICT;
