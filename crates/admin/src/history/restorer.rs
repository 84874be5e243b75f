//! Restoring objects in batches, with their audit entries.

use std::collections::BTreeMap;

use audit::ChangeSet;
use diesel::QueryResult;
use diesel::connection::Connection;
use diesel::result::Error as DatabaseError;
use oc_core::DbConnection;
use oc_core::admin::{FormValues, Record, Resource, SaveError};

use crate::audit_log::log_entry::{LogEntry, log_change_set};
use crate::audit_log::snapshot::Snapshot;
use crate::form::save::{EarlierVersion, restore_values};
use crate::history::restored::{RestoreError, Restored, RestoredObject, Violations};
use crate::history::revision::{Revision, may_restore};
use crate::registry::Editor;

/// Objects that are stored and logged together.
pub(crate) const CHUNK: usize = 250;

/// Restores objects in one change set.
pub(crate) struct Restorer<'a> {
    pub(crate) actor: Editor<'a>,
    pub(crate) change_set: ChangeSet,
    pub(crate) restored: Restored,
    broken: Violations,
}

/// An object to restore.
struct PendingRestore<'a> {
    id: i64,
    title: &'a str,
    /// The stored version, if there is one.
    current: Option<Record>,
    values: FormValues,
    /// The entry of the object that it was deleted with.
    cause: Option<i64>,
}

impl PendingRestore<'_> {
    fn earlier(&self) -> EarlierVersion<'_> {
        EarlierVersion {
            id: self.id,
            current: self.current.as_ref(),
            values: &self.values,
        }
    }
}

impl<'a> Restorer<'a> {
    /// For a change set of at most this many entries.
    pub(crate) fn new(actor: Editor<'a>, lines: usize) -> Self {
        Self {
            actor,
            change_set: ChangeSet::new(lines),
            restored: Restored::default(),
            broken: Violations::default(),
        }
    }

    /// The restored objects, or the errors.
    pub(crate) fn done(self) -> Result<Restored, RestoreError> {
        if self.broken.is_empty() {
            Ok(self.restored)
        } else {
            Err(RestoreError::Violations(self.broken))
        }
    }

    /// Restores versions, each with the id of its parent entry, and returns the ids of their entries; `None` for invalid
    /// ones.
    pub(crate) fn rows(
        &mut self,
        conn: &mut DbConnection,
        rows: &[(Revision, Option<i64>)],
    ) -> Result<Vec<Option<i64>>, RestoreError> {
        let mut lines = Vec::new();
        let same_kind =
            |one: &(Revision, _), other: &(Revision, _)| one.0.line.model == other.0.line.model;
        for rows in rows.chunk_by(same_kind).flat_map(|rows| rows.chunks(CHUNK)) {
            let key = &rows[0].0.line.model;
            let model = self
                .actor
                .registry
                .by_key(key)
                .ok_or(RestoreError::Forbidden)?;
            let returning = self.returning(conn, model, rows)?;
            let is_stored = self.store(conn, model, &returning)?;
            lines.extend(self.record(conn, model, &returning, &is_stored)?);
        }
        Ok(lines)
    }

