//! Admin resource of users. Passwords have pages of their own.

mod account;
mod list;

use std::collections::BTreeMap;

use account::{Account, refused, with_taken};
use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::admin::{
    Choice, ChoicePage, ChoiceQuery, DeletedRow, Field, FieldKind, Filter, FormValues, Record,
    Reference, Resource, SaveError, ids, restored_already, yes_and_no,
};
use oc_core::validation::{FieldError, Violation};

use crate::new_user::{LONGEST_EMAIL, LONGEST_NAME};
use crate::{Group, User};

use super::moment::{self, Parts};
use super::{APP, APP_LABEL, rights};

const PERSONAL: &str = "Personal info";
const PERMISSIONS: &str = "Permissions";
const DATES: &str = "Dates";

/// Labels that stand in the form and in its errors.
const GROUPS: &str = "Groups";
const RIGHTS: &str = "User permissions";
const JOINED: &str = "Date joined";

const LAST_LOGIN: Parts = ["last_login_0", "last_login_1"];
const DATE_JOINED: Parts = ["date_joined_0", "date_joined_1"];

/// Admin resource of users.
pub const MODEL: Resource = Resource {
    app: APP,
    app_label: APP_LABEL,
    name: "user",
    table: "users",
    singular: "user",
    plural: "users",
    columns: &[
        "Username",
        "Email address",
        "First name",
        "Last name",
        "Staff status",
    ],
    filters: &[
        Filter {
            parameter: "is_staff__exact",
            label: "Staff status",
            choices: |_| Ok(yes_and_no()),
        },
        Filter {
            parameter: "is_superuser__exact",
            label: "Superuser status",
            choices: |_| Ok(yes_and_no()),
        },
        Filter {
            parameter: "is_active__exact",
            label: "Active",
            choices: |_| Ok(yes_and_no()),
        },
        Filter {
            parameter: "groups__id__exact",
            label: GROUPS,
            choices: group_choices,
        },
    ],
    search_hint: "username, first name, last name, email address",
    fields: &[
        Field::new("username", "Username", text(1, LONGEST_NAME))
            .help("150 characters or fewer: letters, digits and @ . + - _"),
        Field::new("first_name", "First name", text(0, LONGEST_NAME)).section(PERSONAL),
        Field::new("last_name", "Last name", text(0, LONGEST_NAME)).section(PERSONAL),
        Field::new(
            "email",
            "Email address",
            FieldKind::Email { max: LONGEST_EMAIL },
        )
        .section(PERSONAL),
        Field::new("is_active", "Active", FieldKind::Boolean)
            .section(PERMISSIONS)
            .help("Clear this instead of deleting the account.")
            .default("on"),
        Field::new("is_staff", "Staff status", FieldKind::Boolean)
            .section(PERMISSIONS)
            .help("Can log in to the administration."),
        Field::new("is_superuser", "Superuser status", FieldKind::Boolean)
            .section(PERMISSIONS)
            .help("Has all permissions."),
        Field::new("groups", GROUPS, FieldKind::MultipleChoice)
            .section(PERMISSIONS)
            .help("A user gets all permissions of their groups."),
        Field::new("user_permissions", RIGHTS, FieldKind::MultipleChoice).section(PERMISSIONS),
        Field::new(
            "last_login",
            "Last login",
            FieldKind::DateTime { required: false },
        )
        .section(DATES),
        Field::new(
            "date_joined",
            JOINED,
            FieldKind::DateTime { required: true },
        )
        .section(DATES),
    ],
    inlines: &[],
    references: &[Reference::many_to_many(
        "auth.group",
        "user_groups",
        "user_id",
        "group_id",
    )],
    export_note: "Passwords are not included: set one on the page of each new user.",
    public_path: None,
    list: list::list,
    load,
    load_all,
    save,
    restore,
    delete: User::delete,
    choices,
    labels,
};

const fn text(min: usize, max: usize) -> FieldKind {
    FieldKind::Text { min, max }
}

fn load(conn: &mut DbConnection, id: i64) -> QueryResult<Option<Record>> {
    Ok(load_all(conn, &[id])?.pop())
}

