//! Storing a row and the line of the record that tells of it, in one write.

use accounts::{Rights, Session, User};
use audit::{AuditEntry, ChangeSet, NewAuditEntry};
use diesel::QueryResult;
use diesel::connection::Connection;
use oc_core::DbConnection;
use oc_core::admin::{FormValues, Record, Resource, SaveError};

use crate::admin::audit_log::snapshot::Snapshot;
use crate::admin::auth::escalation::escalations;

/// Stores a row, new or changed, as `actor` asked for, and gives it back as it now is.
pub(crate) fn save_object(
    conn: &mut DbConnection,
    actor: &User,
    rights: &Rights,
    model: &Resource,
    current: Option<&Record>,
    values: &FormValues,
) -> Result<Record, SaveError> {
    let (id, before) = saved(conn, rights, model, current, values)?;
    let action = if current.is_some() {
        "changed"
    } else {
        "added"
    };
    by_itself(conn, actor, model, id, (action, before.as_ref()))
}

/// Stores a row inside another's form, as [`save_object`] does. Where nothing of a stored one changes, nothing is recorded.
pub(crate) fn save_inline(
    conn: &mut DbConnection,
    actor: &User,
    rights: &Rights,
    model: &Resource,
    current: Option<&Record>,
    values: &FormValues,
) -> Result<Record, SaveError> {
    let Some(current) = current else {
        return save_object(conn, actor, rights, model, None, values);
    };
    let (id, before) = saved(conn, rights, model, Some(current), values)?;
    let object = (model.load)(conn, id)?.ok_or(SaveError::Missing)?;
    if object.values == current.values {
        return Ok(object);
    }
    by_itself(conn, actor, model, id, ("changed", before.as_ref()))
}

/// Where the record tells of it: in which act, and along with the row of which line.
pub(crate) struct LogContext<'a> {
    pub(crate) act: &'a mut ChangeSet,
    pub(crate) cause: Option<i64>,
}

/// Goes back to an earlier state of a row, or brings back one that is gone under its old id. Says by which line the
/// record tells of it.
pub(crate) fn restored(
    conn: &mut DbConnection,
    actor: &User,
    rights: &Rights,
    model: &Resource,
    (id, current): (i64, Option<&Record>),
    values: &FormValues,
    entry: LogContext<'_>,
) -> Result<(Record, i64), SaveError> {
    let before = held(conn, model, current)?;
    let save_object = Earlier {
        id,
        current,
        values,
    };
    earlier(conn, rights, model, &[save_object])?;
    stored(conn, actor, model, id, ("restored", before.as_ref()), entry)
}

/// A row that is to be as it was.
#[derive(Clone, Copy)]
pub(crate) struct Earlier<'a> {
    pub(crate) id: i64,
    /// What it holds now, if it is there.
    pub(crate) current: Option<&'a Record>,
    pub(crate) values: &'a FormValues,
}

