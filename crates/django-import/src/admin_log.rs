//! Django's admin log, which becomes entries of the audit log.

use audit::ImportedEntry;

use super::layout::Model;
use super::log_messages;
use super::migration::Migration;
use super::row::{Reference, SourceRow};

/// The longest username and model that the audit log stores (characters).
const LONGEST_USERNAME: usize = 150;
const LONGEST_MODEL: usize = 100;

/// Text without NUL, which PostgreSQL can't store.
fn stored(text: &str, max: usize) -> String {
    text.chars().filter(|c| *c != '\0').take(max).collect()
}

pub(crate) fn check_entry(
    migration: &mut Migration<'_>,
    row: &mut SourceRow,
) -> Option<ImportedEntry> {
    let reference = row.reference("user");
    // Users and rows may be deleted; their ids must not be assigned to others.
    if let Reference::Id(id) = reference {
        migration.note_id(Model::User, id);
    }
    // The username at the time is not in the log: it is today's, or a placeholder that no account can have.
    let user = migration.find(Model::User, &reference);
    let user_id = user.map(|(id, _)| id);
    let username = match (user, reference) {
        (Some((_, username)), _) => username.to_owned(),
        (None, Reference::NaturalKey(key)) => key.join(" "),
        (None, Reference::Id(id)) => format!("user {id}"),
        (None, Reference::None) => String::new(),
    };
    let (model, object_id) = object(migration, row);
    let flag = row.text("action_flag");
    let message = stored(&row.text("change_message"), usize::MAX);
    let (action, description) = log_messages::describe(&flag, &message, model == "auth.user");
    let entry = ImportedEntry {
        id: row.id(),
        changed_at: row.timestamp("action_time"),
        user_id,
        username: stored(&username, LONGEST_USERNAME),
        model,
        object_id,
        title: stored(&row.text("object_repr"), usize::MAX),
        action,
        description,
    };
    if !row.problems.is_empty() {
        return None;
    }
    migration.report.orphans += u64::from(user_id.is_none());
    Some(entry)
}

/// The model, and the id of the row. Rows of the other layout may have other ids now, so they are not linked.
fn object(migration: &mut Migration<'_>, row: &mut SourceRow) -> (String, Option<i64>) {
    let content_type = row.reference("content_type");
    let Some((app, name)) = migration.permissions.content_type(&content_type) else {
        return ("unknown".to_owned(), None);
    };
    let label = format!("{app}.{name}");
    let id = row.text("object_id").parse().ok();
    match Model::find(&label).and_then(|(model, of)| Some((model, of, model.key()?))) {
        Some((_, Some(other), key)) if other != migration.layout => (key.to_owned(), None),
        Some((model, _, key)) => {
            if let Some(id) = id {
                migration.note_id(model, id);
            }
            (key.to_owned(), id)
        }
        None => (stored(&label, LONGEST_MODEL), id),
    }
}
