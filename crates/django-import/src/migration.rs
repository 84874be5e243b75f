//! One pass over a source: every row is checked and, with a database, inserted.

use std::collections::{BTreeMap, HashMap, HashSet};

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

/// What a row becomes, and a reference that no two rows may share: its field, its value and the error.
pub(crate) type Checked<T> = (Option<T>, Option<(&'static str, i64, &'static str)>);

/// The rows of a model that were imported, by id and by natural key.
#[derive(Default)]
pub(crate) struct ImportedRows {
    /// Natural keys by id; empty for models without one.
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

    /// Checks and inserts the rows of a model.
    pub(crate) fn import<T>(
        &mut self,
        source: &mut Source,
        target: Target,
        check: impl Fn(&Self, &mut SourceRow) -> Checked<T>,
        insert: impl Fn(&mut DbConnection, Vec<(i64, T)>) -> QueryResult<()>,
    ) -> anyhow::Result<ImportedRows> {
        let model = target.model().context("only models are imported")?;
        let (mut imported, mut taken) = (ImportedRows::default(), HashSet::new());
        let mut batch = Vec::new();
        source.read(model, &mut |mut row| {
            let id = row.id();
            let (checked, reference) = check(self, &mut row);
            imported.check_id(id, &mut row);
            if let Some((field, value, error)) = reference
                && taken.contains(&value)
            {
                row.reject(field, error);
            }
            if self.accept(target, id, row)
                && let Some(checked) = checked
            {
                imported.add(id, "");
                taken.extend(reference.map(|(_, value, _)| value));
                batch.push((id, checked));
                self.insert(&mut batch, false, &insert)?;
            }
            Ok(())
        })?;
        self.insert(&mut batch, true, &insert)?;
        Ok(imported)
    }

    /// Counts a row. Returns whether it can be imported.
    pub(crate) fn accept(&mut self, target: Target, id: i64, row: SourceRow) -> bool {
        self.progress.add(1);
        let is_valid = row.problems.is_empty();
        self.report.count(target, is_valid);
        self.report.problems.extend(row.problems);
        self.note_id(target, id);
        is_valid
    }

    /// Inserts a batch once it is full, or what is left of it at the end.
    pub(crate) fn insert<T>(
        &mut self,
        batch: &mut Vec<T>,
        is_last: bool,
        insert: impl FnOnce(&mut DbConnection, Vec<T>) -> QueryResult<()>,
    ) -> anyhow::Result<()> {
        if batch.is_empty() || (batch.len() < BATCH && !is_last) {
            return Ok(());
        }
        let rows = std::mem::take(batch);
        match &mut self.conn {
            Some(conn) => insert(conn, rows).context("could not write to the database"),
            None => Ok(()),
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
    /// Rejects a row whose id another row has.
    pub(crate) fn check_id(&self, id: i64, row: &mut SourceRow) {
        if self.ids.contains_key(&id) {
            row.reject("id", "another row has this id");
        }
    }

    pub(crate) fn add(&mut self, id: i64, name: &str) {
        self.ids.insert(id, name.to_owned());
        if !name.is_empty() {
            self.names.insert(name.to_owned(), id);
        }
    }

    /// The natural key of an imported row.
    pub(crate) fn name(&self, id: i64) -> &str {
        self.ids.get(&id).map_or("", String::as_str)
    }

    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.names.contains_key(name)
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
