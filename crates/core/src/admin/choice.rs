//! Choices of a form field.

use crate::admin::FormValues;
use crate::search::SearchTerms;

/// Something that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What staff read.
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

/// Which choices of a field are wanted.
#[derive(Debug, Clone)]
pub struct ChoiceQuery<'a> {
    /// The field's name.
    pub field: &'a str,
    /// The row whose form it is, if it is stored: what it has now is among the choices.
    pub row: Option<i64>,
    /// All of these must be found.
    pub terms: SearchTerms,
    /// How many to give at the most.
    pub limit: i64,
}

impl<'a> ChoiceQuery<'a> {
    /// The first `limit` choices of a field, whatever they are called.
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
    /// As many as were wanted, in order.
    pub choices: Vec<Choice>,
    /// How many there are.
    pub found: i64,
}

impl ChoicePage {
    /// Of choices that are few enough to be at hand, those that are wanted.
    #[must_use]
    pub fn of(mut choices: Vec<Choice>, wanted: &ChoiceQuery<'_>) -> Self {
        choices.retain(|choice| wanted.terms.are_in(&choice.label));
        let found = i64::try_from(choices.len()).unwrap_or(i64::MAX);
        choices.truncate(usize::try_from(wanted.limit).unwrap_or(0));
        Self { choices, found }
    }
}

/// The ids among values; what is no id is the id of nothing.
#[must_use]
pub fn ids(values: &[String]) -> Vec<i64> {
    let ids = values.iter().filter_map(|value| value.trim().parse().ok());
    ids.collect()
}

/// The id that a field of kind [`crate::admin::FieldKind::Choice`] holds, if it is one.
#[must_use]
pub fn id_in(values: &FormValues, field: &str) -> Option<i64> {
    values.text(field).trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_choices_at_hand_those_with_all_words_are_offered() {
        let choices = ["Beach Road", "beach lane", "Pier Road"].map(|label| Choice::new(1, label));
        let offer = |words: &str, limit| {
            let wanted = ChoiceQuery {
                terms: SearchTerms::parse(words),
                ..ChoiceQuery::first("address", None, limit)
            };
            ChoicePage::of(choices.to_vec(), &wanted)
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
    fn what_is_no_id_is_left_out() {
        let values = [" 7 ", "x", "", "99999999999999999999"].map(str::to_owned);

        assert_eq!(ids(&values), [7]);
        assert_eq!(
            id_in(&FormValues::default().with("user", " 7"), "user"),
            Some(7)
        );
    }
}
