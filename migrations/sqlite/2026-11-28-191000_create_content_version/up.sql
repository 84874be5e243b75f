-- One number that grows with every change to public content. A cached page is valid while the number is unchanged.
-- Triggers maintain it, so bulk commands and rows edited by hand count too. Sessions, logins and the audit log don't.
CREATE TABLE content_version (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO content_version (id, version) VALUES (1, 0);

CREATE TRIGGER content_version_addresses_insert AFTER INSERT ON addresses
BEGIN UPDATE content_version SET version = version + 1; END;

CREATE TRIGGER content_version_addresses_update AFTER UPDATE ON addresses
BEGIN UPDATE content_version SET version = version + 1; END;

CREATE TRIGGER content_version_addresses_delete AFTER DELETE ON addresses
BEGIN UPDATE content_version SET version = version + 1; END;

CREATE TRIGGER content_version_lettings_insert AFTER INSERT ON lettings
BEGIN UPDATE content_version SET version = version + 1; END;

CREATE TRIGGER content_version_lettings_update AFTER UPDATE ON lettings
BEGIN UPDATE content_version SET version = version + 1; END;

CREATE TRIGGER content_version_lettings_delete AFTER DELETE ON lettings
BEGIN UPDATE content_version SET version = version + 1; END;

CREATE TRIGGER content_version_profiles_insert AFTER INSERT ON profiles
BEGIN UPDATE content_version SET version = version + 1; END;

CREATE TRIGGER content_version_profiles_update AFTER UPDATE ON profiles
BEGIN UPDATE content_version SET version = version + 1; END;

CREATE TRIGGER content_version_profiles_delete AFTER DELETE ON profiles
BEGIN UPDATE content_version SET version = version + 1; END;

CREATE TRIGGER content_version_users_insert AFTER INSERT ON users
BEGIN UPDATE content_version SET version = version + 1; END;

CREATE TRIGGER content_version_users_update AFTER UPDATE OF username, first_name, last_name, email ON users
BEGIN UPDATE content_version SET version = version + 1; END;

CREATE TRIGGER content_version_users_delete AFTER DELETE ON users
BEGIN UPDATE content_version SET version = version + 1; END;

INSERT INTO compatible_migrations (version, since) VALUES ('20261128191000', '20261123025000');
