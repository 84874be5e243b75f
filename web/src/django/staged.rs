//! The private database that a dump is read into, before it is read as any other.
//!
//! Values are kept as bytes, as they would come out of a database of Django's; what a dump names by natural keys is
//! looked up when all of it is there.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Nullable};
use diesel::sqlite::Sqlite;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::dump::Object;
use super::file::{DjangoFile, quoted};
use super::layout::{ADDRESS, GROUP, LETTING, LOG, PROFILE, USER};

/// Nothing of it shall outlive the run, so nothing is done for its safety.
const SETTINGS: &str = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; \
    CREATE TABLE auth_user_groups (id INTEGER PRIMARY KEY, user_id BLOB, group_id BLOB); \
    CREATE TABLE auth_user_user_permissions (id INTEGER PRIMARY KEY, user_id BLOB, permission_id BLOB); \
    CREATE TABLE auth_group_permissions (id INTEGER PRIMARY KEY, group_id BLOB, permission_id BLOB); \
    BEGIN;";

/// Django's own models, and the columns of their tables.
const DJANGO: [(&str, &str, &[&str]); 5] = [
    ("auth.user", "auth_user", USER),
    ("auth.group", "auth_group", GROUP),
    (
        "auth.permission",
        "auth_permission",
        &["id", "content_type_id", "codename", "name"],
    ),
    (
        "contenttypes.contenttype",
        "django_content_type",
        &["id", "app_label", "model"],
    ),
    ("admin.logentry", "django_admin_log", LOG),
];

/// Models whose ids are of no account, since what refers to them is looked up.
const IN_BETWEEN: [&str; 3] = [
    "auth.permission",
    "contenttypes.contenttype",
    "admin.logentry",
];

/// The site's own models, whatever app they are in.
const SITE: [(&str, &[&str]); 3] = [
    ("address", ADDRESS),
    ("letting", LETTING),
    ("profile", PROFILE),
];

/// Lists of other rows, as model, field, table and its two columns.
const LISTS: [(&str, &str, &str, [&str; 2]); 3] = [
    (
        "auth.user",
        "groups",
        "auth_user_groups",
        ["user_id", "group_id"],
    ),
    (
        "auth.user",
        "user_permissions",
        "auth_user_user_permissions",
        ["user_id", "permission_id"],
    ),
    (
        "auth.group",
        "permissions",
        "auth_group_permissions",
        ["group_id", "permission_id"],
    ),
];

/// A dump that is being read.
pub(super) struct Staging {
    conn: SqliteConnection,
    folder: TempDir,
    /// The tables of the dump's own models, with their columns.
    tables: BTreeMap<String, &'static [&'static str]>,
    /// Fields and models that have no place, and how often they come.
    others: BTreeMap<String, u64>,
    lacks_ids: bool,
}

