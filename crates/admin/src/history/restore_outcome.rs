//! Results and errors of restoring, as messages.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use diesel::result::Error as DatabaseError;
use oc_core::admin::{Resource, SaveError};

use crate::auth::denied::{DeniedGrant, denied_fields};
use crate::ui::links::{capitalized, counts};

/// The result of restoring.
#[derive(Default)]
pub(crate) struct Restored {
    /// Restored objects.
    pub(crate) rows: Vec<RestoredObject>,
    /// Objects whose lost references were restored.
    pub(crate) again: Vec<RestoredObject>,
    /// Messages about objects whose references were not restored.
    pub(crate) without: Vec<String>,
}

/// A restored object.
pub(crate) struct RestoredObject {
    pub(crate) model: &'static Resource,
    pub(crate) title: String,
}

/// The most objects that get a message each.
const ONE_BY_ONE: usize = 4;

impl Restored {
    /// Whether there was nothing to restore.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.again.is_empty() && self.without.is_empty()
    }

    /// The messages, each with its level.
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

/// A message for each object, or for many objects one for each resource.
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
    /// The permissions don't suffice, or the entry has nothing to restore.
    Forbidden,
    /// Objects are no longer valid.
    Violations(Violations),
    Database(DatabaseError),
}

impl From<DatabaseError> for RestoreError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// Validation errors of objects to restore.
#[derive(Default)]
pub(crate) struct Violations {
    /// A sentence for each object.
    rows: Vec<String>,
    /// Fields that would restore more permissions than the user has.
    exceeds: BTreeSet<&'static str>,
}

/// The most objects whose errors are shown.
const TOLD: usize = 20;

impl Violations {
    /// Adds the errors of an object.
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

    /// Whether there are enough errors to stop.
    pub(crate) fn is_full(&self) -> bool {
        self.rows.len() >= TOLD
    }

    /// The message.
    pub(crate) fn words(&self) -> String {
        let rows = self.rows.join(" ");
        let more = if self.is_full() {
            " There may be more errors."
        } else {
            ""
        };
        format!("Nothing was restored because it would break a rule: {rows}{more}")
    }

    /// Attaches the escalations to a response, so that they are logged.
    pub(crate) fn leave_refusal(&self, response: &mut HttpResponse) {
        DeniedGrant::attach(response, self.exceeds.iter().copied());
    }
}
