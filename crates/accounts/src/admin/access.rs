//! Access rules of users and groups: what the admin has to check beyond the description of their resources.

use diesel::{OptionalExtension, QueryResult};

use oc_core::DbConnection;
use oc_core::admin::{Choice, Field, FieldKind, FormValues, Record, Resource, ids};
use oc_core::validation::{FieldError, Violation};

use crate::{Group, Permissions, Session, User};

use super::group::GROUP;
use super::user::{LAST_SUPERUSER, USER};

/// The code of a permission, and the name of a group that gives it.
pub type InheritedPermission = (String, String);

/// What the admin has to check for a resource whose rows hold permissions.
#[derive(Debug, Clone, Copy)]
pub struct AccessRules {
    /// The resource.
    pub resource: &'static Resource,
    /// Whether its rows are users: they are added with a password, and by users who may also change them.
    pub are_accounts: bool,
    /// The permissions that a row has by its groups.
    pub inherited: fn(&mut DbConnection, &FormValues) -> QueryResult<Vec<InheritedPermission>>,
    /// Fields that give or take permissions, or that decide who uses an account: changing them requires
    /// re-authentication.
    pub sensitive_fields: &'static [&'static str],
    /// Fields that only somebody who may take over the row can change.
    pub guarded_fields: &'static [&'static str],
    /// Explains the guarded fields to everybody else.
    pub guarded_notice: &'static str,
    /// Whether a row may be taken over or deleted by somebody with these permissions.
    pub can_manage: fn(&mut DbConnection, &Permissions, i64) -> QueryResult<bool>,
    /// Why these rows must not be deleted by anybody, if so.
    pub deletion_error: fn(&mut DbConnection, &[i64]) -> QueryResult<Option<&'static str>>,
    /// Hook that runs in the transaction that saved a row.
    pub saved: fn(&mut DbConnection, &Record) -> QueryResult<()>,
    /// What somebody who saved a row should know about it.
    pub advice: fn(&FormValues) -> Option<&'static str>,
}

const NO_STAFF_STATUS: &str = "This user cannot log in to the administration, so their groups and permissions have no effect. Turn on \
                               “Staff status” to change that.";

/// The fields of a user that decide what the account may do, and who uses it.
const USER_ACCESS: &[&str] = &[
    "username",
    // A link to reset the password goes to this address.
    "email",
    "is_active",
    "is_staff",
    "is_superuser",
    "groups",
    "user_permissions",
];

/// The rules of users and groups.
pub static ACCESS_RULES: [AccessRules; 2] = [
    AccessRules {
        resource: &USER,
        are_accounts: true,
        inherited: |conn, values| Group::inherited_permissions(conn, &ids(values.list("groups"))),
        sensitive_fields: USER_ACCESS,
        guarded_fields: USER_ACCESS,
        guarded_notice: "This user has permissions that you don't have. You can change names and dates, but not username, email \
                         address, password, status, groups or permissions.",
        can_manage: |conn, permissions, id| {
            let user = User::find(conn, id).optional()?;
            user.map_or(Ok(true), |user| permissions.cover(conn, &user))
        },
        deletion_error: |conn, ids| {
            let are_last = User::are_last_superusers(conn, ids)?;
            Ok(are_last.then_some(LAST_SUPERUSER))
        },
        saved: |conn, user| {
            if !user.values.is_yes("is_active") {
                Session::end_all(conn, user.id, None)?;
            }
            Ok(())
        },
        advice: |values| {
            let has_permissions = ["groups", "user_permissions"]
                .iter()
                .any(|field| !values.list(field).is_empty());
            (has_permissions && !values.is_yes("is_staff")).then_some(NO_STAFF_STATUS)
        },
    },
    AccessRules {
        resource: &GROUP,
        are_accounts: false,
        inherited: |_, _| Ok(Vec::new()),
        sensitive_fields: &["permissions"],
        guarded_fields: &["name", "permissions"],
        guarded_notice: "This group has permissions that you don't have. You can't change it.",
        can_manage: |conn, permissions, id| {
            let codes = Group::permissions(conn, id)?;
            Ok(codes.iter().all(|code| permissions.has(code)))
        },
        deletion_error: |_, _| Ok(None),
        saved: |_, _| Ok(()),
        advice: |_| None,
    },
];

impl AccessRules {
    /// Whether a change requires re-authentication.
    pub fn is_sensitive(&self, before: &FormValues, after: &FormValues) -> bool {
        let mut fields = self.resource.fields.iter();
        fields.any(|field| {
            self.sensitive_fields.contains(&field.name) && differ(before, after, field)
        })
    }

