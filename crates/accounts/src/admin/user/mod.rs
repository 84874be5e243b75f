//! Admin resource of users. Passwords are set on separate pages.

mod form;
mod list;

use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::admin::{
    Choice, DeletedRow, Field, FieldKind, Filter, FormValues, Record, Reference, Resource,
    SaveError,
};
use oc_core::validation::{FieldError, Violation};

use crate::new_user::{LONGEST_EMAIL, LONGEST_NAME};
use crate::{Group, User};

use super::permissions::{APP, APP_LABEL};
use form::{
    DATE_JOINED, GROUPS, JOINED, LAST_LOGIN, PERMISSIONS, UserForm, with_datetime, with_taken,
};

const PERSONAL: &str = "Personal info";
const ACCESS: &str = "Permissions";
const DATES: &str = "Dates";

/// Admin resource of users.
pub const USER: Resource = Resource {
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
        Filter::yes_no("is_staff__exact", "Staff status"),
        Filter::yes_no("is_superuser__exact", "Superuser status"),
        Filter::yes_no("is_active__exact", "Active"),
        Filter {
            parameter: "groups__id__exact",
            label: GROUPS,
            choices: group_choices,
        },
    ],
    search_hint: "username, first name, last name, email address",
    fields: &[
        Field::text("username", "Username", 1, LONGEST_NAME)
            .help("150 characters or fewer: letters, digits and @ . + - _"),
        Field::text("first_name", "First name", 0, LONGEST_NAME).section(PERSONAL),
        Field::text("last_name", "Last name", 0, LONGEST_NAME).section(PERSONAL),
        Field::new(
            "email",
            "Email address",
            FieldKind::Email { max: LONGEST_EMAIL },
        )
        .section(PERSONAL),
        Field::new("is_active", "Active", FieldKind::Boolean)
            .section(ACCESS)
            .help("Clear this instead of deleting the account.")
            .bulk_edit()
            .default("on"),
        Field::new("is_staff", "Staff status", FieldKind::Boolean)
            .section(ACCESS)
            .help("Can log in to the administration.")
            .bulk_edit(),
        Field::new("is_superuser", "Superuser status", FieldKind::Boolean)
            .section(ACCESS)
            .help("Has all permissions."),
        Field::new("groups", GROUPS, FieldKind::MultipleChoice(APP, "group"))
            .section(ACCESS)
            .help("A user gets all permissions of their groups."),
        Field::new("user_permissions", PERMISSIONS, FieldKind::Permissions).section(ACCESS),
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
    images: None,
    gallery: None,
    references: &[Reference::many_to_many(
        "auth.group",
        "user_groups",
        "user_id",
        "group_id",
    )],
    save_as: false,
    actions: &[],
    export_note: "Passwords are not included: set one on the page of each new user.",
    public_page: None,
    list: list::list,
    load_all,
    save,
    restore,
    delete: User::delete,
    choices: None,
    labels: None,
};

/// Why the last active superuser can't be demoted, deactivated or deleted.
pub(super) const LAST_SUPERUSER: &str = "The last active superuser must stay an active superuser.";

fn load_all(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Record>> {
    let groups = User::groups_of(conn, ids)?;
    let codes = User::permissions_of(conn, ids)?;
    let users = User::find_all(conn, ids)?.into_iter().map(|user| {
        let groups = groups.iter().filter(|(id, _)| *id == user.id);
        let codes = codes.iter().filter(|(id, _)| *id == user.id);
        let groups = groups.map(|(_, group)| group.to_string()).collect();
        let codes = codes.map(|(_, code)| code.clone()).collect();
        record(user, groups, codes)
    });
    Ok(users.collect())
}

fn record(user: User, groups: Vec<String>, codes: Vec<String>) -> Record {
    let values = FormValues::default()
        .with("username", &user.username)
        .with("first_name", user.first_name)
        .with("last_name", user.last_name)
        .with("email", user.email)
        .with_yes("is_active", user.is_active)
        .with_yes("is_staff", user.is_staff)
        .with_yes("is_superuser", user.is_superuser)
        .with_list("groups", groups)
        .with_list("user_permissions", codes);
    let values = with_datetime(values, LAST_LOGIN, user.last_login);
    Record {
        id: user.id,
        title: user.username,
        values: with_datetime(values, DATE_JOINED, Some(user.date_joined)),
    }
}

/// Fields that the form doesn't have stay unchanged: the first step of a new user has the username only.
fn save(conn: &mut DbConnection, id: Option<i64>, values: &FormValues) -> Result<i64, SaveError> {
    let Some(id) = id else {
        let values = values.with_defaults(USER.defaults());
        return UserForm::check(&values, None)
            .map_err(|errors| with_taken(conn, errors, None, &values))?
            .insert(conn, None);
    };
    let (Some(stored), Some(before)) = (User::find(conn, id).optional()?, USER.load(conn, id)?)
    else {
        return Err(SaveError::Missing);
    };
    let values = values.with_defaults(before.values);
    let form = UserForm::check(&values, Some(&stored))
        .map_err(|errors| with_taken(conn, errors, Some(id), &values))?;
    if !form.status.is_active_superuser() && User::are_last_superusers(conn, &[id])? {
        let last = FieldError::new("is_superuser", Violation::Other(LAST_SUPERUSER));
        return Err(vec![last].into());
    }
    form.update(conn, id)?;
    Ok(id)
}

fn restore(conn: &mut DbConnection, rows: &[DeletedRow<'_>]) -> Result<(), SaveError> {
    for (id, values) in rows {
        let form = UserForm::check(&values.with_defaults(USER.defaults()), None)?;
        form.insert(conn, Some(*id))?;
    }
    Ok(())
}

fn group_choices(conn: &mut DbConnection) -> QueryResult<Vec<Choice>> {
    let groups = Group::all(conn)?.into_iter();
    Ok(groups.map(|it| Choice::new(it.id, it.name)).collect())
}

#[cfg(test)]
mod tests;
