//! The choices that a form shows: all where they are few, else what a search finds.

use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::{Choice, Kind, Model, Offer, Values, Wanted};
use oc_core::search::Words;

use crate::admin::form::definition::Slot;
use crate::admin::registry;
use crate::admin::ui::form_data::Fields;

/// The most choices that are shown at a time; of more, one searches.
pub(crate) const MOST: i64 = 50;

/// The button that searches; its value is the field.
pub(crate) const FIND: &str = "_find";

/// The choices of one field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shelf {
    pub(crate) choices: Vec<Choice>,
    /// What was searched for, where there are too many to show.
    pub(crate) searched: Option<String>,
    /// How many more there are.
    pub(crate) more: i64,
}

impl Shelf {
    /// What a form shows for one field.
    fn of(
        conn: &mut DbConnection,
        slot: Slot,
        row: Option<i64>,
        values: &Values,
        sent: &Fields,
    ) -> QueryResult<Self> {
        let name = slot.field.name;
        if registry::holds_rights(slot.model, name) {
            return Ok(Self::all(registry::rights()));
        }
        let choices = slot.model.choices;
        match slot.field.kind {
            Kind::Choices => {
                let offer = choices(conn, &Wanted::first(name, row, i64::MAX))?;
                return Ok(Self::all(offer.choices));
            }
            Kind::Choice { .. } => {}
            _ => return Ok(Self::default()),
        }
        let mut offer = choices(conn, &Wanted::first(name, row, MOST))?;
        let searched = (offer.found > MOST).then(|| sent.text(&search_name(slot.name)).trim());
        if let Some(words) = searched.filter(|words| !words.is_empty()) {
            offer = choices(
                conn,
                &Wanted {
                    words: Words::parse(words),
                    ..Wanted::first(name, row, MOST)
                },
            )?;
        }
        let Offer { mut choices, found } = offer;
        let more = found - i64::try_from(choices.len()).unwrap_or(found);
        // What is chosen stays in sight, wherever it stands among them.
        let chosen = values.text(slot.name).trim();
        if !chosen.is_empty()
            && choices.iter().all(|choice| choice.value != chosen)
            && let Some(label) = slot.model.label_of(conn, name, chosen)?
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
pub(crate) fn is_search(model: &Model, sent: &Fields) -> bool {
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
pub(crate) fn shelves(
    conn: &mut DbConnection,
    slots: impl Iterator<Item = Slot>,
    row: Option<i64>,
    values: &Values,
    sent: &Fields,
) -> QueryResult<Vec<Shelf>> {
    slots
        .map(|slot| Shelf::of(conn, slot, row, values, sent))
        .collect()
}

/// What the chosen values of every field are called, for who only looks.
pub(crate) fn chosen(
    conn: &mut DbConnection,
    slots: impl Iterator<Item = Slot>,
    values: &Values,
) -> QueryResult<Vec<Shelf>> {
    let label = |slot: Slot| {
        let labels = match slot.field.kind {
            Kind::Choice { .. } | Kind::Choices => slot.model.labels,
            _ => return Ok(Shelf::default()),
        };
        let known = labels(conn, slot.field.name, values.list(slot.name))?;
        Ok(Shelf::all(known))
    };
    slots.map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_in_the_field_for_words_searches_and_does_not_save() {
        let model = registry::find("lettings", "letting").unwrap();
        let asks = |form: &str| is_search(model, &Fields::of_query(form));

        assert!(asks("title=a&_find=address"));
        assert!(asks("title=a&_find_address=gull&_found_address="));
        assert!(!asks("title=a&_find_address=gull&_found_address=gull"));
        assert!(!asks("title=a&_find_address=gull&_found_address=&_save="));
        assert!(!asks("title=a&address=1"));
    }
}
