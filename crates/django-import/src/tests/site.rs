//! A small Django site, with the schemas of Django's own migrations.

use std::path::{Path, PathBuf};

use anyhow::Result;
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use tempfile::TempDir;

/// Hashes of “Sea breeze 42” and of the leaked password, with few rounds to keep tests fast.
pub(super) const SEA_BREEZE: &str =
    "pbkdf2_sha256$1200$saltsaltsalt$8TtVvcM/X1bNKYi7S+EBwfglV6bCX9jJWKXHP0AlFV4=";
pub(super) const LEAKED: &str =
    "pbkdf2_sha256$1200$saltsaltsalt$3ZLft9r5tVsHQ0tDqwPTHvqjWm2uJXQ6JtWRh40x4B4=";

/// An edition of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edition {
    /// Django 2.2, one app.
    OneApp,
    /// Django 3.2, two apps.
    Split,
    /// Django 6.0, two apps, with large keys and more columns.
    Newest,
}

/// The database of a Django site in its own folder.
pub(super) struct DjangoSite {
    folder: TempDir,
    conn: SqliteConnection,
}

impl DjangoSite {
    /// An administrator, Ada with a profile, an account without a password, a group, two lettings, and a log that
    /// mentions a third.
    pub(super) fn new(edition: Edition) -> Result<Self> {
        let (lettings, profiles) = match edition {
            Edition::OneApp => ("oc_lettings_site", "oc_lettings_site"),
            Edition::Split | Edition::Newest => ("lettings", "profiles"),
        };
        let mut site = Self::with_tables(edition, lettings, profiles)?;
        site.add_rows(lettings, profiles)?;
        Ok(site)
    }

    /// A site without rows, with its models in these apps.
    pub(super) fn with_tables(edition: Edition, lettings: &str, profiles: &str) -> Result<Self> {
        Self::create(edition, lettings, profiles, "")
    }

    /// The same, after some settings of the database.
    pub(super) fn create(
        edition: Edition,
        lettings: &str,
        profiles: &str,
        settings: &str,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("oc-lettings-site.sqlite3");
        let conn = SqliteConnection::establish(&path.to_string_lossy())?;
        let mut site = Self { folder, conn };
        let (name, key) = match edition {
            Edition::Newest => ("150", "bigint"),
            Edition::OneApp | Edition::Split => ("30", "integer"),
        };
        site.sql(settings)?;
        site.sql("PRAGMA foreign_keys = OFF")?;
        site.sql(&DJANGO.replace("FIRST_NAME", name))?;
        site.add_tables(lettings, profiles, key)?;
        Ok(site)
    }

    /// Adds the tables of the site's own models.
    pub(super) fn add_tables(&mut self, lettings: &str, profiles: &str, key: &str) -> Result<()> {
        let tables = SITE
            .replace("LETTINGS", lettings)
            .replace("PROFILES", profiles)
            .replace("REFERRING", key);
        self.sql(&tables)
    }

    /// Adds the rows of the small site.
    pub(super) fn add_rows(&mut self, lettings: &str, profiles: &str) -> Result<()> {
        let rows = ROWS
            .replace("LETTINGS", lettings)
            .replace("PROFILES", profiles)
            .replace("HASH", SEA_BREEZE);
        self.sql(&rows)
    }

    pub(super) fn sql(&mut self, sql: &str) -> Result<()> {
        Ok(self.conn.batch_execute(sql)?)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder().join("oc-lettings-site.sqlite3")
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

const DJANGO: &str = r#"
CREATE TABLE "django_migrations" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "app" varchar(255) NOT NULL, "name" varchar(255) NOT NULL, "applied" datetime NOT NULL);
CREATE TABLE "django_content_type" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "app_label" varchar(100) NOT NULL, "model" varchar(100) NOT NULL);
CREATE TABLE "auth_permission" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "content_type_id" integer NOT NULL REFERENCES "django_content_type" ("id") DEFERRABLE INITIALLY DEFERRED, "codename" varchar(100) NOT NULL, "name" varchar(255) NOT NULL);
CREATE TABLE "auth_group" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(150) NOT NULL UNIQUE);
CREATE TABLE "auth_group_permissions" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "group_id" integer NOT NULL, "permission_id" integer NOT NULL);
CREATE TABLE "auth_user" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "password" varchar(128) NOT NULL, "last_login" datetime NULL, "is_superuser" bool NOT NULL, "username" varchar(150) NOT NULL UNIQUE, "first_name" varchar(FIRST_NAME) NOT NULL, "last_name" varchar(150) NOT NULL, "email" varchar(254) NOT NULL, "is_staff" bool NOT NULL, "is_active" bool NOT NULL, "date_joined" datetime NOT NULL);
CREATE TABLE "auth_user_groups" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "user_id" integer NOT NULL, "group_id" integer NOT NULL);
CREATE TABLE "auth_user_user_permissions" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "user_id" integer NOT NULL, "permission_id" integer NOT NULL);
CREATE TABLE "django_admin_log" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "action_time" datetime NOT NULL, "object_id" text NULL, "object_repr" varchar(200) NOT NULL, "action_flag" smallint unsigned NOT NULL CHECK ("action_flag" >= 0), "change_message" text NOT NULL, "content_type_id" integer NULL REFERENCES "django_content_type" ("id") DEFERRABLE INITIALLY DEFERRED, "user_id" integer NOT NULL REFERENCES "auth_user" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "django_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" datetime NOT NULL);
"#;

