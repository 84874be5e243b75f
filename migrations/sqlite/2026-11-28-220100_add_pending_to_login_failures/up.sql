-- Whether the attempt is still being checked: it takes up room in the allowance, but is no failure yet.
ALTER TABLE login_failures ADD COLUMN is_pending INTEGER NOT NULL DEFAULT 0
    CHECK (is_pending IN (0, 1));
INSERT INTO compatible_migrations (version, since) VALUES ('20261128220100', '20261123025000');
