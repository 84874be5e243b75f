//! Results and errors of restoring, as messages.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use diesel::result::Error as DatabaseError;
use oc_core::admin::{Resource, SaveError};

use crate::auth::denied::{DeniedGrant, denied_fields};
use crate::ui::links::{capitalized, counts};

/// The most objects that get a message each.
const MAX_MESSAGES: usize = 4;

/// The most objects whose errors are shown.
const MAX_VIOLATIONS: usize = 20;

/// The restored objects, each with its resource and title.
#[derive(Default)]
pub(crate) struct Restored {
    pub(crate) objects: Vec<(&'static Resource, String)>,
    /// Objects that got back references that they had lost.
    pub(crate) relinked: Vec<(&'static Resource, String)>,
    /// Messages about objects that did not.
    pub(crate) warnings: Vec<String>,
}

impl Restored {
    /// The messages, each with its level.
    pub(crate) fn messages(self) -> Vec<(&'static str, String)> {
        let restored = messages("Restored", &self.objects);
        let relinked = messages("Restored the links of", &self.relinked);
        let warnings = self.warnings.into_iter().map(|text| ("warning", text));
        let success = restored.into_iter().chain(relinked);
        let success = success.map(|text| ("success", text));
        let messages: Vec<_> = success.chain(warnings).collect();
        if messages.is_empty() {
            vec![("warning", "Already restored.".to_owned())]
        } else {
            messages
        }
    }
}

/// A message for each object, or for many objects one for each resource.
fn messages(verb: &str, objects: &[(&'static Resource, String)]) -> Vec<String> {
    if objects.len() <= MAX_MESSAGES {
        let message = |(model, title): &(&Resource, String)| {
            format!("{verb} {} \"{title}\".", model.singular)
        };
        return objects.iter().map(message).collect();
    }
    let counts = counts(objects.iter().map(|(model, _)| *model)).into_iter();
    counts.map(|count| format!("{verb} {count}.")).collect()
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
    sentences: Vec<String>,
    /// Fields that would restore more permissions than the user has.
    denied_fields: BTreeSet<&'static str>,
}

impl Violations {
    /// Adds the errors of an object.
    pub(crate) fn add(&mut self, model: &Resource, title: &str, error: &SaveError) {
        if let SaveError::Invalid(errors) = error {
            self.denied_fields.extend(denied_fields(errors));
        }
        let name = capitalized(model.singular);
        self.sentences.push(format!("{name} \"{title}\": {error}"));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sentences.is_empty()
    }

    /// Whether there are enough errors to stop.
    pub(crate) fn is_full(&self) -> bool {
        self.sentences.len() >= MAX_VIOLATIONS
    }

    pub(crate) fn message(&self) -> String {
        let more = if self.is_full() {
            " There may be more errors."
        } else {
            ""
        };
        let errors = self.sentences.join(" ");
        format!("Nothing was restored because it would break a rule: {errors}{more}")
    }

    /// Attaches the escalations to a response, so that they are logged.
    pub(crate) fn attach_denied(&self, response: &mut HttpResponse) {
        DeniedGrant::attach(response, self.denied_fields.iter().copied());
    }
}
