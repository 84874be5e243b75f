//! Nobody grants what they do not have.

use diesel::{OptionalExtension, QueryResult};
use oc_core::accounts::{Group, Rights};
use oc_core::admin::{Model, Values};
use oc_core::rules::{BrokenRule, FieldError};
use oc_core::{DbConnection, User};

use super::models::{self, holds_rights};

/// What a change of an account or a group would grant beyond the rights of who makes it.
pub(super) fn excess(
    conn: &mut DbConnection,
    rights: &Rights,
    model: &Model,
    before: &Values,
    after: &Values,
) -> QueryResult<Vec<FieldError>> {
    if model.app != "auth" {
        return Ok(Vec::new());
    }
    let offered = models::rights();
    let mut errors = Vec::new();
    for field in model.fields {
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
                rule: BrokenRule::Choice { label: field.label },
            });
        }
    }
    Ok(errors)
}

/// Whether a row may be changed or deleted by who has these rights: an account only by who has all of its own.
pub(super) fn covers(
    conn: &mut DbConnection,
    rights: &Rights,
    model: &Model,
    id: i64,
) -> QueryResult<bool> {
    if (model.app, model.name) != ("auth", "user") {
        return Ok(true);
    }
    match User::find(conn, id).optional()? {
        Some(user) => rights.cover(conn, &user),
        None => Ok(true),
    }
}
