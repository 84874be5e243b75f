//! Stores and logs the objects that are restored, and the messages about them.

use std::collections::BTreeSet;

use audit::{AuditEntry, ChangeSet, NewAuditEntry};
use diesel::QueryResult;
use diesel::connection::Connection;
use diesel::result::Error as DatabaseError;
use oc_core::DbConnection;
use oc_core::admin::{Field, FieldKind, FormValues, Record, Resource, SaveError};
use oc_http::PageError;

use crate::audit_log::log_entry::log_versions;
use crate::audit_log::snapshot::Snapshot;
use crate::auth::denied::denied_fields;
use crate::auth::request::Rollback;
use crate::columns::CHUNK;
use crate::editor::Editor;
use crate::history::revision::{Revision, may_restore, object_of};
use crate::ui::layout::Message;
use crate::ui::links::{by_resource, capitalized, change_path, counted};

pub(super) struct Restorer<'a> {
    pub(super) editor: &'a Editor,
    pub(super) change_set: ChangeSet,
    pub(super) restored: Restored,
}

struct PendingRestore<'a> {
    id: i64,
    title: &'a str,
    current: Option<Record>,
    values: FormValues,
    /// The new entry of the object that it was deleted with.
    parent_id: Option<i64>,
}

impl Restorer<'_> {
    /// Restores versions and returns the ids of their new entries, which get the parents of the old ones.
    pub(super) fn restore_revisions(
        &mut self,
        conn: &mut DbConnection,
        revisions: &[Revision],
    ) -> Result<Vec<i64>, RestoreError> {
        let (mut entry_ids, mut violations) = (Vec::new(), Violations::default());
        let batches = revisions
            .chunk_by(|one, other| one.entry.model == other.entry.model)
            .flat_map(|batch| batch.chunks(CHUNK));
        for batch in batches {
            let registry = self.editor.registry;
            let model = registry.by_key(&batch[0].entry.model);
            let model = model.ok_or(PageError::Forbidden)?;
            let pending = self.pending(conn, model, batch)?;
            match self.store(conn, model, &pending) {
                Ok(()) => {
                    let (ids, objects) = self.log(conn, model, &pending)?;
                    entry_ids.extend(ids);
                    self.restored.objects.extend(objects);
                }
                Err(SaveError::Database(error)) => return Err(error.into()),
                Err(error) => {
                    self.find_violations(conn, model, &pending, &mut violations)?;
                    if violations.sentences.is_empty() {
                        return Err(PageError::from(error).into());
                    }
                }
            }
        }
        if violations.sentences.is_empty() {
            Ok(entry_ids)
        } else {
            Err(Rollback::Rejected(violations))
        }
    }

    /// The objects to restore, if the permissions suffice.
    fn pending<'r>(
        &self,
        conn: &mut DbConnection,
        model: &Resource,
        revisions: &'r [Revision],
    ) -> Result<Vec<PendingRestore<'r>>, PageError> {
        let editor = self.editor;
        let ids = revisions.iter().filter_map(|it| it.entry.object_id);
        let mut existing = model.load_by_id(conn, &ids.collect::<Vec<_>>())?;
        let pending = revisions.iter().map(|revision| {
            let id = revision.entry.object_id?;
            let current = existing.remove(&id);
            let text = revision
                .snapshot_text()
                .filter(|_| may_restore(editor, model, current.is_some()))?;
            // Fields that are newer than the snapshot keep today's value or get their default.
            let base = current.as_ref().map(|current| current.values.clone());
            let base = base.unwrap_or_else(|| model.defaults());
            Some(PendingRestore {
                id,
                title: &revision.entry.title,
                values: Snapshot::from_text(text).values().with_defaults(base),
                current,
                parent_id: revision.entry.parent_id,
            })
        });
        pending.collect::<Option<_>>().ok_or(PageError::Forbidden)
    }

    /// Stores the objects of an invalid batch one by one to find those that break a rule, as many as it takes to explain
    /// that nothing is restored.
    fn find_violations(
        &self,
        conn: &mut DbConnection,
        model: &Resource,
        pending: &[PendingRestore<'_>],
        violations: &mut Violations,
    ) -> QueryResult<()> {
        for object in pending {
            if violations.is_full() {
                break;
            }
            match self.store(conn, model, std::slice::from_ref(object)) {
                Ok(()) => {}
                Err(SaveError::Database(error)) => return Err(error),
                Err(error) => violations.add(model, object.title, &error),
            }
        }
        Ok(())
    }

    /// Stores a few hundred objects, all or none.
    fn store(
        &self,
        conn: &mut DbConnection,
        model: &Resource,
        pending: &[PendingRestore<'_>],
    ) -> Result<(), SaveError> {
        let editor = self.editor;
        conn.transaction(|conn| {
            let mut deleted = Vec::new();
            for object in pending {
                let (current, values) = (object.current.as_ref(), &object.values);
                let errors = editor.escalations(conn, model, current, values)?;
                if !errors.is_empty() {
                    return Err(SaveError::Invalid(errors));
                }
                if current.is_some() {
                    (model.save)(conn, Some(object.id), values)?;
                } else {
                    deleted.push((object.id, values));
                }
            }
            if deleted.is_empty() {
                return Ok(());
            }
            (model.restore)(conn, &deleted)
        })
    }

    /// Logs stored objects. Returns the ids of their entries, and the objects.
    fn log(
        &mut self,
        conn: &mut DbConnection,
        model: &'static Resource,
        stored: &[PendingRestore<'_>],
    ) -> QueryResult<(Vec<i64>, Vec<RestoredObject>)> {
        let ids: Vec<i64> = stored.iter().map(|object| object.id).collect();
        let mut by_id = model.load_by_id(conn, &ids)?;
        let records: Option<Vec<Record>> = ids.iter().map(|id| by_id.remove(id)).collect();
        let records = records.ok_or(DatabaseError::NotFound)?;
        let saved = stored.iter().zip(&records);
        let saved = saved.map(|(old, new)| (old.current.as_ref(), Some(new), old.parent_id));
        let saved: Vec<_> = saved.collect();
        let (editor, change_set) = (self.editor, &mut self.change_set);
        let entry_ids = log_versions(conn, editor, model, change_set, "restored", &saved)?;
        let objects = records.into_iter().map(|record| (model, record));
        Ok((entry_ids, objects.collect()))
    }

    /// Restores the references that an object lost according to an entry, such as the members of a group. If that is not
    /// possible, this is logged and the other objects are restored all the same.
    pub(super) fn restore_references(
        &mut self,
        conn: &mut DbConnection,
        entry: &AuditEntry,
    ) -> QueryResult<()> {
        let editor = self.editor;
        let Some((model, id)) = object_of(editor.registry, entry) else {
            return Ok(());
        };
        let (name, title) = (model.singular, &entry.title);
        let reason = if let Some(current) = model.load(conn, id)? {
            let values = with_lost_choices(model, entry, &current.values);
            let is_unchanged = values == current.values;
            let pending = PendingRestore {
                id,
                title,
                current: Some(current),
                values,
                parent_id: entry.parent_id,
            };
            let may_change =
                may_restore(editor, model, true) && editor.can_manage(conn, model, id)?;
            if !may_change {
                format!("you do not have permission to change this {name}")
            } else if is_unchanged {
                return Ok(());
            } else {
                let pending = std::slice::from_ref(&pending);
                match self.store(conn, model, pending) {
                    Ok(()) => {
                        let (_, relinked) = self.log(conn, model, pending)?;
                        self.restored.relinked.extend(relinked);
                        return Ok(());
                    }
                    Err(SaveError::Database(error)) => return Err(error),
                    Err(error) => error.to_string().trim_end_matches('.').to_owned(),
                }
            }
        } else {
            format!("this {name} no longer exists")
        };
        let new = NewAuditEntry {
            actor: Some(editor.user.actor()),
            model: &entry.model,
            object_id: entry.object_id,
            title,
            action: "not restored",
            parent_id: entry.parent_id,
            ..NewAuditEntry::default()
        };
        self.change_set.insert(conn, &[new])?;
        let name = capitalized(name);
        let text = format!("{name} “{title}” was not restored in full: {reason}.");
        self.restored.warnings.push(text);
        Ok(())
    }
}

/// The stored values with the choices that an object lost according to an entry.
fn with_lost_choices(model: &Resource, entry: &AuditEntry, stored: &FormValues) -> FormValues {
    let before = Snapshot::from_text(&entry.before).values();
    let after = Snapshot::from_text(&entry.after).values();
    let is_reference = |field: &&Field| {
        matches!(
            field.kind,
            FieldKind::MultipleChoice(..) | FieldKind::Related(..)
        )
    };
    let fields = model.fields.iter().filter(is_reference);
    fields.fold(stored.clone(), |values, field| {
        let current = values.list(field.name);
        if matches!(field.kind, FieldKind::Related(..)) && !values.text(field.name).is_empty() {
            // It has got another one.
            return values;
        }
        let lost = before
            .list(field.name)
            .iter()
            .filter(|value| !after.list(field.name).contains(value) && !current.contains(value));
        let all = current.iter().chain(lost).cloned().collect();
        values.with_list(field.name, all)
    })
}

const MAX_VIOLATIONS: usize = 20;

pub(crate) type RestoredObject = (&'static Resource, Record);

#[derive(Default)]
pub(crate) struct Restored {
    pub(crate) objects: Vec<RestoredObject>,
    /// Objects that got back references that they had lost.
    pub(crate) relinked: Vec<RestoredObject>,
    /// Messages about objects that did not.
    pub(crate) warnings: Vec<String>,
}

impl Restored {
    pub(crate) fn messages(self, user: &Editor) -> Vec<Message> {
        let mut messages = sum_up("Restored", &self.objects, user);
        let relinked = sum_up("Restored the references of", &self.relinked, user);
        let warnings = self.warnings.into_iter();
        messages.extend(relinked);
        messages.extend(warnings.map(|text| Message::new("warning", text)));
        if messages.is_empty() {
            messages.push(Message::new("warning", "Already restored."));
        }
        messages
    }
}

/// A message for each resource: about its object if it is the only one, otherwise their number.
fn sum_up(verb: &str, objects: &[RestoredObject], user: &Editor) -> Vec<Message> {
    let groups = by_resource(objects.iter().map(|(model, record)| (*model, record)));
    let message = |(model, records): (&Resource, Vec<&Record>)| match records.as_slice() {
        [record] => {
            let href = user.may_view(model).then(|| change_path(model, record.id));
            Message::done(verb, model, &record.title, href)
        }
        records => Message::new(
            "success",
            format!("{verb} {}.", counted(model, records.len())),
        ),
    };
    groups.into_iter().map(message).collect()
}

/// Fails with `PageError::Forbidden` if the permissions don't suffice, or an entry has nothing to restore.
pub(crate) type RestoreError = Rollback<Violations>;

#[derive(Default)]
pub(crate) struct Violations {
    sentences: Vec<String>,
    /// Fields that would restore more permissions than the user has.
    pub(super) denied_fields: BTreeSet<&'static str>,
}

impl Violations {
    fn add(&mut self, model: &Resource, title: &str, error: &SaveError) {
        if let SaveError::Invalid(errors) = error {
            self.denied_fields.extend(denied_fields(errors));
        }
        let name = capitalized(model.singular);
        self.sentences.push(format!("{name} “{title}”: {error}"));
    }

    fn is_full(&self) -> bool {
        self.sentences.len() >= MAX_VIOLATIONS
    }

    pub(crate) fn message(&self) -> String {
        let more = if self.is_full() {
            " There may be more errors."
        } else {
            ""
        };
        let errors = self.sentences.join(" ");
        format!("Nothing was restored because it would break a rule: {errors}{more}")
    }
}
