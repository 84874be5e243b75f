//! Profiles, as staff see them.

mod list;

use diesel::prelude::*;
use oc_core::DbConnection;
use oc_core::admin::{Choice, Field, Filter, Kind, Model, Object, SaveError, Values, chosen_id};
use oc_core::description::{both, restored_already, yes_and_no};
use oc_core::rules::{BrokenRule, FieldError};
use oc_core::search::lower;

use crate::profile::{LONGEST_CITY, NewProfile, ProfileDraft};
use crate::public_path::public_path;
use crate::schema::{profiles, users};

/// The label of the user, in the form and in its errors.
const USER: &str = "User";

/// Profiles in the administration.
pub const PROFILE: Model = Model {
    app: "profiles",
    app_label: "Profiles",
    name: "profile",
    singular: "profile",
    plural: "profiles",
    columns: &["User", "Favorite city", "Email shown"],
    filters: &[Filter {
        parameter: "show_email__exact",
        label: "Email shown",
        choices: |_| Ok(yes_and_no()),
    }],
    searched: "username, first name, last name, favorite city",
    fields: &[
        Field {
            name: "user",
            label: USER,
            section: "",
            kind: Kind::Choice {
                of: Some(("auth", "user")),
            },
            help: "Only users without a profile can be chosen.",
        },
        Field {
            name: "favorite_city",
            label: "Favorite city",
            section: "",
            kind: Kind::Text {
                min: 0,
                max: LONGEST_CITY,
            },
            help: "",
        },
        Field {
            name: "show_email",
            label: "Show email",
            section: "",
            kind: Kind::Bool,
            help: "Everybody can see the email address of the user then.",
        },
    ],
    public_path: Some(|object| public_path(&object.title)),
    list: list::list,
    load,
    save,
    restore,
    delete,
    // The user stays.
    along: |_, _| Ok(Vec::new()),
    choices,
};

fn load(conn: &mut DbConnection, id: i64) -> QueryResult<Option<Object>> {
    let row: Option<(String, i64, String, bool)> = profiles::table
        .inner_join(users::table)
        .filter(profiles::id.eq(id))
        .select((
            users::username,
            profiles::user_id,
            profiles::favorite_city,
            profiles::show_email,
        ))
        .first(conn)
        .optional()?;
    Ok(
        row.map(|(username, user_id, favorite_city, show_email)| Object {
            id,
            title: username,
            values: Values::default()
                .with("user", user_id.to_string())
                .with("favorite_city", favorite_city)
                .with_yes("show_email", show_email),
        }),
    )
}

fn save(conn: &mut DbConnection, id: Option<i64>, values: &Values) -> Result<i64, SaveError> {
    let profile = check(values)?;
    let Some(id) = id else {
        return profile.insert(conn).map_err(refused);
    };
    if profile.update(conn, id).map_err(refused)? {
        Ok(id)
    } else {
        Err(SaveError::Missing)
    }
}

fn restore(conn: &mut DbConnection, id: i64, values: &Values) -> Result<(), SaveError> {
    let profile = check(values)?;
    if load(conn, id)?.is_some() {
        return Err(SaveError::Invalid(vec![restored_already("user")]));
    }
    profile.restore(conn, id).map_err(refused)
}

fn delete(conn: &mut DbConnection, id: i64) -> QueryResult<()> {
    diesel::delete(profiles::table.find(id)).execute(conn)?;
    Ok(())
}

/// Every user without a profile, and that of the profile given.
fn choices(conn: &mut DbConnection, field: &str, id: Option<i64>) -> QueryResult<Vec<Choice>> {
    if field != "user" {
        return Ok(Vec::new());
    }
    let free: Vec<(i64, String)> = users::table
        .left_join(profiles::table)
        .filter(profiles::id.is_null().or(profiles::id.nullable().eq(id)))
        .order((lower(users::username), users::id))
        .select((users::id, users::username))
        .load(conn)?;
    let choice = |(id, username): (i64, String)| Choice::new(id, username);
    Ok(free.into_iter().map(choice).collect())
}

fn check(values: &Values) -> Result<NewProfile, Vec<FieldError>> {
    let user = chosen_id(values, "user", USER);
    let draft = ProfileDraft {
        user_id: user.as_ref().copied().unwrap_or_default(),
        favorite_city: values.text("favorite_city").to_owned(),
        show_email: values.is_yes("show_email"),
    };
    let (_, profile) = both(user.map_err(|error| vec![error]), draft.check())?;
    Ok(profile)
}

fn refused(error: diesel::result::Error) -> SaveError {
    let of_user = |rule| FieldError {
        field: "user",
        rule,
    };
    SaveError::of(
        error,
        of_user(BrokenRule::Taken("Another profile already has this user.")),
        Some(of_user(BrokenRule::Choice { label: USER })),
    )
}

#[cfg(test)]
mod tests;
