//! Validation of the user form.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use diesel::OptionalExtension;
use oc_core::DbConnection;
use oc_core::admin::{FormValues, SaveError, combine, with_constraint_error};
use oc_core::validation::{Checker, FieldError, Violation};

use crate::admin::permissions;
use crate::{AccountStatus, NewUser, User, UserDraft};

/// Labels that the form and its errors share.
pub(super) const GROUPS: &str = "Groups";
pub(super) const PERMISSIONS: &str = "User permissions";
pub(super) const JOINED: &str = "Date joined";

pub(super) const LAST_LOGIN: FieldPair = ["last_login_0", "last_login_1"];
pub(super) const DATE_JOINED: FieldPair = ["date_joined_0", "date_joined_1"];

/// The valid content of the form.
pub(super) struct UserForm {
    pub(super) user: NewUser,
    pub(super) status: AccountStatus,
    groups: Vec<i64>,
    permissions: Vec<String>,
}

impl UserForm {
    /// Validates the form; `stored` is the user that is changed.
    pub(super) fn check(
        values: &FormValues,
        stored: Option<&User>,
    ) -> Result<Self, Vec<FieldError>> {
        let text = |name| values.text(name).to_owned();
        let draft = UserDraft {
            username: text("username"),
            first_name: text("first_name"),
            last_name: text("last_name"),
            email: text("email"),
        };
        let access = combine(
            groups(values),
            permissions::parse(values, "user_permissions", PERMISSIONS),
        );
        let rest = combine(access, status(values, stored));
        let (user, ((groups, permissions), status)) = combine(draft.check(), rest)?;
        Ok(Self {
            user,
            status,
            groups,
            permissions,
        })
    }

    /// Inserts the user, under an old id if given, and returns its id.
    pub(super) fn insert(
        &self,
        conn: &mut DbConnection,
        id: Option<i64>,
    ) -> Result<i64, SaveError> {
        let id = User::insert_with_status(conn, id, &self.user, &self.status)
            .map_err(constraint_error)?;
        self.set_access(conn, id)?;
        Ok(id)
    }

    /// Updates the user.
    pub(super) fn update(&self, conn: &mut DbConnection, id: i64) -> Result<(), SaveError> {
        if !User::update(conn, id, &self.user, &self.status).map_err(constraint_error)? {
            // Deleted in the meantime.
            return Err(SaveError::Missing);
        }
        self.set_access(conn, id)
    }

    fn set_access(&self, conn: &mut DbConnection, id: i64) -> Result<(), SaveError> {
        User::set_permissions(conn, id, &self.permissions)?;
        User::set_groups(conn, id, &self.groups).map_err(constraint_error)
    }
}

fn groups(values: &FormValues) -> Result<Vec<i64>, Vec<FieldError>> {
    let ids = values.list("groups").iter().filter(|id| !id.is_empty());
    let ids: Result<BTreeSet<i64>, _> = ids.map(|id| id.parse()).collect();
    ids.map(|ids| ids.into_iter().collect())
        .map_err(|_| vec![unknown_group()])
}

fn status(values: &FormValues, stored: Option<&User>) -> Result<AccountStatus, Vec<FieldError>> {
    let mut checker = Checker::default();
    let last_login = stored.and_then(|user| user.last_login);
    let last_login = parse_datetime(&mut checker, values, LAST_LOGIN, last_login);
    let joined = stored.map(|user| user.date_joined);
    let is_empty = |field: &&str| values.text(field).trim().is_empty();
    if stored.is_some() && DATE_JOINED.iter().all(is_empty) {
        checker.reject(DATE_JOINED[0], Violation::Required { label: JOINED });
    }
    let joined = parse_datetime(&mut checker, values, DATE_JOINED, joined);
    checker.finish(AccountStatus {
        is_active: values.is_yes("is_active"),
        is_staff: values.is_yes("is_staff"),
        is_superuser: values.is_yes("is_superuser"),
        last_login,
        date_joined: joined.unwrap_or_else(|| Utc::now().naive_utc()),
    })
}