    /// The objects to restore, if the permissions suffice.
    fn returning<'r>(
        &self,
        conn: &mut DbConnection,
        model: &Resource,
        rows: &'r [(Revision, Option<i64>)],
    ) -> Result<Vec<PendingRestore<'r>>, RestoreError> {
        let ids = rows.iter().map(|(state, _)| state.line.object_id);
        let ids: Vec<i64> = ids.collect::<Option<_>>().ok_or(RestoreError::Forbidden)?;
        let mut there = by_id(conn, model, &ids)?;
        let returning = rows.iter().zip(ids).map(|((state, cause), id)| {
            let current = there.remove(&id);
            let text = state.text().filter(|_| {
                may_restore(
                    self.actor.registry,
                    self.actor.permissions,
                    model,
                    current.is_some(),
                )
            })?;
            // Fields that are newer than the snapshot keep today's value or get their default.
            let base = current.as_ref().map(|current| current.values.clone());
            let values = Snapshot::from_text(text).values();
            Some(PendingRestore {
                id,
                title: &state.line.title,
                current,
                values: values.with_defaults(base.unwrap_or_else(|| model.defaults())),
                cause: *cause,
            })
        });
        returning
            .collect::<Option<_>>()
            .ok_or(RestoreError::Forbidden)
    }

    /// Stores a batch at once. Only if that fails, it stores the objects one by one to find the invalid ones. Returns which
    /// are stored.
    fn store(
        &mut self,
        conn: &mut DbConnection,
        model: &Resource,
        rows: &[PendingRestore<'_>],
    ) -> Result<Vec<bool>, RestoreError> {
        let actor = self.actor;
        let all: Vec<EarlierVersion<'_>> = rows.iter().map(PendingRestore::earlier).collect();
        match conn.transaction(|conn| restore_values(conn, actor, model, &all)) {
            Ok(()) => return Ok(vec![true; rows.len()]),
            Err(SaveError::Database(error)) => return Err(error.into()),
            Err(_) => {}
        }
        let mut is_stored = vec![false; rows.len()];
        for ((row, earlier), is_stored) in rows.iter().zip(all).zip(&mut is_stored) {
            // The restore fails anyway: these errors are enough to explain it.
            if self.broken.is_full() {
                break;
            }
            match conn.transaction(|conn| restore_values(conn, actor, model, &[earlier])) {
                Ok(()) => *is_stored = true,
                Err(SaveError::Database(error)) => return Err(error.into()),
                Err(error) => self.broken.add(model, row.title, &error),
            }
        }
        Ok(is_stored)
    }

    /// Logs the stored objects and returns the ids of their entries.
    fn record(
        &mut self,
        conn: &mut DbConnection,
        model: &'static Resource,
        rows: &[PendingRestore<'_>],
        is_stored: &[bool],
    ) -> Result<Vec<Option<i64>>, RestoreError> {
        let stored = || rows.iter().zip(is_stored).filter(|(_, is)| **is);
        let ids: Vec<i64> = stored().map(|(row, _)| row.id).collect();
        let mut now = by_id(conn, model, &ids)?;
        let objects: Option<Vec<Record>> = ids.iter().map(|id| now.remove(id)).collect();
        let objects = objects.ok_or(DatabaseError::NotFound)?;
        let held: Vec<&Record> = stored()
            .filter_map(|(row, _)| row.current.as_ref())
            .collect();
        let mut before = Snapshot::for_records(conn, model, &held)?.into_iter();
        let after = Snapshot::for_records(conn, model, &objects.iter().collect::<Vec<_>>())?;
        let told = stored().zip(&objects).zip(after);
        let told = told.map(|(((row, _), object), after)| {
            let before = row.current.as_ref().and_then(|_| before.next());
            let told = LogEntry::new(object, "restored", before.as_ref(), &after);
            (told, row.cause)
        });
        let told: Vec<_> = told.collect();
        let lines = log_change_set(conn, self.actor, model, &mut self.change_set, &told)?;
        let titles = objects.into_iter().map(|object| object.title);
        let restored = titles.map(|title| RestoredObject { model, title });
        self.restored.rows.extend(restored);
        let mut lines = lines.into_iter();
        let line = |is_stored: &bool| is_stored.then(|| lines.next()).flatten();
        Ok(is_stored.iter().map(line).collect())
    }
}

/// The existing objects with these ids.
fn by_id(
    conn: &mut DbConnection,
    model: &Resource,
    ids: &[i64],
) -> QueryResult<BTreeMap<i64, Record>> {
    let objects = (model.load_all)(conn, ids)?.into_iter();
    Ok(objects.map(|object| (object.id, object)).collect())
}
