//! Storing a row and the line of the record that tells of it, in one write.

use diesel::QueryResult;
use oc_core::accounts::{Rights, Session};
use oc_core::admin::{Model, Object, SaveError, Values};
use oc_core::changes::{Act, NewChange};
use oc_core::{DbConnection, User};

use super::grants::excess;
use super::record::Snapshot;

/// Stores a row, new or changed, as `actor` asked for, and gives it back as it now is.
pub(super) fn row(
    conn: &mut DbConnection,
    actor: &User,
    rights: &Rights,
    model: &Model,
    current: Option<&Object>,
    values: &Values,
) -> Result<Object, SaveError> {
    let before = allowed(conn, rights, model, current, values)?;
    let id = (model.save)(conn, current.map(|object| object.id), values)?;
    let action = if current.is_some() {
        "changed"
    } else {
        "added"
    };
    by_itself(conn, actor, model, id, (action, before.as_ref()))
}

/// Stores a row inside another's form, as [`row`] does. Where nothing of a stored one changes, nothing is recorded.
pub(super) fn inner(
    conn: &mut DbConnection,
    actor: &User,
    rights: &Rights,
    model: &Model,
    current: Option<&Object>,
    values: &Values,
) -> Result<Object, SaveError> {
    let Some(current) = current else {
        return row(conn, actor, rights, model, None, values);
    };
    let before = allowed(conn, rights, model, Some(current), values)?;
    let id = (model.save)(conn, Some(current.id), values)?;
    let object = (model.load)(conn, id)?.ok_or(SaveError::Missing)?;
    if object.values == current.values {
        return Ok(object);
    }
    by_itself(conn, actor, model, id, ("changed", before.as_ref()))
}

/// Where the record tells of it: in which act, and along with the row of which line.
pub(super) struct Entry<'a> {
    pub(super) act: &'a mut Act,
    pub(super) cause: Option<i64>,
}

/// Goes back to an earlier state of a row, or brings back one that is gone under its old id. Says by which line the
/// record tells of it.
pub(super) fn restored(
    conn: &mut DbConnection,
    actor: &User,
    rights: &Rights,
    model: &Model,
    (id, current): (i64, Option<&Object>),
    values: &Values,
    entry: Entry<'_>,
) -> Result<(Object, i64), SaveError> {
    let before = allowed(conn, rights, model, current, values)?;
    match current {
        Some(_) => (model.save)(conn, Some(id), values).map(drop)?,
        None => (model.restore)(conn, id, values)?,
    }
    stored(conn, actor, model, id, ("restored", before.as_ref()), entry)
}

/// Refuses values that would grant too much, and gives what the row holds before they are stored.
fn allowed(
    conn: &mut DbConnection,
    rights: &Rights,
    model: &Model,
    current: Option<&Object>,
    values: &Values,
) -> Result<Option<Snapshot>, SaveError> {
    let nothing = Values::default();
    let held = current.map_or(&nothing, |object| &object.values);
    let errors = excess(conn, rights, model, held, values)?;
    if !errors.is_empty() {
        return Err(SaveError::Invalid(errors));
    }
    Ok(current
        .map(|object| Snapshot::of(conn, model, object))
        .transpose()?)
}

/// Records what was stored as an act of its own, and gives it back as it now is.
fn by_itself(
    conn: &mut DbConnection,
    actor: &User,
    model: &Model,
    id: i64,
    what: (&str, Option<&Snapshot>),
) -> Result<Object, SaveError> {
    let entry = Entry {
        act: &mut Act::of(1),
        cause: None,
    };
    Ok(stored(conn, actor, model, id, what, entry)?.0)
}

/// Records what was stored, and gives it back as it now is.
fn stored(
    conn: &mut DbConnection,
    actor: &User,
    model: &Model,
    id: i64,
    (action, before): (&str, Option<&Snapshot>),
    entry: Entry<'_>,
) -> Result<(Object, i64), SaveError> {
    let object = (model.load)(conn, id)?.ok_or(SaveError::Missing)?;
    let after = Snapshot::of(conn, model, &object)?;
    let line = note(conn, actor, model, &object, action, (before, &after), entry)?;
    Ok((object, line))
}

/// Records what became of a row, and says by which line. An account that was switched off is logged out.
pub(super) fn note(
    conn: &mut DbConnection,
    actor: &User,
    model: &Model,
    object: &Object,
    action: &str,
    (before, after): (Option<&Snapshot>, &Snapshot),
    entry: Entry<'_>,
) -> QueryResult<i64> {
    if (model.app, model.name) == ("auth", "user") && !object.values.is_yes("is_active") {
        Session::end_all(conn, object.id, None)?;
    }
    let new = NewChange {
        user: Some(actor),
        model: &model.key(),
        object_id: Some(object.id),
        title: &object.title,
        action,
        before: &before.map(Snapshot::to_text).unwrap_or_default(),
        after: &after.to_text(),
    };
    let Entry { act, cause } = entry;
    act.insert(conn, &new, cause)
}