/// The two form fields of a date and time (UTC).
pub(super) type FieldPair = [&'static str; 2];

/// Adds a date and time, each empty if there is none.
pub(super) fn with_datetime(
    values: FormValues,
    [date, time]: FieldPair,
    datetime: Option<NaiveDateTime>,
) -> FormValues {
    let format = |format| datetime.map_or_else(String::new, |at| at.format(format).to_string());
    values
        .with(date, format("%Y-%m-%d"))
        .with(time, format("%H:%M:%S"))
}

/// The date and time in a form, if any. The form has no fractions of a second, so an unchanged time keeps the stored
/// ones.
fn parse_datetime(
    checker: &mut Checker,
    values: &FormValues,
    [date_field, time_field]: FieldPair,
    stored: Option<NaiveDateTime>,
) -> Option<NaiveDateTime> {
    let [date, time] = [date_field, time_field].map(|field| values.text(field).trim());
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok();
    let date = date.filter(|date| (1..=9999).contains(&date.year()));
    if date.is_none() {
        checker.reject(date_field, Violation::Date);
    }
    let time = NaiveTime::parse_from_str(time, "%H:%M:%S")
        .or_else(|_| NaiveTime::parse_from_str(time, "%H:%M"));
    // Leap seconds, written as second 60, can't be stored.
    let time = time.ok().filter(|time| time.nanosecond() == 0);
    if time.is_none() {
        checker.reject(time_field, Violation::Time);
    }
    let datetime = date?.and_time(time?);
    let unchanged = stored.filter(|stored| stored.with_nanosecond(0) == Some(datetime));
    unchanged.or(Some(datetime))
}

fn unknown_group() -> FieldError {
    FieldError::new("groups", Violation::Choice { label: GROUPS })
}

const TAKEN: Violation = Violation::Taken("That username is already taken.");

/// Adds to the errors that the username is taken, if it is.
pub(super) fn with_taken(
    conn: &mut DbConnection,
    errors: Vec<FieldError>,
    id: Option<i64>,
    values: &FormValues,
) -> SaveError {
    with_constraint_error(conn, errors, "username", |conn| {
        let other = User::find_by_username(conn, values.text("username")).optional()?;
        Ok(other.filter(|other| Some(other.id) != id).map(|_| TAKEN))
    })
}

fn constraint_error(error: diesel::result::Error) -> SaveError {
    let taken = FieldError::new("username", TAKEN);
    SaveError::from_constraint(error, Some(taken), Some(unknown_group()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: FieldPair = ["last_login_0", "last_login_1"];

    fn read(date: &str, time: &str) -> Result<Option<String>, Vec<String>> {
        let values = FormValues::default()
            .with(PARTS[0], date)
            .with(PARTS[1], time);
        let mut checker = Checker::default();
        let moment = parse_datetime(&mut checker, &values, PARTS, None);
        checker
            .finish(moment.map(|moment| moment.to_string()))
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn seconds_are_optional_and_both_fields_may_be_empty() {
        let moment = |text: &str| Ok(Some(text.to_owned()));

        assert_eq!(read("2026-03-01", "09:30"), moment("2026-03-01 09:30:00"));
        assert_eq!(
            read(" 2026-03-01 ", "09:30:59"),
            moment("2026-03-01 09:30:59")
        );
        assert_eq!(read(" ", ""), Ok(None));
    }

    #[test]
    fn each_invalid_part_is_reported() {
        for date in "|2026-02-30|1.3.2026|12026-01-01|-1-01-01|2026-03-01\0".split('|') {
            assert_eq!(
                read(date, "09:30"),
                Err(vec!["Enter a valid date.".to_owned()]),
                "{date}"
            );
        }
        for time in "|25:00|9|23:59:60|09:30:00.5|noon|09:30\0".split('|') {
            assert_eq!(
                read("2026-03-01", time),
                Err(vec!["Enter a valid time.".to_owned()]),
                "{time}"
            );
        }
        assert_eq!(read("x", "y").map_err(|errors| errors.len()), Err(2));
    }

    #[test]
    fn fractions_of_a_second_survive_a_form() {
        let stored =
            NaiveDate::from_ymd_opt(2026, 3, 1).and_then(|d| d.and_hms_milli_opt(9, 30, 59, 7));
        let values = with_datetime(FormValues::default(), PARTS, stored);
        let mut checker = Checker::default();

        assert_eq!(values.text("last_login_1"), "09:30:59");
        assert_eq!(parse_datetime(&mut checker, &values, PARTS, stored), stored);
        assert_ne!(parse_datetime(&mut checker, &values, PARTS, None), stored);
    }
}
