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
    #[must_use]
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
    #[must_use]
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

impl ChoicePage {
    /// Filters a list of choices that is small enough to load completely.
    #[must_use]
    pub fn from_all(mut choices: Vec<Choice>, wanted: &ChoiceQuery<'_>) -> Self {
        choices.retain(|choice| wanted.terms.are_in(&choice.label));
        let found = i64::try_from(choices.len()).unwrap_or(i64::MAX);
        choices.truncate(usize::try_from(wanted.limit).unwrap_or(0));
        Self { choices, found }
    }
}

/// Parses values as ids; skips invalid ones.
#[must_use]
pub fn ids(values: &[String]) -> Vec<i64> {
    let ids = values.iter().filter_map(|value| value.trim().parse().ok());
    ids.collect()
}

/// The id in a field of kind [`crate::admin::FieldKind::Choice`], if it is valid.
#[must_use]
pub fn id_in(values: &FormValues, field: &str) -> Option<i64> {
    values.text(field).trim().parse().ok()
}

/// Choices of a boolean filter.
#[must_use]
pub fn yes_no_choices() -> Vec<Choice> {
    vec![Choice::new(1, "Yes"), Choice::new(0, "No")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_that_match_all_terms_are_offered() {
        let choices = ["Beach Road", "beach lane", "Pier Road"].map(|label| Choice::new(1, label));
        let offer = |words: &str, limit| {
            let wanted = ChoiceQuery {
                terms: SearchTerms::parse(words),
                ..ChoiceQuery::first("address", None, limit)
            };
            ChoicePage::from_all(choices.to_vec(), &wanted)
        };

        assert_eq!(
            (offer("BEACH", 1).choices.len(), offer("BEACH", 1).found),
            (1, 2)
        );
        assert_eq!(offer("road beach", 9).choices[0].label, "Beach Road");
        assert_eq!(offer("", 9).found, 3);
        assert_eq!(offer("", -1).choices, []);
    }

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
