-- When a mail is dropped, because what it says is no longer valid. Null: after three days.
ALTER TABLE outgoing_mails ADD COLUMN expires_at TEXT;
INSERT INTO compatible_migrations (version, since) VALUES ('20261129030100', '20261123025000');
