-- Whether the attempt is still being checked: it takes up room in the allowance, but is no failure yet.
ALTER TABLE login_failures ADD COLUMN is_pending BOOLEAN NOT NULL DEFAULT FALSE;
INSERT INTO compatible_migrations (version, since) VALUES ('20261128220100', '20261123025000');