fn load_all(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Record>> {
    let users = User::find_all(conn, ids)?;
    let mut groups: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (user, group) in User::groups_of(conn, ids)? {
        groups.entry(user).or_default().push(group);
    }
    let mut rights: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for (user, code) in User::rights_of(conn, ids)? {
        rights.entry(user).or_default().push(code);
    }
    let of = |user: User| {
        let groups = groups.remove(&user.id).unwrap_or_default();
        let rights = rights.remove(&user.id).unwrap_or_default();
        object(user, &groups, rights)
    };
    Ok(users.into_iter().map(of).collect())
}

fn object(user: User, groups: &[i64], rights: Vec<String>) -> Record {
    let values = FormValues::default()
        .with("username", &user.username)
        .with("first_name", user.first_name)
        .with("last_name", user.last_name)
        .with("email", user.email)
        .with_yes("is_active", user.is_active)
        .with_yes("is_staff", user.is_staff)
        .with_yes("is_superuser", user.is_superuser)
        .with_list("groups", groups.iter().map(ToString::to_string).collect())
        .with_list("user_permissions", rights);
    let values = moment::with(values, LAST_LOGIN, user.last_login);
    Record {
        id: user.id,
        title: user.username,
        values: moment::with(values, DATE_JOINED, Some(user.date_joined)),
    }
}

/// Fields that the form did not have stay as they are: the first step of a new user asks for the name alone.
fn save(conn: &mut DbConnection, id: Option<i64>, values: &FormValues) -> Result<i64, SaveError> {
    let Some(id) = id else {
        let values = values.with_defaults(MODEL.defaults());
        return Account::check(&values, None)
            .map_err(|errors| with_taken(conn, errors, None, &values))?
            .insert(conn);
    };
    let Some(stored) = User::find(conn, id).optional()? else {
        return Err(SaveError::Missing);
    };
    let before = load(conn, id)?.ok_or(SaveError::Missing)?.values;
    let values = values.with_defaults(before);
    let account = Account::check(&values, Some(&stored))
        .map_err(|errors| with_taken(conn, errors, Some(id), &values))?;
    let was_superuser = stored.is_active && stored.is_staff && stored.is_superuser;
    if was_superuser && !account.is_active_superuser() && !User::has_other_superuser(conn, id)? {
        return Err(SaveError::Invalid(vec![last_superuser()]));
    }
    if !User::update(conn, id, &account.user).map_err(refused)? {
        // Somebody was just deleting it.
        return Err(SaveError::Missing);
    }
    account.finish(conn, id)?;
    Ok(id)
}

fn last_superuser() -> FieldError {
    let message = "The last active superuser must stay an active superuser.";
    FieldError {
        field: "is_superuser",
        violation: Violation::Other(message),
    }
}

fn restore(conn: &mut DbConnection, rows: &[DeletedRow<'_>]) -> Result<(), SaveError> {
    for (id, values) in rows {
        let account = Account::check(&values.with_defaults(MODEL.defaults()), None)?;
        if User::find(conn, *id).optional()?.is_some() {
            return Err(SaveError::Invalid(vec![restored_already("username")]));
        }
        User::restore(conn, *id, &account.user).map_err(refused)?;
        account.finish(conn, *id)?;
    }
    Ok(())
}

fn choices(conn: &mut DbConnection, wanted: &ChoiceQuery<'_>) -> QueryResult<ChoicePage> {
    let choices = match wanted.field {
        "groups" => group_choices(conn)?,
        "user_permissions" => rights::known(conn)?,
        _ => Vec::new(),
    };
    Ok(ChoicePage::of(choices, wanted))
}

fn labels(conn: &mut DbConnection, field: &str, values: &[String]) -> QueryResult<Vec<Choice>> {
    match field {
        "groups" => Ok(named(Group::find_all(conn, &ids(values))?)),
        "user_permissions" => Ok(rights::labels(values)),
        _ => Ok(Vec::new()),
    }
}

fn group_choices(conn: &mut DbConnection) -> QueryResult<Vec<Choice>> {
    Ok(named(Group::all(conn)?))
}

fn named(groups: Vec<Group>) -> Vec<Choice> {
    let choice = |group: Group| Choice::new(group.id, group.name);
    groups.into_iter().map(choice).collect()
}

#[cfg(test)]
mod tests;
