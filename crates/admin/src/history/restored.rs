//! What came back of what was deleted, or why nothing did, in words.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use diesel::result::Error as DatabaseError;
use oc_core::admin::{Resource, SaveError};

use crate::auth::denied::{DeniedGrant, denied_fields};
use crate::ui::links::{capitalized, counts};

/// What came back.
#[derive(Default)]
pub(crate) struct Restored {
    /// Rows that are as they were.
    pub(crate) rows: Vec<RestoredObject>,
    /// Rows that have again what they lost.
    pub(crate) again: Vec<RestoredObject>,
    /// Rows that have not, and why.
    pub(crate) without: Vec<String>,
}

/// A row of that kind, called so.
pub(crate) struct RestoredObject {
    pub(crate) model: &'static Resource,
    pub(crate) title: String,
}

/// The most rows that are told of one by one.
const ONE_BY_ONE: usize = 4;

impl Restored {
    /// Whether nothing was to be done.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.again.is_empty() && self.without.is_empty()
    }

    /// What came back and what did not, in sentences, each with how it is to be shown.
    pub(crate) fn words(self) -> impl Iterator<Item = (&'static str, String)> {
        let restored = told(
            &self.rows,
            |name, title| format!("Restored {name} \"{title}\"."),
            |count| format!("Restored {count}."),
        );
        let again = told(
            &self.again,
            |name, title| format!("Restored the links of {name} \"{title}\"."),
            |count| format!("Restored the links of {count}."),
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
    rows: &[RestoredObject],
    one: impl Fn(&str, &str) -> String,
    several: impl Fn(String) -> String,
) -> Vec<String> {
    if rows.len() <= ONE_BY_ONE {
        return rows
            .iter()
            .map(|row| one(row.model.singular, &row.title))
            .collect();
    }
    let counts = counts(rows.iter().map(|row| row.model));
    counts.into_iter().map(several).collect()
}

/// Why nothing was restored.
pub(crate) enum RestoreError {
    /// The rights do not suffice, or the line tells of nothing that could be restored.
    Forbidden,
    /// Rows would break rules today.
    Violations(Violations),
    Database(DatabaseError),
}

impl From<DatabaseError> for RestoreError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// The rules that rows would break.
#[derive(Default)]
pub(crate) struct Violations {
    /// A sentence for each row.
    rows: Vec<String>,
    /// The fields by which more would come back than the rights allow.
    exceeds: BTreeSet<&'static str>,
}

/// The most rows of which it is told what rule they break.
const TOLD: usize = 20;

impl Violations {
    /// Adds a row and what is wrong with it.
    pub(crate) fn add(&mut self, model: &Resource, title: &str, error: &SaveError) {
        if let SaveError::Invalid(errors) = error {
            self.exceeds.extend(denied_fields(errors));
        }
        let name = capitalized(model.singular);
        self.rows.push(format!("{name} \"{title}\": {error}"));
    }

    /// Whether there is nothing wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether there is enough to be told that more need not be looked for.
    pub(crate) fn is_full(&self) -> bool {
        self.rows.len() >= TOLD
    }

    /// Why nothing came back.
    pub(crate) fn words(&self) -> String {
        let rows = self.rows.join(" ");
        let more = if self.is_full() {
            " There may be more errors."
        } else {
            ""
        };
        format!("Nothing was restored because it would break a rule: {rows}{more}")
    }

    /// Leaves word with the answer of what is beyond the rights, so that the record tells of it.
    pub(crate) fn leave_refusal(&self, response: &mut HttpResponse) {
        DeniedGrant::attach(response, self.exceeds.iter().copied());
    }
}
