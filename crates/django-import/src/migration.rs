//! One pass over a source: every row is checked and, with a database, inserted.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use diesel::QueryResult;
use oc_core::DbConnection;
use transfer::progress::Progress;

use super::leaked_passwords::LeakedPasswords;
use super::permissions::Permissions;
use super::report::{Report, Target};
use super::row::{LARGEST_ID, Reference, SourceRow};
use super::source::Source;

/// Rows per insert.
const BATCH: usize = 1_000;

/// Options of an import.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Check everything, write nothing.
    pub dry_run: bool,
    /// Import the other rows where some can't be imported.
    pub skip_bad: bool,
    /// Show e-mail addresses on all imported profiles.
    pub show_emails: bool,
}

/// The state of a pass.
pub(crate) struct Migration<'a> {
    conn: Option<&'a mut DbConnection>,
    progress: Progress,
    pub(crate) options: Options,
    pub(crate) report: &'a mut Report,
    pub(crate) leaked: &'a mut LeakedPasswords,
    pub(crate) permissions: Permissions,
    pub(crate) groups: ImportedRows,
    pub(crate) users: ImportedRows,
    pub(crate) addresses: ImportedRows,
    last_ids: BTreeMap<Target, i64>,
}

/// A converted row, and its unique value: field, value, error.
pub(crate) type Checked<T> = (Option<T>, Option<(&'static str, String, &'static str)>);

/// The rows of a model that were imported, by id and by the value that no two of them share, such as a username.
#[derive(Default)]
pub(crate) struct ImportedRows {
    /// Unique values by id; empty for models without one.
    ids: HashMap<i64, String>,
    names: HashMap<String, i64>,
}

impl<'a> Migration<'a> {
    /// A pass over so many rows, which writes if there is a database.
    pub(crate) fn new(
        conn: Option<&'a mut DbConnection>,
        rows: u64,
        permissions: Permissions,
        options: Options,
        report: &'a mut Report,
        leaked: &'a mut LeakedPasswords,
    ) -> Self {
        let activity = if conn.is_some() {
            "writing"
        } else {
            "checking"
        };
        Self {
            conn,
            progress: Progress::new(activity, rows),
            options,
            report,
            leaked,
            permissions,
            groups: ImportedRows::default(),
            users: ImportedRows::default(),
            addresses: ImportedRows::default(),
            last_ids: BTreeMap::new(),
        }
    }

    /// The last id that the old site assigned for each table.
    pub(crate) fn into_last_ids(self) -> BTreeMap<Target, i64> {
        self.last_ids
    }

    /// Checks and inserts the rows of a model. `finish` gets the rows that can be imported.
    pub(crate) fn import<T, Row>(
        &mut self,
        source: &mut Source,
        target: Target,
        check: impl Fn(&mut Self, &mut SourceRow) -> Checked<T>,
        mut finish: impl FnMut(&mut Self, i64, T) -> Row,
        insert: impl Fn(&mut DbConnection, Vec<Row>) -> QueryResult<()>,
    ) -> anyhow::Result<ImportedRows> {
        let model = target.model().context("only models are imported")?;
        let mut imported = ImportedRows::default();
        let mut batch = Vec::new();
        source.read(model, &mut |mut row| {
            let id = row.id();
            let (checked, unique) = check(self, &mut row);
            if imported.ids.contains_key(&id) {
                row.reject("id", "another row has this id");
            }
            if let Some((field, value, taken)) = &unique
                && imported.names.contains_key(value)
            {
                row.reject(field, *taken);
            }
            if self.accept(target, id, row)
                && let Some(checked) = checked
            {
                let name = unique.map_or_else(String::new, |(_, value, _)| value);
                imported.add(id, name);
                batch.push(finish(self, id, checked));
                if batch.len() == BATCH {
                    self.insert(&mut batch, &insert)?;
                }
            }
            Ok(())
        })?;
        self.insert(&mut batch, &insert)?;
        Ok(imported)
    }

    /// Counts a row. Returns whether it can be imported.
    fn accept(&mut self, target: Target, id: i64, row: SourceRow) -> bool {
        self.progress.add(1);
        let is_valid = row.problems.is_empty();
        self.report.count(target, is_valid);
        self.report.problems.extend(row.problems);
        self.note_id(target, id);
        is_valid
    }

    fn insert<Row>(
        &mut self,
        batch: &mut Vec<Row>,
        insert: impl FnOnce(&mut DbConnection, Vec<Row>) -> QueryResult<()>,
    ) -> anyhow::Result<()> {
        let rows = std::mem::take(batch);
        match &mut self.conn {
            Some(conn) if !rows.is_empty() => {
                insert(conn, rows).context("could not write to the database")
            }
            _ => Ok(()),
        }
    }

    /// Makes sure that an id is not assigned again.
    pub(crate) fn note_id(&mut self, target: Target, id: i64) {
        if (1..=LARGEST_ID).contains(&id) {
            let last_id = self.last_ids.entry(target).or_default();
            *last_id = id.max(*last_id);
        }
    }
}

impl ImportedRows {
    fn add(&mut self, id: i64, name: String) {
        if !name.is_empty() {
            self.names.insert(name.clone(), id);
        }
        self.ids.insert(id, name);
    }

    /// The unique value of an imported row.
    pub(crate) fn name(&self, id: i64) -> &str {
        self.ids.get(&id).map_or("", String::as_str)
    }

    /// The id of a referenced row that was imported.
    pub(crate) fn find(&self, reference: &Reference) -> Option<i64> {
        match reference {
            Reference::Id(id) => self.ids.contains_key(id).then_some(*id),
            Reference::NaturalKey(key) => match key.as_slice() {
                [name] => self.names.get(name).copied(),
                _ => None,
            },
            Reference::None => None,
        }
    }

    /// The same for a field that requires a row.
    pub(crate) fn require(&self, row: &mut SourceRow, field: &str) -> i64 {
        let reference = row.reference(field);
        self.find(&reference).unwrap_or_else(|| {
            let shown = row.shown(field);
            row.reject(
                field,
                format!("refers to {field} {shown}, which does not exist or was skipped"),
            );
            0
        })
    }
}