    /// What a change would give or take beyond the permissions of its author. `id` is that of a stored row; `known` are
    /// all permissions that exist.
    pub fn escalations(
        &self,
        conn: &mut DbConnection,
        permissions: &Permissions,
        known: &[Choice],
        id: Option<i64>,
        before: &FormValues,
        after: &FormValues,
    ) -> QueryResult<Vec<FieldError>> {
        let fields = self.resource.fields.iter();
        if let Some(id) = id
            && !(self.can_manage)(conn, permissions, id)?
        {
            let changed = fields
                .filter(|field| self.guarded_fields.contains(&field.name))
                .filter(|field| differ(before, after, field));
            let model = self.resource.singular;
            let error = |field: &Field| {
                let label = field.label;
                FieldError::new(field.name, Violation::Beyond { label, model })
            };
            return Ok(changed.map(error).collect());
        }
        let exists = |code: &str| known.iter().any(|choice| choice.value == code);
        let mut errors = Vec::new();
        for Field {
            name, label, kind, ..
        } in fields.copied()
        {
            let (added, removed) = (
                new_values(before, after, name),
                new_values(after, before, name),
            );
            let may_grant = match (kind, name) {
                (FieldKind::Permissions, _) => {
                    let mut added = added.iter();
                    added.all(|code| permissions.has(code) && exists(code))
                }
                (_, "groups") => {
                    let groups: Vec<i64> = added.iter().filter_map(|id| id.parse().ok()).collect();
                    let codes = Group::permissions_of(conn, &groups)?;
                    codes.iter().all(|(_, code)| permissions.has(code))
                }
                (_, "is_superuser") => {
                    permissions.are_all() || before.is_yes(name) == after.is_yes(name)
                }
                _ => continue,
            };
            let may_revoke =
                kind != FieldKind::Permissions || removed.iter().all(|code| permissions.has(code));
            let violation = match (may_grant, may_revoke) {
                (true, true) => continue,
                (true, false) => Violation::Unrevocable,
                // A superuser can give every permission that exists.
                (false, _) if permissions.are_all() => Violation::Choice { label },
                (false, _) => Violation::Ungranted { label },
            };
            errors.push(FieldError::new(name, violation));
        }
        Ok(errors)
    }
}

/// The values that are new in a field.
fn new_values<'a>(before: &FormValues, after: &'a FormValues, field: &str) -> Vec<&'a str> {
    let old = before.list(field);
    let new = after.list(field).iter().map(|value| value.trim());
    new.filter(|value| !value.is_empty() && old.iter().all(|old| old.trim() != *value))
        .collect()
}

fn differ(before: &FormValues, after: &FormValues, field: &Field) -> bool {
    if field.kind == FieldKind::Boolean {
        return before.is_yes(field.name) != after.is_yes(field.name);
    }
    [(before, after), (after, before)]
        .iter()
        .any(|(old, new)| !new_values(old, new, field.name).is_empty())
}

#[cfg(test)]
mod tests {
    use oc_core::testing::on_both;

    use crate::testing::{group, user};

    use super::*;

    #[test]
    fn permissions_that_the_user_lacks_cannot_be_granted_or_revoked() -> anyhow::Result<()> {
        on_both(|conn| {
            let id = user(conn, "ada")?;
            User::set_staff(conn, id, true)?;
            User::set_permissions(conn, id, &["a.view_a".to_owned()])?;
            let ada = User::find(conn, id)?;
            let permissions = Permissions::for_user(conn, &ada)?;
            let known = ["a.view_a", "b.view_b"].map(|code| Choice::new(code, code));
            let values = |codes: &[&str]| {
                let codes = codes.iter().map(|code| (*code).to_owned()).collect();
                FormValues::default()
                    .with("name", "editors")
                    .with_list("permissions", codes)
            };
            let own = Group::insert(conn, &group("own"))?;
            let higher = Group::insert(conn, &group("higher"))?;
            Group::set_permissions(conn, higher, &["b.view_b".to_owned()])?;
            let mut check = |id, before: &[&str], after: &[&str]| {
                let (before, after) = (values(before), values(after));
                ACCESS_RULES[1]
                    .escalations(conn, &permissions, &known, id, &before, &after)
                    .map(|errors| errors.first().map(ToString::to_string))
            };

            assert_eq!(check(None, &[], &["a.view_a"])?, None);
            assert_eq!(
                check(Some(own), &[], &["b.view_b"])?.as_deref(),
                Some("Permissions: select a valid choice.")
            );
            assert_eq!(
                check(Some(own), &["b.view_b"], &[])?.as_deref(),
                Some("You can't grant, or take from others, a permission that you don't have.")
            );
            assert_eq!(
                check(Some(higher), &["b.view_b"], &["b.view_b", "a.view_a"])?.as_deref(),
                Some(
                    "Permissions cannot be changed: this group has permissions that you don't have."
                )
            );
            assert_eq!(check(Some(higher), &["b.view_b"], &["b.view_b"])?, None);
            Ok(())
        })
    }
}
