//! Two people changed the same row: both versions, field by field, and a choice between them.

use diesel::QueryResult;
use oc_core::DbConnection;
use oc_core::admin::FormValues;
use serde::Serialize;

use crate::admin::audit_log::snapshot::{parts, shown};
use crate::admin::form::definition::{BoundField, FormDefinition, InitialVersion};
use crate::admin::ui::form_data::Submission;

/// Both versions of a row.
#[derive(Debug, Serialize)]
pub(crate) struct ConflictView {
    text: String,
    rows: Vec<FieldConflict>,
    /// What is still to be chosen, for who did not.
    undecided: Option<String>,
}

#[derive(Debug, Serialize)]
struct FieldConflict {
    label: String,
    name: String,
    theirs: String,
    mine: String,
    note: &'static str,
    /// The version that is ticked: `theirs`, `mine`, or none where somebody has to choose.
    chosen: &'static str,
}

impl ConflictView {
    /// Every field in which they differ. What only one of both changed is theirs or mine by itself.
    pub(crate) fn new(
        conn: &mut DbConnection,
        layout: &FormDefinition,
        origin: &InitialVersion,
        mine: &FormValues,
        theirs: &FormValues,
    ) -> QueryResult<Self> {
        Self::with(conn, layout, mine, theirs, |name| {
            match (
                origin.is_changed(name, mine),
                origin.is_changed(name, theirs),
            ) {
                (false, _) => ("Only they changed this", "theirs"),
                (_, false) => ("Only you changed this", "mine"),
                _ => ("Both of you changed this", ""),
            }
        })
    }

    /// The same with what was chosen, for who has to choose more.
    pub(crate) fn again(
        conn: &mut DbConnection,
        layout: &FormDefinition,
        sent: &Submission,
        mine: &FormValues,
        theirs: &FormValues,
    ) -> QueryResult<Self> {
        let mut view = Self::with(conn, layout, mine, theirs, |name| {
            let chosen = sent.text(&merge(name));
            let known = ["theirs", "mine"].into_iter().find(|word| *word == chosen);
            ("", known.unwrap_or_default())
        })?;
        let open = view.rows.iter().filter(|row| row.chosen.is_empty());
        let labels: Vec<&str> = open.map(|row| row.label.as_str()).collect();
        view.undecided = Some(format!(
            "Choose which version to keep: {}.",
            labels.join(", ")
        ));
        Ok(view)
    }

    fn with(
        conn: &mut DbConnection,
        layout: &FormDefinition,
        mine: &FormValues,
        theirs: &FormValues,
        choice: impl Fn(&str) -> (&'static str, &'static str),
    ) -> QueryResult<Self> {
        let mut rows = Vec::new();
        for (bound, name, own) in differing(layout, mine, theirs) {
            let mut shown = |values: &FormValues| {
                let values = FormValues::default().with_list(&own, values.list(&name).to_vec());
                shown(conn, bound.model, bound.field, &own, &values)
            };
            let (note, chosen) = choice(&name);
            rows.push(FieldConflict {
                label: bound.field.label.to_owned(),
                theirs: shown(theirs)?,
                mine: shown(mine)?,
                name,
                note,
                chosen,
            });
        }
        let text = format!(
            "Someone else changed this {} while you were editing. Your changes have not been saved.",
            layout.model.singular
        );
        Ok(Self {
            text,
            rows,
            undecided: None,
        })
    }
}

/// The parts of fields in which both differ, each with its name in the form and that of its own model.
fn differing(
    layout: &FormDefinition,
    mine: &FormValues,
    theirs: &FormValues,
) -> Vec<(BoundField, String, String)> {
    let mut found = Vec::new();
    for bound in layout.stored_slots() {
        let own = parts(bound.field.name, bound.field.kind);
        for (name, own) in parts(bound.name, bound.field.kind).into_iter().zip(own) {
            if mine.0.contains_key(&name) && mine.list(&name) != theirs.list(&name) {
                found.push((bound, name, own));
            }
        }
    }
    found
}

/// The field that names every field of which somebody has to choose a version. What is neither there nor chosen stays
/// mine.
const ASKED: &str = "_asked";

/// The field that says which version of another one is to be kept.
fn merge(name: &str) -> String {
    format!("merge_{name}")
}

/// What shall be done with two versions.
pub(crate) enum Resolution {
    /// These values are to be stored.
    Store(FormValues),
    /// Theirs stay: nothing is to be stored.
    Keep,
    /// Somebody has to choose more.
    Undecided,
}

/// What the form says: my version unless it asks for theirs or for a mix.
pub(crate) fn resolve(
    layout: &FormDefinition,
    sent: &Submission,
    mine: FormValues,
    theirs: &FormValues,
) -> Resolution {
    match sent.text("_resolve") {
        "theirs" => Resolution::Keep,
        "mix" => {
            let mut mixed = mine.clone();
            let asked = sent.list(ASKED);
            for (_, name, _) in differing(layout, &mine, theirs) {
                match sent.text(&merge(&name)) {
                    "theirs" => mixed = mixed.with_list(&name, theirs.list(&name).to_vec()),
                    "mine" => {}
                    _ if asked.contains(&name) => return Resolution::Undecided,
                    _ => {}
                }
            }
            Resolution::Store(mixed)
        }
        _ => Resolution::Store(mine),
    }
}