/// Stores rows as they once were, be they there or gone: a few hundred at a time. It is left to the caller to record
/// that.
pub(crate) fn earlier(
    conn: &mut DbConnection,
    rights: &Rights,
    model: &Resource,
    rows: &[Earlier<'_>],
) -> Result<(), SaveError> {
    let mut gone = Vec::new();
    for save_object in rows {
        check_grants(conn, rights, model, save_object.current, save_object.values)?;
        if save_object.current.is_some() {
            (model.save)(conn, Some(save_object.id), save_object.values)?;
        } else {
            gone.push((save_object.id, save_object.values));
        }
    }
    if gone.is_empty() {
        return Ok(());
    }
    (model.restore)(conn, &gone)
}

/// Stores values that do not grant too much, and gives the row's id with what it held before. Where they do, whatever
/// else is wrong with them is told with it.
fn saved(
    conn: &mut DbConnection,
    rights: &Rights,
    model: &Resource,
    current: Option<&Record>,
    values: &FormValues,
) -> Result<(i64, Option<Snapshot>), SaveError> {
    let save_object = current.map(|object| object.id);
    let mut errors = match check_grants(conn, rights, model, current, values) {
        Ok(()) => {
            let before = held(conn, model, current)?;
            return Ok(((model.save)(conn, save_object, values)?, before));
        }
        Err(SaveError::Invalid(errors)) => errors,
        Err(error) => return Err(error),
    };
    let tried = conn.transaction(|conn| {
        (model.save)(conn, save_object, values)?;
        // Tried only to hear what else is wrong.
        Err::<(), _>(SaveError::Invalid(Vec::new()))
    });
    match tried {
        Err(SaveError::Invalid(more)) => {
            let refused: Vec<&str> = errors.iter().map(|error| error.field).collect();
            let others = more
                .into_iter()
                .filter(|error| !refused.contains(&error.field));
            let others: Vec<_> = others.collect();
            errors.extend(others);
            Err(SaveError::Invalid(errors))
        }
        Err(error) => Err(error),
        Ok(()) => Err(SaveError::Invalid(errors)),
    }
}

/// Refuses values that would grant too much.
fn check_grants(
    conn: &mut DbConnection,
    rights: &Rights,
    model: &Resource,
    current: Option<&Record>,
    values: &FormValues,
) -> Result<(), SaveError> {
    let nothing = FormValues::default();
    let held = current.map_or(&nothing, |object| &object.values);
    let save_object = current.map(|object| object.id);
    let errors = escalations(conn, rights, model, save_object, held, values)?;
    if errors.is_empty() {
        Ok(())
    } else {
        Err(SaveError::Invalid(errors))
    }
}

/// What a row holds before something else is stored.
fn held(
    conn: &mut DbConnection,
    model: &Resource,
    current: Option<&Record>,
) -> QueryResult<Option<Snapshot>> {
    current
        .map(|object| Snapshot::of(conn, model, object))
        .transpose()
}

/// Records what was stored as an act of its own, and gives it back as it now is.
fn by_itself(
    conn: &mut DbConnection,
    actor: &User,
    model: &Resource,
    id: i64,
    what: (&str, Option<&Snapshot>),
) -> Result<Record, SaveError> {
    let entry = LogContext {
        act: &mut ChangeSet::new(1),
        cause: None,
    };
    Ok(stored(conn, actor, model, id, what, entry)?.0)
}

/// Records what was stored, and gives it back as it now is.
fn stored(
    conn: &mut DbConnection,
    actor: &User,
    model: &Resource,
    id: i64,
    (action, before): (&str, Option<&Snapshot>),
    entry: LogContext<'_>,
) -> Result<(Record, i64), SaveError> {
    let object = (model.load)(conn, id)?.ok_or(SaveError::Missing)?;
    let after = Snapshot::of(conn, model, &object)?;
    let entry = log_change(conn, actor, model, &object, action, (before, &after), entry)?;
    Ok((object, entry))
}

/// Records what became of a row, and says by which line. An account that was switched off is logged out.
pub(crate) fn log_change(
    conn: &mut DbConnection,
    actor: &User,
    model: &Resource,
    object: &Record,
    action: &str,
    (before, after): (Option<&Snapshot>, &Snapshot),
    entry: LogContext<'_>,
) -> QueryResult<i64> {
    log_out_if_off(conn, model, object)?;
    let new = NewAuditEntry {
        actor: Some(actor.actor()),
        model: &model.key(),
        object_id: Some(object.id),
        title: &object.title,
        action,
        before: &before.map(Snapshot::to_text).unwrap_or_default(),
        after: &after.to_text(),
    };
    let LogContext { act, cause } = entry;
    act.insert(conn, &new, cause)
}

/// What became of one of many rows.
pub(crate) struct LogEntry<'a> {
    object: &'a Record,
    action: &'a str,
    before: String,
    after: String,
}

impl<'a> LogEntry<'a> {
    /// Of a row that held something, or was not there, before.
    pub(crate) fn of(
        object: &'a Record,
        action: &'a str,
        before: Option<&Snapshot>,
        after: &Snapshot,
    ) -> Self {
        Self {
            object,
            action,
            before: before.map(Snapshot::to_text).unwrap_or_default(),
            after: after.to_text(),
        }
    }

    fn entry<'b>(&'b self, actor: &'b User, model: &'b str) -> NewAuditEntry<'b> {
        NewAuditEntry {
            actor: Some(actor.actor()),
            model,
            object_id: Some(self.object.id),
            title: &self.object.title,
            action: self.action,
            before: &self.before,
            after: &self.after,
        }
    }
}

/// Records what became of many rows, each by itself.
pub(crate) fn log_changes(
    conn: &mut DbConnection,
    actor: &User,
    model: &Resource,
    entries: &[LogEntry<'_>],
) -> QueryResult<()> {
    let key = model.key();
    let lines: Vec<NewAuditEntry<'_>> = entries
        .iter()
        .map(|entries| entries.entry(actor, &key))
        .collect();
    AuditEntry::insert_all(conn, &lines)?;
    entries
        .iter()
        .try_for_each(|entries| log_out_if_off(conn, model, entries.object))
}

/// Records what became of many rows in one act, each with the line of the row that it came along with. Says by which
/// lines.
pub(crate) fn log_change_set(
    conn: &mut DbConnection,
    actor: &User,
    model: &Resource,
    act: &mut ChangeSet,
    entries: &[(LogEntry<'_>, Option<i64>)],
) -> QueryResult<Vec<i64>> {
    let key = model.key();
    let lines = entries
        .iter()
        .map(|(entries, cause)| (entries.entry(actor, &key), *cause));
    let lines: Vec<_> = lines.collect();
    let ids = act.insert_all(conn, &lines)?;
    for (entries, _) in entries {
        log_out_if_off(conn, model, entries.object)?;
    }
    Ok(ids)
}

/// Logs an account out that was switched off.
fn log_out_if_off(conn: &mut DbConnection, model: &Resource, object: &Record) -> QueryResult<()> {
    if (model.app, model.name) == ("auth", "user") && !object.values.is_yes("is_active") {
        Session::end_all(conn, object.id, None)?;
    }
    Ok(())
}
