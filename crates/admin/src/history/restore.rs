//! Restoring an earlier version, or deleted objects under their old ids, in one transaction. References that a deletion
//! removed from other objects are restored where those still exist.

use std::collections::{BTreeMap, BTreeSet};

use audit::AuditEntry;
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::locks::{lock, lock_all};

use crate::history::restored::{RestoreError, Restored};
use crate::history::restorer::{CHUNK, Restorer};
use crate::history::revision::{Revision, is_delete, object_of};
use crate::registry::{Editor, Registry};

/// Restores a version; for a deleted object also what was deleted with it. Requires a transaction.
pub(crate) fn restore_revision(
    conn: &mut DbConnection,
    actor: Editor<'_>,
    state: Revision,
) -> Result<Restored, RestoreError> {
    lock_rows(conn, actor.registry, &[&state.line])?;
    let along = match state.line.action.as_str() {
        "deleted" => AuditEntry::children(conn, state.line.id)?,
        _ => Vec::new(),
    };
    let along = missing(conn, actor.registry, along)?;
    all(conn, actor, vec![(Some(state), along)])
}

/// Restores every object that a change set deleted and that doesn't exist. Requires a transaction.
pub(crate) fn restore_change_set(
    conn: &mut DbConnection,
    actor: Editor<'_>,
    lines: Vec<AuditEntry>,
) -> Result<Restored, RestoreError> {
    if !is_delete(&lines) {
        return Err(RestoreError::Forbidden);
    }
    let mut along: BTreeMap<i64, Vec<AuditEntry>> = BTreeMap::new();
    let mut gone = Vec::new();
    for line in missing(conn, actor.registry, lines)? {
        match line.parent_id {
            Some(cause) => along.entry(cause).or_default().push(line),
            None => gone.push(Revision::new(line)),
        }
    }
    let gone = gone.into_iter().map(|state| {
        let along = along.remove(&state.line.id).unwrap_or_default();
        (Some(state), along)
    });
    let mut rows: Vec<_> = gone.collect();
    // The object that these were deleted with exists again.
    rows.extend(along.into_values().map(|along| (None, along)));
    all(conn, actor, rows)
}

/// Restores versions, each with the entries of what was deleted or changed with it.
fn all(
    conn: &mut DbConnection,
    actor: Editor<'_>,
    rows: Vec<(Option<Revision>, Vec<AuditEntry>)>,
) -> Result<Restored, RestoreError> {
    let lines = rows.iter().map(|(_, along)| 1 + along.len()).sum();
    let mut restorer = Restorer::new(actor, lines);
    let mut states = Vec::new();
    let mut all_along = Vec::new();
    for (state, along) in rows {
        all_along.push((state.is_some(), along));
        states.extend(state.map(|state| (state, None)));
    }
    let mut causes = restorer.rows(conn, &states)?.into_iter();
    let mut gone = Vec::new();
    let mut lost = Vec::new();
    for (was_gone, along) in all_along {
        let cause = if was_gone {
            causes.next().flatten()
        } else {
            None
        };
        if was_gone && cause.is_none() {
            // Without its parent, an object would only add errors that explain nothing.
            continue;
        }
        for line in along {
            if line.action == "deleted" {
                gone.push((Revision::new(line), cause));
            } else {
                lost.push((line, cause));
            }
        }
    }
    restorer.rows(conn, &gone)?;
    for (line, cause) in &lost {
        restorer.restore_references(conn, line, *cause)?;
    }
    restorer.done()
}

/// Removes the entries of deleted objects that exist again. Locks all of the objects until the end of the
/// transaction.
fn missing(
    conn: &mut DbConnection,
    registry: Registry,
    mut lines: Vec<AuditEntry>,
) -> QueryResult<Vec<AuditEntry>> {
    lock_rows(conn, registry, &lines.iter().collect::<Vec<_>>())?;
    let mut kinds: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for line in &lines {
        let ids = kinds.entry(line.model.clone()).or_default();
        ids.extend(line.object_id);
    }
    let mut there = BTreeSet::new();
    for (key, ids) in kinds {
        let Some(model) = registry.by_key(&key) else {
            continue;
        };
        for ids in ids.chunks(CHUNK) {
            let objects = (model.load_all)(conn, ids)?.into_iter();
            there.extend(objects.map(|object| (key.clone(), object.id)));
        }
    }
    lines.retain(|line| {
        line.action != "deleted"
            || line
                .object_id
                .is_none_or(|id| !there.contains(&(line.model.clone(), id)))
    });
    Ok(lines)
}

/// Locks the objects of these entries until the end of the transaction. PostgreSQL has a limited number of locks: for
/// very many objects this locks their resources.
fn lock_rows(
    conn: &mut DbConnection,
    registry: Registry,
    lines: &[&AuditEntry],
) -> QueryResult<()> {
    // Always in the same order, to prevent deadlocks: that of a form, which locks an object before its inlines.
    let rows: BTreeSet<_> = lines
        .iter()
        .filter_map(|line| object_of(registry, line))
        .map(|(model, id)| (model.key(), id))
        .collect();
    if rows.len() > CHUNK {
        let kinds: BTreeSet<_> = rows.into_iter().map(|(key, _)| key).collect();
        return kinds.iter().rev().try_for_each(|key| lock_all(conn, key));
    }
    rows.iter()
        .rev()
        .try_for_each(|(key, id)| lock(conn, key, *id))
}