const SITE: &str = r#"
CREATE TABLE "LETTINGS_address" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "number" integer unsigned NOT NULL, "street" varchar(64) NOT NULL, "city" varchar(64) NOT NULL, "state" varchar(2) NOT NULL, "zip_code" integer unsigned NOT NULL, "country_iso_code" varchar(3) NOT NULL);
CREATE TABLE "LETTINGS_letting" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "title" varchar(256) NOT NULL, "address_id" REFERRING NOT NULL);
CREATE TABLE "PROFILES_profile" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "favorite_city" varchar(64) NOT NULL, "user_id" integer NOT NULL);
"#;

const ROWS: &str = r#"
INSERT INTO django_migrations (app, name, applied) VALUES
    ('auth', '0001_initial', '2020-06-14 09:35:53'), ('LETTINGS', '0001_initial', '2020-06-14 09:35:54');
INSERT INTO django_content_type (id, app_label, model) VALUES
    (1, 'LETTINGS', 'address'), (2, 'PROFILES', 'profile'), (3, 'LETTINGS', 'letting'), (4, 'auth', 'user'),
    (5, 'auth', 'group'), (6, 'sessions', 'session');
INSERT INTO auth_permission (content_type_id, codename, name)
    SELECT c.id, v.column1 || '_' || c.model, 'Can ' || v.column1 || ' ' || c.model
    FROM django_content_type AS c, (VALUES ('add'), ('change'), ('delete'), ('view')) AS v ORDER BY c.id;
INSERT INTO auth_user VALUES
    (1, 'HASH', '2020-06-14 09:41:56.975174', 1, 'admin', '', '', 'admin@example.org', 1, 1, '2020-06-14 09:41:15.326411'),
    (2, 'HASH', NULL, 0, 'AirWow', 'Ada', 'Paul', 'ada@example.org', 1, 1, '2020-06-14 09:44:45'),
    (4, '!k3zD0Pq', NULL, 0, 'Жанна', 'Jeanne', '', '', 0, 0, '2020-06-14 09:46:28');
INSERT INTO auth_group VALUES (3, 'editors');
INSERT INTO auth_group_permissions (group_id, permission_id) SELECT 3, id FROM auth_permission WHERE codename = 'change_address';
INSERT INTO auth_user_groups (user_id, group_id) VALUES (2, 3);
INSERT INTO auth_user_user_permissions (user_id, permission_id) SELECT 2, id FROM auth_permission WHERE codename = 'view_letting';
INSERT INTO LETTINGS_address VALUES
    (1, 7217, 'Bedford Street', 'Brunswick', 'GA', 31525, 'USA'), (5, 4, 'Military Street', 'Boston', 'MA', 2134, 'USA');
INSERT INTO LETTINGS_letting VALUES (1, 'Joshua Tree Green Haus /w Hot Tub', 1), (7, '''Silo'' & <Studio>', 5);
INSERT INTO PROFILES_profile VALUES (4, 'Budapest', 2);
INSERT INTO django_admin_log (action_time, object_id, object_repr, action_flag, change_message, content_type_id, user_id) VALUES
    ('2020-06-14 09:52:18.053407', '7', 'Silo', 1, '[{"added": {}}]', 3, 1),
    ('2020-06-15 10:00:00', '7', '''Silo'' & <Studio>', 2, '[{"changed": {"fields": ["Title", "Address"]}}]', 3, 2),
    ('2020-06-16 10:00:00', '12', 'Gone with the tide', 3, '', 3, 1),
    ('2020-06-17 10:00:00', 'k3y', 'a session', 3, '', 6, 1);
INSERT INTO django_session VALUES ('s', 'd', '2020-06-28 09:41:56');
"#;
