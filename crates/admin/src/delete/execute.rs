//! Deleting objects with their cascade, and logging it.

use actix_web::HttpResponse;
use audit::ChangeSet;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::Resource;
use oc_core::locks::hold;
use oc_core::timeouts::raise_statement_timeout;
use oc_http::PageError;

use crate::audit_log::log_entry::{LogEntry, log_changes, log_deleted};
use crate::audit_log::snapshot::Snapshot;
use crate::auth::staff_request::{StaffRequest, forbid_unless};
use crate::delete::cascade::{CHUNK, Cascade, Deletion, Unlinked};
use crate::delete::page::{self, Question, SHOWN};
use crate::editor::Editor;
use crate::registry::Registry;
use crate::ui::layout::{Message, Undo};
use crate::ui::links::{LOG_PATH, by_resource, counted, history_path};
use crate::ui::submission::Submission;

/// The message if the question is shown again.
const CHANGED: &str =
    "The items to delete have changed. Nothing has been deleted yet. Check them again.";

impl Cascade {
    /// Deletes everything and records it as one change set. Requires a transaction.
    /// Returns the id of the first entry.
    fn delete(&self, conn: &mut DbConnection, editor: &Editor) -> QueryResult<Option<i64>> {
        let (mut unlinked, mut first) = (Vec::new(), None);
        for rows in self.rows.chunks(CHUNK) {
            unlinked.push(self.unlinked(conn, editor.registry, rows)?);
        }
        let entries = self.all().count() + unlinked.iter().map(Vec::len).sum::<usize>();
        let mut change_set = ChangeSet::new(entries);
        for (rows, unlinked) in self.rows.chunks(CHUNK).zip(unlinked) {
            if unlinked.is_empty() {
                let parents = self.delete_chunk(conn, editor, &mut change_set, rows)?;
                first = first.or_else(|| parents.first().copied());
                continue;
            }
            // Several deletions may unlink the same row: record the row's state after each one.
            for row in rows {
                let own = unlinked.iter().filter(|own| own.root == row.object.id);
                let before = snapshots(conn, editor.registry, own)?;
                let row = std::slice::from_ref(row);
                let parents = self.delete_chunk(conn, editor, &mut change_set, row)?;
                first = first.or_else(|| parents.first().copied());
                for (resource, id, before) in before {
                    let Some(record) = (resource.load)(conn, id)? else {
                        continue;
                    };
                    let entry = LogEntry {
                        record: &record,
                        action: "changed",
                        before: Some(before),
                        after: Some(Snapshot::new(conn, editor.registry, resource, &record)?),
                        parent_id: Some(parents[0]),
                    };
                    log_changes(conn, editor, resource, &mut change_set, &[entry])?;
                }
            }
        }
        Ok(first)
    }

    /// The message about the deletion, with a button to undo it for users who may restore everything. The audit entry is
    /// the first one of the deletion, and so identifies its change set.
    fn message(&self, editor: &Editor, entry_id: i64) -> Option<Message> {
        let (message, action) = match self.rows.as_slice() {
            [] => return None,
            [Deletion { object, .. }] => (
                Message::done("Deleted", self.model, &object.title, None),
                history_path(self.model, object.id),
            ),
            rows => {
                let count = counted(self.model, rows.len());
                (
                    Message::new("success", format!("Deleted {count}.")),
                    format!("{LOG_PATH}{entry_id}/"),
                )
            }
        };
        let may_restore = self
            .all()
            .all(|(resource, _)| editor.may_add(resource) && editor.may_view(resource));
        Some(message.with_undo(may_restore.then_some(Undo { action, entry_id })))
    }

    /// Deletes some of the rows with their cascade and returns the ids of their audit entries.
    fn delete_chunk(
        &self,
        conn: &mut DbConnection,
        editor: &Editor,
        change_set: &mut ChangeSet,
        rows: &[Deletion],
    ) -> QueryResult<Vec<i64>> {
        let objects: Vec<_> = rows.iter().map(|row| (&row.object, None)).collect();
        let parents = log_deleted(conn, editor, change_set, self.model, &objects)?;
        let cascaded = by_resource(rows.iter().zip(&parents).flat_map(|(row, parent)| {
            let dependents = row.dependents.iter();
            dependents.map(|(resource, object)| (*resource, (object, Some(*parent))))
        }));
        for (resource, objects) in &cascaded {
            for objects in objects.chunks(CHUNK) {
                log_deleted(conn, editor, change_set, resource, objects)?;
            }
        }
        // Referring rows first.
        for (resource, objects) in cascaded.iter().rev() {
            let ids: Vec<i64> = objects.iter().map(|(object, _)| object.id).collect();
            for ids in ids.chunks(CHUNK) {
                (resource.delete)(conn, ids)?;
            }
        }
        let ids: Vec<i64> = rows.iter().map(|row| row.object.id).collect();
        (self.model.delete)(conn, &ids)?;
        Ok(parents)
    }
}

/// Snapshots of rows that are about to be unlinked.
fn snapshots<'a>(
    conn: &mut DbConnection,
    registry: Registry,
    rows: impl Iterator<Item = &'a Unlinked>,
) -> QueryResult<Vec<(&'static Resource, i64, Snapshot)>> {
    let mut snapshots = Vec::new();
    for Unlinked { resource, id, .. } in rows {
        if let Some(object) = (resource.load)(conn, *id)? {
            snapshots.push((
                *resource,
                *id,
                Snapshot::new(conn, registry, resource, &object)?,
            ));
        }
    }
    Ok(snapshots)
}

/// Deletes these objects with their cascade and returns a message if there were any, or shows the question again if the
/// cascade is not the one that it showed.
pub(crate) async fn execute(
    staff: &StaffRequest,
    model: &'static Resource,
    ids: Vec<i64>,
    fields: &Submission,
    question: Question,
) -> Result<Result<Option<Message>, HttpResponse>, PageError> {
    let shown = fields.has(SHOWN).then(|| fields.text(SHOWN).to_owned());
    let editor = staff.editor();
    let delete = move |conn: &mut DbConnection| {
        raise_statement_timeout(conn)?;
        // Waits for transactions that add references to these rows, so that the cascade includes them.
        hold(conn, model.table, &ids)?;
        let cascade = Cascade::new(conn, &editor, model, &ids)?;
        forbid_unless(cascade.blocked(&editor).is_empty())?;
        let has_changed = shown.is_some_and(|shown| shown != cascade.fingerprint());
        if has_changed && !cascade.rows.is_empty() {
            return Ok(Err((cascade, CHANGED)));
        }
        if let Some(rules) = editor.registry.access(model)
            && let Some(error) = (rules.deletion_error)(conn, &ids)?
        {
            return Ok(Err((cascade, error)));
        }
        let entry_id = cascade.delete(conn, &editor)?;
        Ok(Ok(entry_id.and_then(|id| cascade.message(&editor, id))))
    };
    match staff.db.run_long(|conn| conn.write(delete)).await? {
        Ok(message) => Ok(Ok(message)),
        Err((cascade, message)) => {
            staff.session.add_message("warning", message);
            page::show(staff, &cascade, question).map(Err)
        }
    }
}
