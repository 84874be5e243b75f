//! Nobody grants what they do not have.

use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::accounts::{Group, Rights};
use oc_core::admin::{Model, Values};
use oc_core::rules::{BrokenRule, FieldError};

use super::models::holds_rights;

/// What a change of an account or a group would grant beyond the rights of who makes it.
pub(super) fn excess(
    conn: &mut DbConnection,
    rights: &Rights,
    model: &Model,
    before: &Values,
    after: &Values,
) -> QueryResult<Vec<FieldError>> {
    if model.app != "auth" || rights.are_all() {
        return Ok(Vec::new());
    }
    let mut errors = Vec::new();
    for field in model.fields {
        let old = before.list(field.name);
        let added = after
            .list(field.name)
            .iter()
            .filter(|value| !old.contains(value));
        let mut exceeds = false;
        if holds_rights(model, field.name) {
            exceeds = added.into_iter().any(|code| !rights.hold(code));
        } else if field.name == "groups" {
            for group in added.filter_map(|id| id.parse().ok()) {
                exceeds |= Group::rights(conn, group)?
                    .iter()
                    .any(|code| !rights.hold(code));
            }
        } else if field.name == "is_superuser" {
            exceeds = before.is_yes(field.name) != after.is_yes(field.name);
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
