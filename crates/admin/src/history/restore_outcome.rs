//! Results and errors of restoring, as messages.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use oc_core::admin::{Record, Resource, SaveError};

use crate::auth::denied::{DeniedGrant, denied_fields};
use crate::auth::request::Rollback;
use crate::editor::Editor;
use crate::ui::layout::Message;
use crate::ui::links::{by_resource, capitalized, change_path, counted};

const MAX_VIOLATIONS: usize = 20;

pub(crate) type RestoredObject = (&'static Resource, Record);

#[derive(Default)]
pub(crate) struct Restored {
    pub(crate) objects: Vec<RestoredObject>,
    /// Objects that got back references that they had lost.
    pub(crate) relinked: Vec<RestoredObject>,
    /// Messages about objects that did not.
    pub(crate) warnings: Vec<String>,
}

impl Restored {
    pub(crate) fn messages(self, user: &Editor) -> Vec<Message> {
        let mut messages = sum_up("Restored", &self.objects, user);
        let relinked = sum_up("Restored the references of", &self.relinked, user);
        let warnings = self.warnings.into_iter();
        messages.extend(relinked);
        messages.extend(warnings.map(|text| Message::new("warning", text)));
        if messages.is_empty() {
            messages.push(Message::new("warning", "Already restored."));
        }
        messages
    }
}

/// A message for each resource: about its object if it is the only one, otherwise their number.
fn sum_up(verb: &str, objects: &[RestoredObject], user: &Editor) -> Vec<Message> {
    let groups = by_resource(objects.iter().map(|(model, record)| (*model, record)));
    let message = |(model, records): (&Resource, Vec<&Record>)| match records.as_slice() {
        [record] => {
            let href = user.may_view(model).then(|| change_path(model, record.id));
            Message::done(verb, model, &record.title, href)
        }
        records => Message::new(
            "success",
            format!("{verb} {}.", counted(model, records.len())),
        ),
    };
    groups.into_iter().map(message).collect()
}

/// It is `Forbidden` if the permissions don't suffice, or an entry has nothing to restore.
pub(crate) type RestoreError = Rollback<Violations>;

#[derive(Default)]
pub(crate) struct Violations {
    sentences: Vec<String>,
    /// Fields that would restore more permissions than the user has.
    denied_fields: BTreeSet<&'static str>,
}

impl Violations {
    pub(crate) fn add(&mut self, model: &Resource, title: &str, error: &SaveError) {
        if let SaveError::Invalid(errors) = error {
            self.denied_fields.extend(denied_fields(errors));
        }
        let name = capitalized(model.singular);
        self.sentences.push(format!("{name} “{title}”: {error}"));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sentences.is_empty()
    }

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
