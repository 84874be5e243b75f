//! The private database that a dump is read into, before it is read as any other.
//!
//! Values are kept as bytes, as they would come out of a database of Django's; what a dump names by natural keys is
//! looked up when all of it is there.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Bool, Nullable};
use diesel::sqlite::Sqlite;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::dump::Object;
use super::file::{DjangoFile, quoted};
use super::layout::{ADDRESS, GROUP, LETTING, LOG, PROFILE, USER};
use super::natural;

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

    /// The dump as a file of Django's.
    pub(super) fn finish(mut self) -> anyhow::Result<DjangoFile> {
        natural::resolve(&mut self.conn, self.tables.keys())?;
        let none = self.make_what_is_missing()?;
        if none.len() == SITE.len() && self.is_without_users()? {
            bail!("it holds neither users nor lettings of a Django edition");
        }
        self.conn.batch_execute("COMMIT")?;
        let mut file = DjangoFile::staged(self.conn, self.folder)?;
        file.others = self.others;
        file.lacks_ids = self.lacks_ids;
        file.none = none;
        Ok(file)
    }

    fn is_without_users(&mut self) -> anyhow::Result<bool> {
        let query = "SELECT NOT EXISTS (SELECT 1 FROM auth_user)";
        Ok(diesel::dsl::sql::<Bool>(query).get_result(&mut self.conn)?)
    }

    /// A model without rows is not in a dump, so its table is made here; gives what was not there.
    fn make_what_is_missing(&mut self) -> anyhow::Result<Vec<&'static str>> {
        let of = |kind: &str| {
            let suffix = format!("_{kind}");
            let app = |table: &String| table.strip_suffix(&suffix).map(str::to_owned);
            self.tables.keys().find_map(app)
        };
        let lettings = of("letting").or_else(|| of("address"));
        let lettings = lettings.unwrap_or_else(|| "lettings".to_owned());
        let profiles = of("profile").unwrap_or_else(|| "profiles".to_owned());
        let mut none = Vec::new();
        for (kind, columns) in SITE {
            let app = if kind == "profile" {
                &profiles
            } else {
                &lettings
            };
            let table = format!("{app}_{kind}");
            if !self.tables.contains_key(&table) {
                self.create(&table, columns)?;
                none.push(kind);
            }
        }
        Ok(none)
    }
}

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
