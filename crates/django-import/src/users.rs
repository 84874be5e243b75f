//! Groups and users.

use std::collections::BTreeSet;

use accounts::{
    AccountStatus, Group, GroupDraft, ImportedUser, NewGroup, NewUser, User, UserDraft, password,
};
use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::text::normalize_line;
use oc_core::validation::{FieldError, Violation};

use super::layout::Model;
use super::migration::Migration;
use super::row::{Reference, SourceRow};

/// The longest password hash that is stored (characters).
const LONGEST_HASH: usize = 255;

/// The password of the administrator in the instructions of the public repositories.
const LEAKED: &str = "Abc1234!";

/// A group and the codes of its permissions.
type ImportedGroup = (i64, NewGroup, Vec<String>);

/// A user, their groups and the codes of their own permissions.
type ImportedAccount = (ImportedUser, Vec<i64>, Vec<String>);

pub(crate) fn check_group(
    migration: &mut Migration<'_>,
    row: &mut SourceRow,
) -> Option<ImportedGroup> {
    let name = row.text("name");
    let key = normalize_line(&name);
    let taken = "That name is already taken.";
    migration.check_unique(Model::Group, row, "name", key, taken);
    let group = row.check(GroupDraft { name }.check());
    let permissions = row.references("permissions");
    let group = group.filter(|_| row.problems.is_empty())?;
    Some((row.id(), group, permission_codes(migration, &permissions)))
}

pub(crate) fn insert_groups(
    conn: &mut DbConnection,
    groups: Vec<ImportedGroup>,
) -> QueryResult<()> {
    for (id, group, permissions) in groups {
        Group::restore(conn, id, &group)?;
        Group::set_permissions(conn, id, &permissions)?;
    }
    Ok(())
}

pub(crate) fn check_user(
    migration: &mut Migration<'_>,
    row: &mut SourceRow,
) -> Option<ImportedAccount> {
    let user = check_names(migration, row)?;
    let username = user.username().to_owned();
    let taken = "That username is already taken.";
    migration.check_unique(Model::User, row, "username", username.clone(), taken);
    let password = row.limited_text("password", LONGEST_HASH);
    let status = AccountStatus {
        is_active: row.flag("is_active"),
        is_staff: row.flag("is_staff"),
        is_superuser: row.flag("is_superuser"),
        last_login: (!row.is_null("last_login")).then(|| row.timestamp("last_login")),
        date_joined: row.timestamp("date_joined"),
    };
    let groups = row.references("groups");
    let permissions = row.references("user_permissions");
    if !row.problems.is_empty() {
        return None;
    }
    let id = row.id();
    let is_privileged = status.is_staff || status.is_superuser;
    let must_change_password = check_password(id, &username, &password, is_privileged, migration);
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
    Some((account, groups, permission_codes(migration, &permissions)))
}

/// Names and e-mail address. Django stores any text as an e-mail address; one that is not valid is left out.
fn check_names(migration: &mut Migration<'_>, row: &mut SourceRow) -> Option<NewUser> {
    let mut draft = UserDraft {
        username: row.text("username"),
        first_name: row.text("first_name"),
        last_name: row.text("last_name"),
        email: row.text("email"),
    };
    let is_email = |error: &FieldError| error.violation == Violation::Email;
    let errors = draft.check().err();
    if errors.is_some_and(|errors| errors.iter().all(is_email)) {
        migration.report.warnings.push(format!(
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
        migration.report.warnings.push(format!(
            "The password of {username} can't be verified; set a new one with `oc-lettings changepassword {username}`."
        ));
    }
    let is_leaked = || password::verify(LEAKED, password).is_right();
    let must_change = is_privileged && *migration.leaked.entry(id).or_insert_with(is_leaked);
    if must_change {
        migration.report.warnings.push(format!(
            "The password of {username} is published in the site's public repositories; it must be changed at the first login."
        ));
    }
    must_change
}

fn memberships(migration: &mut Migration<'_>, groups: &[Reference]) -> Vec<i64> {
    let mut found = BTreeSet::new();
    for group in groups {
        let group = migration.find(Model::Group, group);
        let is_imported = group.is_some_and(|(id, _)| found.insert(id));
        migration.report.count("group memberships", is_imported);
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
        migration.report.count("permissions", is_imported);
    }
    codes.into_iter().collect()
}

pub(crate) fn insert_users(
    conn: &mut DbConnection,
    users: Vec<ImportedAccount>,
) -> QueryResult<()> {
    let users = users
        .into_iter()
        .map(|(account, groups, permissions)| ((account.id, groups, permissions), account));
    let (access, accounts): (Vec<_>, Vec<_>) = users.unzip();
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
