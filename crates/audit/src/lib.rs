//! Audit log: changes to rows and sign-in events.

mod change_set;
mod entry;
mod event;
mod filter;
mod import;
mod schema;
mod submitted_form;

pub use change_set::ChangeSet;
pub use entry::{AuditEntry, NewAuditEntry};
pub use event::{AUTH, Event, NewEvent, UNKNOWN_NAME};
pub use filter::AuditFilter;
pub use import::ImportedEntry;
pub use submitted_form::SubmittedForm;

#[cfg(test)]
mod fixtures {
    pub(crate) const ADA: oc_core::Actor<'_> = oc_core::Actor {
        id: 1,
        username: "ada",
    };
}
