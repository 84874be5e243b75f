//! Helpers shared by admin resources.

use diesel::QueryResult;

use crate::admin::{Choice, DeletedRow, FormValues, ListQuery, Record, SaveError};
use crate::connection::DbConnection;
use crate::validation::{FieldError, Violation};

/// Yes or no, as a column shows it.
#[must_use]
pub fn yes_or_no(yes: bool) -> String {
    if yes { "Yes" } else { "No" }.to_owned()
}

/// What a filter by yes or no offers.
#[must_use]
pub fn yes_and_no() -> Vec<Choice> {
    vec![Choice::new(1, "Yes"), Choice::new(0, "No")]
}

/// What such a filter was set to; `None` for what it never offered.
#[must_use]
pub fn flag(value: &str) -> Option<bool> {
    match value {
        "1" => Some(true),
        "0" => Some(false),
        _ => None,
    }
}

/// The filters of a list that are set, or `None` where one has a value that no row can have: NUL, which PostgreSQL
/// does not even compare with.
#[must_use]
pub fn set_filters(listing: &ListQuery) -> Option<Vec<(&'static str, &str)>> {
    if listing
        .filters
        .iter()
        .any(|(_, value)| value.contains('\0'))
    {
        return None;
    }
    let set = listing
        .filters
        .iter()
        .filter(|(_, value)| !value.is_empty());
    Some(
        set.map(|(parameter, value)| (*parameter, value.as_str()))
            .collect(),
    )
}

/// Two parts of a form: both, or every rule that is broken in either.
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

/// The broken rules of a row, with what the database would refuse of one more field as far as `look` finds it, so that
/// all is told at once. The database keeps the last word.
pub fn with_constraint_error(
    conn: &mut DbConnection,
    mut errors: Vec<FieldError>,
    field: &'static str,
    look: impl FnOnce(&mut DbConnection) -> QueryResult<Option<Violation>>,
) -> SaveError {
    if errors.iter().all(|error| error.field != field) {
        match look(conn) {
            Ok(violation) => {
                errors.extend(violation.map(|violation| FieldError { field, violation }))
            }
            Err(error) => return SaveError::Database(error),
        }
    }
    SaveError::Invalid(errors)
}

/// The rows of these ids, loaded one by one.
pub fn one_by_one(
    conn: &mut DbConnection,
    ids: &[i64],
    load: fn(&mut DbConnection, i64) -> QueryResult<Option<Record>>,
) -> QueryResult<Vec<Record>> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let objects = ids.into_iter().map(|id| load(conn, id).transpose());
    objects.flatten().collect()
}

/// What of rows may be stored, each with its id; or the rules that the first of them breaks which does not keep all.
pub fn validate_all<T>(
    rows: &[DeletedRow<'_>],
    check: impl Fn(&FormValues) -> Result<T, Vec<FieldError>>,
) -> Result<Vec<(i64, T)>, Vec<FieldError>> {
    rows.iter()
        .map(|(id, values)| Ok((*id, check(values)?)))
        .collect()
}

/// Why a row cannot be restored that is there: somebody was quicker.
#[must_use]
pub fn restored_already(field: &'static str) -> FieldError {
    let violation = Violation::Taken("Already restored.");
    FieldError { field, violation }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(value: &str) -> ListQuery {
        ListQuery {
            filters: vec![
                ("state__exact", value.to_owned()),
                ("city__exact", String::new()),
            ],
            ..ListQuery::default()
        }
    }

    #[test]
    fn a_filter_that_is_not_set_does_not_count_and_nul_matches_nothing() {
        assert_eq!(
            set_filters(&listing("CA")),
            Some(vec![("state__exact", "CA")])
        );
        assert_eq!(set_filters(&listing("")), Some(vec![]));
        assert_eq!(set_filters(&listing("C\0")), None);
    }

    #[test]
    fn what_a_filter_offers_is_understood_and_nothing_else() {
        let understood: Vec<_> = yes_and_no()
            .iter()
            .map(|choice| flag(&choice.value).map(yes_or_no) == Some(choice.label.clone()))
            .collect();

        assert_eq!(understood, [true, true]);
        assert_eq!((flag("True"), flag("2"), flag("")), (None, None, None));
    }
}
