//! Two people changed the same row: both versions, field by field, and a choice between them.

use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::Values;
use serde::Serialize;

use super::form::Fields;
use super::layout::Layout;
use super::record::{parts, shown};

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
        conn: &mut DbConnection,
        layout: &Layout,
        mine: &Values,
        theirs: &Values,
    ) -> QueryResult<Self> {
        let mut rows = Vec::new();
        for slot in layout.stored_slots() {
            for (name, own) in parts(slot.name, slot.field.kind)
                .into_iter()
                .zip(parts(slot.field.name, slot.field.kind))
            {
                if !mine.0.contains_key(&name) || mine.list(&name) == theirs.list(&name) {
                    continue;
                }
                let mut shown = |values: &Values| {
                    let values = Values::default().with_list(&own, values.list(&name).to_vec());
                    shown(conn, slot.model, slot.field, &own, &values)
                };
                rows.push(Line {
                    label: slot.field.label.to_owned(),
                    theirs: shown(theirs)?,
                    mine: shown(mine)?,
                    name,
                });
            }
        }
        let text = format!(
            "Someone changed this {} while you were editing. Nothing was saved yet.",
            layout.model.singular
        );
        Ok(Self { text, rows })
    }
}

/// What shall be stored, as the form says it: my version unless it asks for theirs (`None`: nothing is to be
/// stored) or for a mix.
pub(super) fn resolved(
    layout: &Layout,
    sent: &Fields,
    mine: &Values,
    theirs: &Values,
) -> Option<Values> {
    match sent.text("_resolve") {
        "theirs" => None,
        "mix" => {
            let mut mixed = mine.clone();
            for slot in layout.stored_slots() {
                for name in parts(slot.name, slot.field.kind) {
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
