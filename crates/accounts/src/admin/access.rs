//! Access rules of users and groups: what the admin has to check beyond the description of their resources.

use std::collections::BTreeSet;

use diesel::{OptionalExtension, QueryResult};

use oc_core::DbConnection;
use oc_core::admin::{Choice, Field, FieldKind, FormValues, Record, Resource};
use oc_core::validation::{FieldError, Violation};

use crate::{Group, Rights, Session, User};

/// What the admin has to check for a resource whose rows hold permissions.
#[derive(Debug, Clone, Copy)]
pub struct AccessRules {
    /// The resource.
    pub resource: &'static Resource,
    /// Whether its rows are accounts: they are added with a password, and by users who may also change them.
    pub are_accounts: bool,
    /// The field whose choices are all permissions.
    pub permission_field: &'static str,
    /// Fields that give or take permissions: changing them requires re-authentication.
    pub sensitive_fields: &'static [&'static str],
    /// What a change would give or take beyond the permissions of its author. The id is that of a stored row; the
    /// choices are all permissions that exist.
    pub escalations: Escalations,
    /// Whether a row may be taken over or deleted by somebody with these permissions.
    pub can_manage: fn(&mut DbConnection, &Rights, i64) -> QueryResult<bool>,
    /// Runs in the transaction that saved a row.
    pub saved: fn(&mut DbConnection, &Record) -> QueryResult<()>,
    /// Pages of a row besides its form.
    pub pages: &'static [AccountPage],
}

/// Connection, permissions of the author, every permission, id of the row, values before and after.
type Escalations = fn(
    &mut DbConnection,
    &Rights,
    &[Choice],
    Option<i64>,
    &FormValues,
    &FormValues,
) -> QueryResult<Vec<FieldError>>;

/// A page of an account besides its form.
#[derive(Debug, Clone, Copy)]
pub struct AccountPage {
    /// The last part of its path.
    pub name: &'static str,
    /// Label in the form.
    pub label: &'static str,
    /// Text of the link.
    pub link: &'static str,
    /// Whether it is for superusers only.
    pub superusers_only: bool,
}

/// The rules of users and groups.
pub static ACCESS_RULES: [AccessRules; 2] = [
    AccessRules {
        resource: &super::USER,
        are_accounts: true,
        permission_field: "user_permissions",
        sensitive_fields: &["is_staff", "is_superuser", "groups", "user_permissions"],
        escalations: user_escalations,
        can_manage,
        saved: end_sessions_of_inactive,
        pages: &[
            AccountPage {
                name: "password",
                label: "Password",
                link: "Reset password",
                superusers_only: false,
            },
            AccountPage {
                name: "sessions",
                label: "Sessions",
                link: "Manage sessions",
                superusers_only: false,
            },
            AccountPage {
                name: "two_factor",
                label: "Two-factor authentication",
                link: "Manage two-factor authentication",
                superusers_only: true,
            },
        ],
    },
    AccessRules {
        resource: &super::GROUP,
        are_accounts: false,
        permission_field: "permissions",
        sensitive_fields: &["permissions"],
        escalations: group_escalations,
        can_manage: |_, _, _| Ok(true),
        saved: |_, _| Ok(()),
        pages: &[],
    },
];

/// The fields of an account that only somebody with all of its permissions may change.
const GUARDED: [&str; 6] = [
    "username",
    "is_active",
    "is_staff",
    "is_superuser",
    "groups",
    "user_permissions",
];

fn can_manage(conn: &mut DbConnection, permissions: &Rights, id: i64) -> QueryResult<bool> {
    if permissions.are_all() {
        return Ok(true);
    }
    match User::find(conn, id).optional()? {
        Some(user) => permissions.cover(conn, &user),
        None => Ok(true),
    }
}

fn end_sessions_of_inactive(conn: &mut DbConnection, user: &Record) -> QueryResult<()> {
    if !user.values.is_yes("is_active") {
        Session::end_all(conn, user.id, None)?;
    }
    Ok(())
}

fn user_escalations(
    conn: &mut DbConnection,
    permissions: &Rights,
    known: &[Choice],
    id: Option<i64>,
    before: &FormValues,
    after: &FormValues,
) -> QueryResult<Vec<FieldError>> {
    let fields = super::USER.fields;
    if let Some(id) = id
        && !can_manage(conn, permissions, id)?
    {
        let changed = fields
            .iter()
            .filter(|field| GUARDED.contains(&field.name) && differ(before, after, field));
        return Ok(changed
            .map(|field| FieldError {
                field: field.name,
                violation: Violation::Beyond { label: field.label },
            })
            .collect());
    }
    let mut errors = Vec::new();
    for field in fields {
        let added = added(before, after, field.name);
        let is_escalation = match field.name {
            "user_permissions" => added.iter().any(|code| !grants(permissions, known, code)),
            "groups" => {
                let mut exceeds = false;
                for group in added.iter().filter_map(|id| id.parse().ok()) {
                    let codes = Group::rights(conn, group)?;
                    exceeds |= codes.iter().any(|code| !permissions.hold(code));
                }
                exceeds
            }
            "is_superuser" => {
                !permissions.are_all() && before.is_yes(field.name) != after.is_yes(field.name)
            }
            _ => false,
        };
        if is_escalation {
            errors.push(escalation(permissions, field));
        }
    }
    Ok(errors)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature of every rule; users need a query"
)]
fn group_escalations(
    _: &mut DbConnection,
    permissions: &Rights,
    known: &[Choice],
    _: Option<i64>,
    before: &FormValues,
    after: &FormValues,
) -> QueryResult<Vec<FieldError>> {
    let fields = super::GROUP.fields.iter();
    let mut escalated = fields.filter(|field| {
        field.name == "permissions"
            && added(before, after, field.name)
                .iter()
                .any(|code| !grants(permissions, known, code))
    });
    Ok(escalated
        .next()
        .map(|field| escalation(permissions, field))
        .into_iter()
        .collect())
}

/// The values that are new in a field.
fn added<'a>(before: &FormValues, after: &'a FormValues, field: &str) -> Vec<&'a String> {
    let old = before.list(field);
    let new = after.list(field).iter();
    new.filter(|value| !old.contains(value)).collect()
}

/// Whether a permission exists and may be given by somebody with these permissions.
fn grants(permissions: &Rights, known: &[Choice], code: &str) -> bool {
    permissions.hold(code) && known.iter().any(|choice| choice.value == code)
}

fn escalation(permissions: &Rights, field: &Field) -> FieldError {
    FieldError {
        field: field.name,
        violation: if permissions.are_all() {
            // A superuser can give every permission that exists.
            Violation::Choice { label: field.label }
        } else {
            Violation::Ungranted { label: field.label }
        },
    }
}

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
