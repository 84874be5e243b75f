-- One number that grows with every change to public content. A cached page is valid while the number is unchanged.
-- Triggers maintain it, so bulk commands and rows edited by hand count too. Sessions, logins and the audit log don't.
CREATE TABLE content_version (
    id integer PRIMARY KEY NOT NULL CHECK (id = 1),
    version bigint NOT NULL
);
INSERT INTO content_version (id, version) VALUES (1, 0);

-- Deferred to the commit: the row is locked only for as long as the commit takes, and after every other lock, so two
-- transactions can't wait for each other. The setting is local to the transaction and makes it count once.
CREATE FUNCTION increment_content_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('oc_lettings.counted', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
        PERFORM set_config('oc_lettings.counted', pg_current_xact_id()::text, true);
        UPDATE content_version SET version = version + 1;
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER content_version_addresses AFTER INSERT OR DELETE OR UPDATE ON addresses
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION increment_content_version();

CREATE CONSTRAINT TRIGGER content_version_lettings AFTER INSERT OR DELETE OR UPDATE ON lettings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION increment_content_version();

CREATE CONSTRAINT TRIGGER content_version_profiles AFTER INSERT OR DELETE OR UPDATE ON profiles
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION increment_content_version();

CREATE CONSTRAINT TRIGGER content_version_users AFTER INSERT OR DELETE OR UPDATE OF username, first_name, last_name, email ON users
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION increment_content_version();

INSERT INTO compatible_migrations (version, since) VALUES ('20261128191000', '20261123025000');
