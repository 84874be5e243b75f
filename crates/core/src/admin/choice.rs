//! Choices of a form field.

use crate::admin::FormValues;
use crate::search::SearchTerms;

/// A choice of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Submitted value.
    pub value: String,
    /// Label.
    pub label: String,
}

impl Choice {
    /// A choice of a row.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "ids and texts alike, as they come"
    )]
    pub fn new(value: impl ToString, label: impl Into<String>) -> Self {
        Self {
            value: value.to_string(),
            label: label.into(),
        }
    }
}

/// Query for the choices of a field.
#[derive(Debug, Clone)]
pub struct ChoiceQuery<'a> {
    /// The field's name.
    pub field: &'a str,
    /// The row being edited, if it is stored; its current value is among the choices.
    pub row: Option<i64>,
    /// Search terms; all must match.
    pub terms: SearchTerms,
    /// Maximum number of choices.
    pub limit: i64,
}

impl<'a> ChoiceQuery<'a> {
    /// The first `limit` choices of a field, without a search.
    pub fn first(field: &'a str, row: Option<i64>, limit: i64) -> Self {
        Self {
            field,
            row,
            terms: SearchTerms::default(),
            limit,
        }
    }
}

/// Choices of a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChoicePage {
    /// The matching choices, in order, at most `limit`.
    pub choices: Vec<Choice>,
    /// Number of matching choices.
    pub found: i64,
}

/// Parses values as ids; skips invalid ones.
pub fn ids(values: &[String]) -> Vec<i64> {
    let ids = values.iter().filter_map(|value| value.trim().parse().ok());
    ids.collect()
}

/// The id in a field of kind [`crate::admin::FieldKind::Choice`], if it is valid.
pub fn id_in(values: &FormValues, field: &str) -> Option<i64> {
    values.text(field).trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_ids_are_skipped() {
        let values = [" 7 ", "x", "", "99999999999999999999"].map(str::to_owned);

        assert_eq!(ids(&values), [7]);
        assert_eq!(
            id_in(&FormValues::default().with("user", " 7"), "user"),
            Some(7)
        );
    }
}
