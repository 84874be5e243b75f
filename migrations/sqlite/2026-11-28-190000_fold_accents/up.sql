-- On SQLite every connection registers `fold` when it opens; nothing is stored.
INSERT INTO compatible_migrations (version, since) VALUES ('20261128190000', '20261123025000');
