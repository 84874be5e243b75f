//! What came back of what was deleted, in words.

use oc_core::admin::Model;

use super::models::{self, capitalized};

/// What came back.
#[derive(Default)]
pub(super) struct Restored {
    /// Rows that are as they were.
    pub(super) rows: Vec<Row>,
    /// Rows that have again what they lost.
    pub(super) again: Vec<Row>,
    /// Rows that have not, and why.
    pub(super) without: Vec<String>,
}

/// A row of that kind, called so.
pub(super) struct Row {
    pub(super) model: &'static Model,
    pub(super) title: String,
}

/// The most rows that are told of one by one.
const ONE_BY_ONE: usize = 4;

impl Restored {
    /// Whether nothing was to be done.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What came back and what did not, in sentences, each with how it is to be shown.
    pub(super) fn words(self) -> impl Iterator<Item = (&'static str, String)> {
        let restored = told(
            &self.rows,
            |name, title| format!("Restored {name} \"{title}\"."),
            |count| format!("Restored {count}."),
        );
        let again = told(
            &self.again,
            |name, title| format!("{} \"{title}\" has it again.", capitalized(name)),
            |count| format!("Had again: {count}."),
        );
        let good = restored
            .into_iter()
            .chain(again)
            .map(|text| ("success", text));
        good.chain(self.without.into_iter().map(|text| ("warning", text)))
    }
}

/// Each row in a sentence, or of many how many of each kind.
fn told(
    rows: &[Row],
    one: impl Fn(&str, &str) -> String,
    several: impl Fn(String) -> String,
) -> Vec<String> {
    if rows.len() <= ONE_BY_ONE {
        return rows
            .iter()
            .map(|row| one(row.model.singular, &row.title))
            .collect();
    }
    let counts = models::counts(rows.iter().map(|row| row.model));
    counts.into_iter().map(several).collect()
}
