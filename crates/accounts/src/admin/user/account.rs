//! Validation of the user form.

use std::collections::BTreeSet;

use chrono::Utc;
use diesel::OptionalExtension;
use oc_core::DbConnection;
use oc_core::admin::{FormValues, SaveError, combine, with_constraint_error};
use oc_core::validation::{Checker, FieldError, Violation};

use crate::admin::{moment, rights};
use crate::{NewUser, Standing, User, UserDraft};

use super::{DATE_JOINED, GROUPS, JOINED, LAST_LOGIN, RIGHTS};

/// Everything about an account that a form can say, and that keeps the rules.
pub(super) struct Account {
    pub(super) user: NewUser,
    standing: Standing,
    groups: Vec<i64>,
    rights: Vec<String>,
}

impl Account {
    /// Checks every rule; `stored` is the account that is changed, if it is not a new one.
    pub(super) fn check(
        values: &FormValues,
        stored: Option<&User>,
    ) -> Result<Self, Vec<FieldError>> {
        let draft = UserDraft {
            username: values.text("username").to_owned(),
            first_name: values.text("first_name").to_owned(),
            last_name: values.text("last_name").to_owned(),
            email: values.text("email").to_owned(),
        };
        let chosen = combine(
            chosen_groups(values),
            rights::chosen(values, "user_permissions", RIGHTS),
        );
        let rest = combine(chosen, standing(values, stored));
        let (user, ((groups, rights), standing)) = combine(draft.check(), rest)?;
        Ok(Self {
            user,
            standing,
            groups,
            rights,
        })
    }

    /// Whether the account is an active superuser with staff status.
    pub(super) fn is_active_superuser(&self) -> bool {
        self.standing.is_active && self.standing.is_staff && self.standing.is_superuser
    }

    /// Inserts an account and returns its id.
    pub(super) fn insert(&self, conn: &mut DbConnection) -> Result<i64, SaveError> {
        let id = User::insert_with(conn, &self.user, &self.standing).map_err(refused)?;
        // Most new accounts have neither.
        if !self.rights.is_empty() {
            User::set_rights(conn, id, &self.rights)?;
        }
        if !self.groups.is_empty() {
            User::set_groups(conn, id, &self.groups).map_err(refused)?;
        }
        Ok(id)
    }

    /// Stores what stands beside the names.
    pub(super) fn finish(&self, conn: &mut DbConnection, id: i64) -> Result<(), SaveError> {
        User::set_standing(conn, id, &self.standing)?;
        User::set_rights(conn, id, &self.rights)?;
        User::set_groups(conn, id, &self.groups).map_err(refused)
    }
}

fn chosen_groups(values: &FormValues) -> Result<Vec<i64>, Vec<FieldError>> {
    let ids = values.list("groups").iter().filter(|id| !id.is_empty());
    let ids: Result<BTreeSet<i64>, _> = ids.map(|id| id.parse()).collect();
    ids.map(|ids| ids.into_iter().collect())
        .map_err(|_| vec![no_such_group()])
}

/// A new account has been there since now, if nobody says otherwise.
fn standing(values: &FormValues, stored: Option<&User>) -> Result<Standing, Vec<FieldError>> {
    let mut checker = Checker::default();
    let last_login = stored.and_then(|user| user.last_login);
    let last_login = moment::typed(&mut checker, values, LAST_LOGIN, last_login);
    let joined = stored.map(|user| user.date_joined);
    let typed = DATE_JOINED
        .iter()
        .any(|part| !values.text(part).trim().is_empty());
    let date_joined = moment::typed(&mut checker, values, DATE_JOINED, joined);
    if !typed && stored.is_some() {
        checker.refuse(DATE_JOINED[0], Violation::Required { label: JOINED });
    }
    checker.finish(Standing {
        is_active: values.is_yes("is_active"),
        is_staff: values.is_yes("is_staff"),
        is_superuser: values.is_yes("is_superuser"),
        last_login,
        date_joined: date_joined.unwrap_or_else(|| Utc::now().naive_utc()),
    })
}

fn no_such_group() -> FieldError {
    FieldError {
        field: "groups",
        violation: Violation::Choice { label: GROUPS },
    }
}

const TAKEN: Violation = Violation::Taken("That username is already taken.");

/// These errors, and that another account has the name, if it has.
pub(super) fn with_taken(
    conn: &mut DbConnection,
    errors: Vec<FieldError>,
    own: Option<i64>,
    values: &FormValues,
) -> SaveError {
    with_constraint_error(conn, errors, "username", |conn| {
        let draft = UserDraft {
            username: values.text("username").to_owned(),
            ..UserDraft::default()
        };
        let Ok(user) = draft.check() else {
            return Ok(None);
        };
        let holder = User::find_by_username(conn, user.username()).optional()?;
        Ok(holder.filter(|user| Some(user.id) != own).map(|_| TAKEN))
    })
}

/// What a refusal of the database means for the form.
pub(super) fn refused(error: diesel::result::Error) -> SaveError {
    let taken = FieldError {
        field: "username",
        violation: TAKEN,
    };
    SaveError::of(error, taken, Some(no_such_group()))
}
