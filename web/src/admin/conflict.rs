//! Two people changed the same row: both versions, field by field, and a choice between them.

use oc_core::admin::{Choice, Kind, Model, Values};
use serde::Serialize;

use super::form::Fields;
use super::record::parts;

/// Both versions of a row.
#[derive(Debug, Serialize)]
pub(super) struct View {
    text: String,
    rows: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    label: String,
    name: String,
    theirs: String,
    mine: String,
}

impl View {
    /// Every field in which they differ.
    pub(super) fn new(
        model: &Model,
        mine: &Values,
        theirs: &Values,
        choices: &[Vec<Choice>],
    ) -> Self {
        let mut rows = Vec::new();
        for (field, choices) in model.fields.iter().zip(choices) {
            for name in parts(field.name, field.kind) {
                if mine.list(&name) == theirs.list(&name) {
                    continue;
                }
                let shown = |values: &Values| {
                    if field.kind == Kind::Bool {
                        return if values.is_yes(&name) { "Yes" } else { "No" }.to_owned();
                    }
                    let label = |value: &String| {
                        let choice = choices.iter().find(|choice| choice.value == *value);
                        choice.map_or(value.clone(), |choice| choice.label.clone())
                    };
                    values
                        .list(&name)
                        .iter()
                        .map(label)
                        .collect::<Vec<_>>()
                        .join(", ")
                };
                let (theirs, mine) = (shown(theirs), shown(mine));
                rows.push(Line {
                    label: field.label.to_owned(),
                    name,
                    theirs,
                    mine,
                });
            }
        }
        let text = format!(
            "Someone changed this {} while you were editing. Nothing was saved yet.",
            model.singular
        );
        Self { text, rows }
    }
}

/// What shall be stored, as the form says it: my version unless it asks for theirs (`None`: nothing is to be
/// stored) or for a mix.
pub(super) fn resolved(
    model: &Model,
    sent: &Fields,
    mine: &Values,
    theirs: &Values,
) -> Option<Values> {
    match sent.text("_resolve") {
        "theirs" => None,
        "mix" => {
            let mut mixed = mine.clone();
            for field in model.fields {
                for name in parts(field.name, field.kind) {
                    if sent.text(&format!("merge_{name}")) == "theirs" {
                        mixed = mixed.with_list(&name, theirs.list(&name).to_vec());
                    }
                }
            }
            Some(mixed)
        }
        _ => Some(mine.clone()),
    }
}
