//! Helpers shared by admin resources.

use diesel::QueryResult;

use crate::admin::{DeletedRow, FormValues, SaveError};
use crate::connection::DbConnection;
use crate::validation::{FieldError, Violation};

/// A value as text; empty if there is none.
pub fn text_or_empty(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// “Yes” or “No”, for a list column.
pub fn yes_or_no(yes: bool) -> String {
    if yes { "Yes" } else { "No" }.to_owned()
}

/// Value of a boolean filter; `None` if it is not one of the choices.
pub fn parse_flag(value: &str) -> Option<bool> {
    match value {
        "1" => Some(true),
        "0" => Some(false),
        _ => None,
    }
}

/// Combines two parts of a form: both values, or the errors of both.
pub fn combine<A, B>(
    first: Result<A, Vec<FieldError>>,
    second: Result<B, Vec<FieldError>>,
) -> Result<(A, B), Vec<FieldError>> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (first, second) => {
            let errors = [first.err(), second.err()];
            Err(errors.into_iter().flatten().flatten().collect())
        }
    }
}

/// Adds an error that only the database would report, found by `look`, so that all errors are shown together. The
/// database has the last word.
pub fn with_constraint_error(
    conn: &mut DbConnection,
    mut errors: Vec<FieldError>,
    field: &'static str,
    look: impl FnOnce(&mut DbConnection) -> QueryResult<Option<Violation>>,
) -> SaveError {
    if errors.iter().all(|error| error.field != field) {
        match look(conn) {
            Ok(found) => errors.extend(found.map(|found| FieldError::new(field, found))),
            Err(error) => return SaveError::Database(error),
        }
    }
    SaveError::Invalid(errors)
}

/// Validates several rows: all of them with their ids, or the errors of the first invalid one.
pub fn validate_all<T>(
    rows: &[DeletedRow<'_>],
    check: impl Fn(&FormValues) -> Result<T, Vec<FieldError>>,
) -> Result<Vec<(i64, T)>, Vec<FieldError>> {
    rows.iter()
        .map(|(id, values)| Ok((*id, check(values)?)))
        .collect()
}
