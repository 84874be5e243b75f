//! Admin resource of profiles.

mod list;

use diesel::dsl::{IntoBoxed, LeftJoin};
use diesel::prelude::*;
use oc_core::admin::{
    Choice, ChoicePage, ChoiceQuery, DeletedRow, Field, FieldKind, Filter, FormValues, OnDelete,
    PublicPage, Record, Reference, Resource, SaveError, combine, required_id, validate_all,
    with_constraint_error,
};
use oc_core::search::{fold, lower};
use oc_core::validation::{FieldError, Violation};
use oc_core::{Backend, DbConnection};

use crate::profile::{LONGEST_CITY, NewProfile, ProfileDraft};
use crate::public_path::public_path;
use crate::schema::{profiles, users};

/// Label of the user, in the form and in errors.
const USER: &str = "User";

/// Admin resource of profiles.
pub const PROFILE: Resource = Resource {
    app: "profiles",
    app_label: "Profiles",
    name: "profile",
    table: "profiles",
    singular: "profile",
    plural: "profiles",
    columns: &["User", "Favorite city", "Email shown"],
    filters: &[Filter::yes_no("show_email__exact", "Email shown")],
    search_hint: "username, first name, last name, favorite city",
    fields: &[
        Field::new("user", USER, FieldKind::Choice("auth", "user"))
            .help("Only users without a profile can be chosen."),
        Field::text("favorite_city", "Favorite city", 0, LONGEST_CITY).bulk_edit(),
        Field::new("show_email", "Show email", FieldKind::Boolean)
            .help("Show the email address on the public profile.")
            .bulk_edit(),
    ],
    inlines: &[],
    images: None,
    gallery: None,
    references: &[Reference::new(
        "auth.user",
        "profiles",
        "user_id",
        OnDelete::Cascade,
    )],
    save_as: false,
    actions: &[],
    export_note: "",
    public_page: Some(PublicPage {
        path: |object| Some(public_path(&object.title)),
        has_preview: false,
        missing: |_, _| Ok(Vec::new()),
    }),
    list: list::list,
    load_all,
    save,
    restore,
    delete,
    choices: Some(choices),
    labels: None,
};

fn load_all(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<Record>> {
    let rows: Vec<(i64, String, NewProfile)> = profiles::table
        .inner_join(users::table)
        .filter(profiles::id.eq_any(ids.to_vec()))
        .order(profiles::id)
        .select((profiles::id, users::username, NewProfile::as_select()))
        .load(conn)?;
    let object = |(id, title, profile): (i64, String, NewProfile)| Record {
        id,
        title,
        values: FormValues::default()
            .with("user", profile.user_id.to_string())
            .with("favorite_city", profile.favorite_city)
            .with_yes("show_email", profile.show_email),
    };
    Ok(rows.into_iter().map(object).collect())
}

fn save(conn: &mut DbConnection, id: Option<i64>, values: &FormValues) -> Result<i64, SaveError> {
    let profile = check(values).map_err(|errors| {
        with_constraint_error(conn, errors, "user", |conn| refusal(conn, id, values))
    })?;
    let Some(id) = id else {
        return profile.insert(conn).map_err(refused);
    };
    if profile.update(conn, id).map_err(refused)? {
        Ok(id)
    } else {
        Err(SaveError::Missing)
    }
}

fn restore(conn: &mut DbConnection, rows: &[DeletedRow<'_>]) -> Result<(), SaveError> {
    let profiles = validate_all(rows, check)?;
    NewProfile::restore(conn, profiles).map_err(refused)
}

fn delete(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<()> {
    diesel::delete(profiles::table.filter(profiles::id.eq_any(ids.to_vec()))).execute(conn)?;
    Ok(())
}

/// Users without a profile, and the given profile's own.
fn choices(conn: &mut DbConnection, wanted: &ChoiceQuery<'_>) -> QueryResult<ChoicePage> {
    let free = without_profile(wanted)
        .order((lower(users::username), users::id))
        .limit(wanted.limit.max(0))
        .select((users::id, users::username))
        .load::<(i64, String)>(conn)?
        .into_iter();
    Ok(ChoicePage {
        choices: free
            .map(|(id, username)| Choice::new(id, username))
            .collect(),
        found: without_profile(wanted).count().get_result(conn)?,
    })
}

type Joined<'a> = IntoBoxed<'a, LeftJoin<users::table, profiles::table>, Backend>;

fn without_profile<'a>(wanted: &ChoiceQuery<'_>) -> Joined<'a> {
    let mut query = users::table
        .left_join(profiles::table)
        .filter(
            profiles::id
                .is_null()
                .or(profiles::id.nullable().eq(wanted.row)),
        )
        .into_boxed::<Backend>();
    for pattern in wanted.terms.patterns() {
        query = query.filter(fold(users::username).like(pattern).escape('\\'));
    }
    query
}

fn check(values: &FormValues) -> Result<NewProfile, Vec<FieldError>> {
    let user = required_id(values, "user", USER);
    let draft = ProfileDraft {
        user_id: user.as_ref().copied().unwrap_or_default(),
        favorite_city: values.text("favorite_city").to_owned(),
        show_email: values.is_yes("show_email"),
    };
    let (_, profile) = combine(user, draft.check())?;
    Ok(profile)
}

const TAKEN: Violation = Violation::Taken("Another profile already has this user.");
const GONE: Violation = Violation::Choice { label: USER };

/// Why the database would reject the user, if it would.
fn refusal(
    conn: &mut DbConnection,
    own: Option<i64>,
    values: &FormValues,
) -> QueryResult<Option<Violation>> {
    let Ok(user) = required_id(values, "user", USER) else {
        return Ok(None);
    };
    let users = users::table.find(user).select(users::id);
    if users.first::<i64>(conn).optional()?.is_none() {
        return Ok(Some(GONE));
    }
    let holder = profiles::table.filter(profiles::user_id.eq(user));
    let holder: Option<i64> = holder.select(profiles::id).first(conn).optional()?;
    Ok(holder.filter(|id| Some(*id) != own).map(|_| TAKEN))
}

fn refused(error: diesel::result::Error) -> SaveError {
    let of_user = |violation| FieldError::new("user", violation);
    SaveError::from_constraint(error, Some(of_user(TAKEN)), Some(of_user(GONE)))
}

#[cfg(test)]
mod tests;
