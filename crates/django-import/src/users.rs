//! Groups and users.

use std::collections::BTreeSet;

use accounts::{
    AccountStatus, Group, GroupDraft, ImportedUser, NewGroup, NewUser, User, UserDraft, password,
};
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::text::normalize_line;
use oc_core::validation::Violation;

use super::migration::Migration;
use super::report::Target;
use super::row::{Reference, SourceRow};
use super::source::Source;

/// The longest password hash that is stored (characters).
const LONGEST_HASH: usize = 255;

/// A user, their password hash, status, groups and own permissions.
type CheckedUser = (NewUser, String, AccountStatus, [Vec<Reference>; 2]);

/// A user, their groups and the codes of their own permissions.
type ImportedAccount = (ImportedUser, Vec<i64>, Vec<String>);

pub(crate) fn import_groups(
    source: &mut Source,
    migration: &mut Migration<'_>,
) -> anyhow::Result<()> {
    let check = |_: &mut Migration<'_>, row: &mut SourceRow| {
        let name = row.text("name");
        let key = normalize_line(&name);
        let group = row.check(GroupDraft { name }.check());
        let permissions = row.references("permissions");
        let taken = "That name is already taken.";
        (
            group.map(|group| (group, permissions)),
            Some(("name", key, taken)),
        )
    };
    let finish = |migration: &mut Migration<'_>, id, (group, permissions): (_, Vec<_>)| {
        (id, group, permission_codes(migration, &permissions))
    };
    migration.groups = migration.import(source, Target::Groups, check, finish, insert_groups)?;
    Ok(())
}

fn insert_groups(
    conn: &mut DbConnection,
    groups: Vec<(i64, NewGroup, Vec<String>)>,
) -> QueryResult<()> {
    for (id, group, permissions) in groups {
        Group::restore(conn, id, &group)?;
        Group::set_permissions(conn, id, &permissions)?;
    }
    Ok(())
}

pub(crate) fn import_users(
    source: &mut Source,
    migration: &mut Migration<'_>,
) -> anyhow::Result<()> {
    let check = |migration: &mut Migration<'_>, row: &mut SourceRow| {
        let Some(user) = user(row, migration) else {
            return (None, None);
        };
        let password = row.limited_text("password", LONGEST_HASH);
        let status = AccountStatus {
            is_active: row.flag("is_active"),
            is_staff: row.flag("is_staff"),
            is_superuser: row.flag("is_superuser"),
            last_login: (!row.is_null("last_login")).then(|| row.timestamp("last_login")),
            date_joined: row.timestamp("date_joined"),
        };
        let access = [row.references("groups"), row.references("user_permissions")];
        let taken = "That username is already taken.";
        let unique = ("username", user.username().to_owned(), taken);
        (Some((user, password, status, access)), Some(unique))
    };
    migration.users = migration.import(source, Target::Users, check, account, insert_users)?;
    Ok(())
}

/// The account of a user who can be imported.
fn account(
    migration: &mut Migration<'_>,
    id: i64,
    (user, password, status, [groups, permissions]): CheckedUser,
) -> ImportedAccount {
    let is_privileged = status.is_staff || status.is_superuser;
    let must_change_password =
        check_password(id, user.username(), &password, is_privileged, migration);
    let account = ImportedUser {
        id,
        user,
        password: if password.is_empty() {
            password::UNUSABLE.to_owned()
        } else {
            password
        },
        status,
        must_change_password,
    };
    let groups = memberships(migration, &groups);
    (account, groups, permission_codes(migration, &permissions))
}

/// Names and e-mail address. Django stores any text as an e-mail address; one that is not valid is left out.
fn user(row: &mut SourceRow, migration: &mut Migration<'_>) -> Option<NewUser> {
    let mut draft = UserDraft {
        username: row.text("username"),
        first_name: row.text("first_name"),
        last_name: row.text("last_name"),
        email: row.text("email"),
    };
    let is_email = |errors: &Vec<_>| {
        errors
            .iter()
            .all(|error: &oc_core::validation::FieldError| error.violation == Violation::Email)
    };
    if draft.check().is_err_and(|errors| is_email(&errors)) {
        migration.report.warn(format!(
            "The email address of {} is not valid and was left out: {}",
            draft.username,
            row.shown("email")
        ));
        draft.email.clear();
    }
    row.check(draft.check())
}

/// Whether the password must be changed because it is published. Reports hashes that can't be verified.
fn check_password(
    id: i64,
    username: &str,
    password: &str,
    is_privileged: bool,
    migration: &mut Migration<'_>,
) -> bool {
    if !password.is_empty() && !password::is_supported(password) {
        migration.report.warn(format!(
            "The password of {username} can't be verified; set a new one with `oc-lettings changepassword {username}`."
        ));
    }
    let must_change = is_privileged && migration.leaked.contains(id, password);
    if must_change {
        migration.report.warn(format!(
            "The password of {username} is published in the site's public repositories; it must be changed at the first login."
        ));
    }
    must_change
}

fn memberships(migration: &mut Migration<'_>, groups: &[Reference]) -> Vec<i64> {
    let mut found = BTreeSet::new();
    for group in groups {
        let id = migration.groups.find(group);
        let is_imported = id.is_some_and(|id| found.insert(id));
        migration.report.count(Target::Memberships, is_imported);
    }
    found.into_iter().collect()
}

/// The codes of permissions. Splitting an app leaves each permission twice; those of other models have no use here.
fn permission_codes(migration: &mut Migration<'_>, permissions: &[Reference]) -> Vec<String> {
    let mut codes = BTreeSet::new();
    for permission in permissions {
        let is_imported = match migration.permissions.code(permission) {
            Ok(code) => codes.insert(code),
            Err(name) => {
                migration.report.unknown_permissions.insert(name);
                false
            }
        };
        migration.report.count(Target::Permissions, is_imported);
    }
    codes.into_iter().collect()
}

fn insert_users(conn: &mut DbConnection, users: Vec<ImportedAccount>) -> QueryResult<()> {
    let (mut accounts, mut access) = (Vec::new(), Vec::new());
    for (account, groups, permissions) in users {
        access.push((account.id, groups, permissions));
        accounts.push(account);
    }
    User::insert_imported(conn, &accounts)?;
    for (id, groups, permissions) in access {
        if !groups.is_empty() {
            User::set_groups(conn, id, &groups)?;
        }
        if !permissions.is_empty() {
            User::set_permissions(conn, id, &permissions)?;
        }
    }
    Ok(())
}
