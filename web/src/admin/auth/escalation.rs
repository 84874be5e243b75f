//! Nobody grants what they do not have, or takes over who has more.

use std::collections::BTreeSet;

use accounts::{Group, Rights, User};
use diesel::{OptionalExtension, QueryResult};
use oc_core::DbConnection;
use oc_core::admin::{Field, FieldKind, FormValues, Resource};
use oc_core::validation::{FieldError, Violation};

use crate::admin::registry::{self, holds_rights};

/// What of an account nobody changes who has not all of its rights: who may use it, by which name, and for what.
const GUARDED: [&str; 6] = [
    "username",
    "is_active",
    "is_staff",
    "is_superuser",
    "groups",
    "user_permissions",
];

/// What a change of an account or a group would grant, or take, beyond the rights of who makes it. `row` is the id of
/// one that is stored.
pub(crate) fn escalations(
    conn: &mut DbConnection,
    rights: &Rights,
    model: &Resource,
    row: Option<i64>,
    before: &FormValues,
    after: &FormValues,
) -> QueryResult<Vec<FieldError>> {
    if model.app != "auth" {
        return Ok(Vec::new());
    }
    let offered = registry::rights();
    let is_beyond = match row {
        Some(id) => !can_manage(conn, rights, model, id)?,
        None => false,
    };
    let mut errors = Vec::new();
    for field in model.fields {
        if is_beyond && GUARDED.contains(&field.name) {
            if differ(before, after, field) {
                let violation = Violation::Beyond { label: field.label };
                errors.push(FieldError {
                    field: field.name,
                    violation,
                });
            }
            continue;
        }
        let old = before.list(field.name);
        let added = after
            .list(field.name)
            .iter()
            .filter(|value| !old.contains(value));
        let mut exceeds = false;
        if holds_rights(model, field.name) {
            let unknown = |code: &String| offered.iter().all(|right| right.value != *code);
            exceeds = added
                .into_iter()
                .any(|code| !rights.hold(code) || unknown(code));
        } else if field.name == "groups" {
            for group in added.filter_map(|id| id.parse().ok()) {
                exceeds |= Group::rights(conn, group)?
                    .iter()
                    .any(|code| !rights.hold(code));
            }
        } else if field.name == "is_superuser" {
            exceeds = !rights.are_all() && before.is_yes(field.name) != after.is_yes(field.name);
        }
        if exceeds {
            errors.push(FieldError {
                field: field.name,
                violation: if rights.are_all() {
                    // There is no such right.
                    Violation::Choice { label: field.label }
                } else {
                    Violation::Ungranted { label: field.label }
                },
            });
        }
    }
    Ok(errors)
}

/// Whether a field would hold something else.
fn differ(before: &FormValues, after: &FormValues, field: &Field) -> bool {
    if field.kind == FieldKind::Boolean {
        return before.is_yes(field.name) != after.is_yes(field.name);
    }
    let [before, after] = [before, after].map(|values| {
        let texts = values.list(field.name).iter().map(|text| text.trim());
        texts
            .filter(|text| !text.is_empty())
            .collect::<BTreeSet<_>>()
    });
    before != after
}

/// Whether a row may be taken over or deleted by who has these rights: an account only by who has all of its own.
pub(crate) fn can_manage(
    conn: &mut DbConnection,
    rights: &Rights,
    model: &Resource,
    id: i64,
) -> QueryResult<bool> {
    if rights.are_all() || (model.app, model.name) != ("auth", "user") {
        return Ok(true);
    }
    match User::find(conn, id).optional()? {
        Some(user) => rights.cover(conn, &user),
        None => Ok(true),
    }
}