impl Staging {
    pub(super) fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let path = folder.path().join("dump.sqlite3");
        let mut conn = SqliteConnection::establish(&path.to_string_lossy())?;
        conn.batch_execute(SETTINGS)?;
        let mut staging = Self {
            conn,
            folder,
            tables: BTreeMap::new(),
            others: BTreeMap::new(),
            lacks_ids: false,
        };
        for (_, table, columns) in DJANGO {
            staging.create(table, columns)?;
        }
        Ok(staging)
    }

    /// A folder of its own, for whatever is needed meanwhile.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn create(&mut self, table: &str, columns: &'static [&'static str]) -> anyhow::Result<()> {
        let list: Vec<String> = columns
            .iter()
            .map(|column| format!("{} BLOB", quoted(column)))
            .collect();
        let query = format!("CREATE TABLE {} ({})", quoted(table), list.join(", "));
        self.conn.batch_execute(&query)?;
        self.tables.insert(table.to_owned(), columns);
        Ok(())
    }

    /// Keeps an object.
    pub(super) fn take(&mut self, object: &Object) -> anyhow::Result<()> {
        let model = object.model.to_lowercase();
        let Some((table, columns)) = place(&model) else {
            *self.others.entry(format!("model {model}")).or_default() += 1;
            return Ok(());
        };
        if !self.tables.contains_key(&table) {
            self.create(&table, columns)?;
        }
        self.lacks_ids |= object.pk.is_null() && !IN_BETWEEN.contains(&model.as_str());
        let mut values = vec![bytes(&object.pk)];
        for column in &columns[1..] {
            let field = column.strip_suffix("_id").unwrap_or(column);
            let value = object
                .fields
                .get(*column)
                .or_else(|| object.fields.get(field));
            values.push(value.and_then(bytes));
        }
        self.insert(&table, columns, values)?;
        for (field, value) in &object.fields {
            let is_list = self.list(&model, object, field, value)?;
            let is_column = columns
                .iter()
                .any(|column| column == field || column.strip_suffix("_id") == Some(field));
            if !is_list && !is_column {
                *self.others.entry(format!("{model}.{field}")).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Keeps what a field lists, a row each, if it is such a field.
    fn list(
        &mut self,
        model: &str,
        object: &Object,
        field: &str,
        value: &Value,
    ) -> anyhow::Result<bool> {
        let Some((_, _, table, columns)) = LISTS
            .iter()
            .find(|(of, name, _, _)| *of == model && *name == field)
        else {
            return Ok(false);
        };
        let owner = if object.pk.is_null() {
            let name = object
                .fields
                .get("username")
                .or_else(|| object.fields.get("name"));
            bytes(&json!([name]))
        } else {
            bytes(&object.pk)
        };
        for item in value.as_array().into_iter().flatten() {
            self.insert(table, columns, vec![owner.clone(), bytes(item)])?;
        }
        Ok(true)
    }

    fn insert(
        &mut self,
        table: &str,
        columns: &[&str],
        values: Vec<Option<Vec<u8>>>,
    ) -> anyhow::Result<()> {
        let names: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
        let places = vec!["?"; columns.len()].join(", ");
        let query = format!(
            "INSERT INTO {} ({}) VALUES ({places})",
            quoted(table),
            names.join(", ")
        );
        let mut query = diesel::sql_query(query).into_boxed::<Sqlite>();
        for value in values {
            query = query.bind::<Nullable<Binary>, _>(value);
        }
        query.execute(&mut self.conn)?;
        Ok(())
    }

    /// Looks up what was named by natural keys, and gives ids to what has none.
    pub(super) fn finish(mut self) -> anyhow::Result<DjangoFile> {
        self.number("django_content_type", &["app_label", "model"])?;
        self.number("auth_group", &["name"])?;
        self.number("auth_user", &["username"])?;
        self.add_types_that_are_only_named()?;
        self.resolve("auth_permission", "content_type_id", TYPE)?;
        self.number("auth_permission", &["codename", "content_type_id"])?;
        self.resolve("django_admin_log", "content_type_id", TYPE)?;
        self.resolve("django_admin_log", "user_id", USER_NAME)?;
        for (table, column) in [
            ("auth_user_groups", "user_id"),
            ("auth_user_user_permissions", "user_id"),
        ] {
            self.resolve(table, column, USER_NAME)?;
        }
        for (table, column) in [
            ("auth_user_groups", "group_id"),
            ("auth_group_permissions", "group_id"),
        ] {
            self.resolve(table, column, GROUP_NAME)?;
        }
        for table in ["auth_user_user_permissions", "auth_group_permissions"] {
            self.resolve(table, "permission_id", PERMISSION)?;
        }
        let of_site: Vec<String> = self.tables.keys().cloned().collect();
        for table in of_site {
            if table.ends_with("_profile") {
                self.resolve(&table, "user_id", USER_NAME)?;
            }
            self.number(&table, &[])?;
        }
        self.conn.batch_execute("COMMIT")?;
        let mut file = DjangoFile::staged(self.conn, self.folder)?;
        file.others = self.others;
        file.lacks_ids = self.lacks_ids;
        Ok(file)
    }

    /// Gives ids to rows that have none, after the largest that there is, and makes rows quick to find.
    fn number(&mut self, table: &str, keys: &[&str]) -> anyhow::Result<()> {
        let name = quoted(table);
        self.conn.batch_execute(&format!(
            "UPDATE {name} SET id = CAST(CAST(rowid + (SELECT coalesce(max(CAST(CAST(id AS TEXT) AS INTEGER)), 0) FROM {name}) \
             AS TEXT) AS BLOB) WHERE id IS NULL; \
             CREATE INDEX IF NOT EXISTS {index} ON {name} (id);",
            index = quoted(&format!("{table}_by_id"))
        ))?;
        if !keys.is_empty() {
            self.conn.batch_execute(&format!(
                "CREATE INDEX {} ON {name} ({})",
                quoted(&format!("{table}_by_key")),
                keys.join(", ")
            ))?;
        }
        Ok(())
    }

    /// Content types and permissions need not be in a dump whose rows name them by their natural keys.
    fn add_types_that_are_only_named(&mut self) -> anyhow::Result<()> {
        self.conn.batch_execute(ADD_NAMED)?;
        Ok(())
    }

    /// Puts ids in the place of natural keys; what is not found stays as it is written.
    fn resolve(&mut self, table: &str, column: &str, lookup: &str) -> anyhow::Result<()> {
        let lookup = lookup.replace("KEY", &format!("CAST({column} AS TEXT)"));
        self.conn.batch_execute(&format!(
            "UPDATE {} SET {column} = coalesce(({lookup}), {column}) \
             WHERE substr({column}, 1, 1) = x'5b' AND json_valid(CAST({column} AS TEXT))",
            quoted(table)
        ))?;
        Ok(())
    }
}

const USER_NAME: &str = "SELECT id FROM auth_user WHERE username = CAST(KEY ->> '$[0]' AS BLOB)";
const GROUP_NAME: &str = "SELECT id FROM auth_group WHERE name = CAST(KEY ->> '$[0]' AS BLOB)";
const TYPE: &str = "SELECT id FROM django_content_type \
    WHERE app_label = CAST(KEY ->> '$[0]' AS BLOB) AND model = CAST(KEY ->> '$[1]' AS BLOB)";
const PERMISSION: &str = "SELECT p.id FROM auth_permission AS p JOIN django_content_type AS c ON c.id = p.content_type_id \
    WHERE p.codename = CAST(KEY ->> '$[0]' AS BLOB) AND c.app_label = CAST(KEY ->> '$[1]' AS BLOB) \
    AND c.model = CAST(KEY ->> '$[2]' AS BLOB)";

/// Makes rows of the content types and permissions that are named by their natural keys alone.
const ADD_NAMED: &str = "\
    CREATE TEMP TABLE named AS \
        SELECT DISTINCT CAST(permission_id AS TEXT) AS key FROM \
            (SELECT permission_id FROM auth_user_user_permissions UNION SELECT permission_id FROM auth_group_permissions) \
        WHERE substr(permission_id, 1, 1) = x'5b'; \
    CREATE TEMP TABLE types AS \
        SELECT CAST(key ->> '$[1]' AS BLOB) AS app, CAST(key ->> '$[2]' AS BLOB) AS model FROM named \
        UNION SELECT CAST(key ->> '$[0]' AS BLOB), CAST(key ->> '$[1]' AS BLOB) FROM \
            (SELECT DISTINCT CAST(content_type_id AS TEXT) AS key FROM \
                (SELECT content_type_id FROM django_admin_log UNION SELECT content_type_id FROM auth_permission) \
             WHERE substr(content_type_id, 1, 1) = x'5b'); \
    INSERT INTO django_content_type (id, app_label, model) \
        SELECT CAST(CAST(row_number() OVER () + (SELECT coalesce(max(CAST(CAST(id AS TEXT) AS INTEGER)), 0) \
            FROM django_content_type) AS TEXT) AS BLOB), app, model FROM types \
        WHERE NOT EXISTS (SELECT 1 FROM django_content_type AS c WHERE c.app_label = types.app AND c.model = types.model); \
    INSERT INTO auth_permission (codename, content_type_id, name) \
        SELECT CAST(key ->> '$[0]' AS BLOB), (SELECT c.id FROM django_content_type AS c \
            WHERE c.app_label = CAST(key ->> '$[1]' AS BLOB) AND c.model = CAST(key ->> '$[2]' AS BLOB)), x'' FROM named;";

/// The table of a model and its columns; `None` where it has no place.
fn place(model: &str) -> Option<(String, &'static [&'static str])> {
    if let Some((_, table, columns)) = DJANGO.iter().find(|(known, _, _)| *known == model) {
        return Some(((*table).to_owned(), columns));
    }
    let (app, kind) = model.split_once('.')?;
    let (_, columns) = SITE.iter().find(|(known, _)| *known == kind)?;
    Some((format!("{app}_{kind}"), columns))
}

/// A value as a database would give it, in bytes; lists as they are written.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Null => None,
        Value::Bool(value) => Some(if *value { b"1" } else { b"0" }.to_vec()),
        Value::String(text) => Some(text.clone().into_bytes()),
        other => Some(other.to_string().into_bytes()),
    }
}
