//! The choices that a form shows: all where they are few, else what a search finds.

use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{Choice, ChoicePage, ChoiceQuery, FieldKind, FormValues, Resource};
use oc_core::search::SearchTerms;

use crate::admin::form::definition::BoundField;
use crate::admin::registry;
use crate::admin::ui::form_data::Submission;

/// The most choices that are shown at a time; of more, one searches.
pub(crate) const MOST: i64 = 50;

/// The button that searches; its value is the field.
pub(crate) const FIND: &str = "_find";

/// The choices of one field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldChoices {
    pub(crate) choices: Vec<Choice>,
    /// What was searched for, where there are too many to show.
    pub(crate) searched: Option<String>,
    /// How many more there are.
    pub(crate) more: i64,
}

impl FieldChoices {
    /// What a form shows for one field.
    fn of(
        conn: &mut DbConnection,
        bound: BoundField,
        row: Option<i64>,
        values: &FormValues,
        sent: &Submission,
    ) -> QueryResult<Self> {
        let name = bound.field.name;
        if registry::holds_rights(bound.model, name) {
            return Ok(Self::all(registry::rights()));
        }
        let choices = bound.model.choices;
        match bound.field.kind {
            FieldKind::MultipleChoice => {
                let offer = choices(conn, &ChoiceQuery::first(name, row, i64::MAX))?;
                return Ok(Self::all(offer.choices));
            }
            FieldKind::Choice { .. } => {}
            _ => return Ok(Self::default()),
        }
        let mut offer = choices(conn, &ChoiceQuery::first(name, row, MOST))?;
        let searched = (offer.found > MOST).then(|| sent.text(&search_name(bound.name)).trim());
        if let Some(words) = searched.filter(|words| !words.is_empty()) {
            offer = choices(
                conn,
                &ChoiceQuery {
                    terms: SearchTerms::parse(words),
                    ..ChoiceQuery::first(name, row, MOST)
                },
            )?;
        }
        let ChoicePage { mut choices, found } = offer;
        let more = found - i64::try_from(choices.len()).unwrap_or(found);
        // What is chosen stays in sight, wherever it stands among them.
        let chosen = values.text(bound.name).trim();
        if !chosen.is_empty()
            && choices.iter().all(|choice| choice.value != chosen)
            && let Some(label) = bound.model.label_of(conn, name, chosen)?
        {
            choices.insert(0, Choice::new(chosen, label));
        }
        Ok(Self {
            choices,
            searched: searched.map(str::to_owned),
            more,
        })
    }

    fn all(choices: Vec<Choice>) -> Self {
        Self {
            choices,
            ..Self::default()
        }
    }
}

/// The field for the words of a search.
pub(crate) fn search_name(field: &str) -> String {
    format!("{FIND}_{field}")
}

/// Whether a form asks for a search rather than to be saved: by the button, or by Enter in the field for the words,
/// which presses no button with a name.
pub(crate) fn is_search(model: &Resource, sent: &Submission) -> bool {
    let is_saved = ["_save", "_addanother", "_continue", "_resolve"];
    if sent.has(FIND) || is_saved.iter().any(|button| sent.has(button)) {
        return sent.has(FIND);
    }
    model.fields.iter().any(|field| {
        let words = sent.text(&search_name(field.name)).trim();
        !words.is_empty() && words != sent.text(&format!("_found_{}", field.name))
    })
}

/// The choices of every field, in the order of the fields. `row` is the row whose form it is.
pub(crate) fn choices(
    conn: &mut DbConnection,
    bound_fields: impl Iterator<Item = BoundField>,
    row: Option<i64>,
    values: &FormValues,
    sent: &Submission,
) -> QueryResult<Vec<FieldChoices>> {
    bound_fields
        .map(|bound| FieldChoices::of(conn, bound, row, values, sent))
        .collect()
}

/// What the chosen values of every field are called, for who only looks.
pub(crate) fn chosen(
    conn: &mut DbConnection,
    bound_fields: impl Iterator<Item = BoundField>,
    values: &FormValues,
) -> QueryResult<Vec<FieldChoices>> {
    let label = |bound: BoundField| {
        let labels = match bound.field.kind {
            FieldKind::Choice { .. } | FieldKind::MultipleChoice => bound.model.labels,
            _ => return Ok(FieldChoices::default()),
        };
        let known = labels(conn, bound.field.name, values.list(bound.name))?;
        Ok(FieldChoices::all(known))
    };
    bound_fields.map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_in_the_field_for_words_searches_and_does_not_save() {
        let model = registry::find("lettings", "letting").unwrap();
        let asks = |form: &str| is_search(model, &Submission::of_query(form));

        assert!(asks("title=a&_find=address"));
        assert!(asks("title=a&_find_address=gull&_found_address="));
        assert!(!asks("title=a&_find_address=gull&_found_address=gull"));
        assert!(!asks("title=a&_find_address=gull&_found_address=&_save="));
        assert!(!asks("title=a&address=1"));
    }
}
