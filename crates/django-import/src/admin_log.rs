//! Django's admin log, which becomes entries of the audit log.

use audit::{AuditEntry, ImportedEntry};

use super::layout::{Layout, Model};
use super::log_messages;
use super::migration::Migration;
use super::report::Target;
use super::row::{Reference, SourceRow};
use super::source::Source;

/// The longest username and model that the audit log stores (characters).
const LONGEST_USERNAME: usize = 150;
const LONGEST_MODEL: usize = 100;

/// Model of an entry whose content type is missing.
const UNKNOWN: &str = "unknown";

pub(crate) fn import_entries(
    source: &mut Source,
    migration: &mut Migration<'_>,
) -> anyhow::Result<()> {
    let (layout, mut orphans) = (source.layout, 0);
    let check = |migration: &mut Migration<'_>, row: &mut SourceRow| {
        (Some(entry(row, migration, layout)), None)
    };
    let finish = |_: &mut Migration<'_>, _, entry: ImportedEntry| {
        orphans += u64::from(entry.user_id.is_none());
        entry
    };
    let insert = AuditEntry::insert_imported;
    migration.import(source, Target::LogEntries, check, finish, insert)?;
    if orphans > 0 {
        migration.report.warn(format!(
            "Log entries of deleted users, kept without the account: {orphans}"
        ));
    }
    Ok(())
}

/// Text without NUL, which PostgreSQL can't store.
fn stored(text: &str, max: usize) -> String {
    text.chars().filter(|c| *c != '\0').take(max).collect()
}

fn entry(row: &mut SourceRow, migration: &mut Migration<'_>, layout: Layout) -> ImportedEntry {
    let user = row.reference("user");
    let user_id = migration.users.find(&user);
    // Users and rows may be deleted; their ids must not be assigned to others.
    if let Reference::Id(id) = user {
        migration.note_id(Target::Users, id);
    }
    let (model, object_id) = object(row, migration, layout);
    let flag = row.text("action_flag");
    let message = stored(&row.text("change_message"), usize::MAX);
    let (action, description) = log_messages::describe(&flag, &message, model == "auth.user");
    ImportedEntry {
        id: row.id(),
        changed_at: row.timestamp("action_time"),
        user_id,
        username: stored(&username(&user, user_id, migration), LONGEST_USERNAME),
        model,
        object_id,
        title: stored(&row.text("object_repr"), usize::MAX),
        action,
        description,
    }
}

/// The username at the time is not in the log: it is today's, or a placeholder that no account can have.
fn username(user: &Reference, user_id: Option<i64>, migration: &Migration<'_>) -> String {
    match (user, user_id) {
        (_, Some(id)) => migration.users.name(id).to_owned(),
        (Reference::NaturalKey(key), None) => key.join(" "),
        (Reference::Id(id), None) => format!("user {id}"),
        (Reference::None, None) => String::new(),
    }
}

/// The model, and the id of the row. Rows of the other layout may have other ids now, so they are not linked.
fn object(
    row: &mut SourceRow,
    migration: &mut Migration<'_>,
    layout: Layout,
) -> (String, Option<i64>) {
    let content_type = row.reference("content_type");
    let Some((app, name)) = migration.permissions.content_type(&content_type) else {
        return (UNKNOWN.to_owned(), None);
    };
    let label = format!("{app}.{name}");
    let id = row.text("object_id").parse().ok();
    match Model::find(&label).and_then(|(model, of)| Some((model, of, model.key()?))) {
        Some((_, Some(other), key)) if other != layout => (key.to_owned(), None),
        Some((model, _, key)) => {
            if let (Some(target), Some(id)) = (Target::for_model(model), id) {
                migration.note_id(target, id);
            }
            (key.to_owned(), id)
        }
        None => (stored(&label, LONGEST_MODEL), id),
    }
}
