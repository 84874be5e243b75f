//! The staff admin: pages to list, change, import, delete and restore the objects of the resources that are passed in.

mod audit_log;
mod auth;
mod columns;
pub mod command_line;
mod delete;
mod diagnostics;
mod editor;
mod form;
mod gallery;
mod history;
mod image_queue;
mod import;
mod index;
mod list;
mod list_query;
mod outbox;
mod password_hasher;
mod registry;
mod routes;
mod secret_key;
mod state;
#[cfg(test)]
mod tests;
mod time_zone;
mod ui;

pub use auth::csrf::CookieRules;
pub use auth::staff_request::PreviewRequest;
pub use diagnostics::{Facts, SentryFacts};
pub use image_queue::ImageQueue;
pub use outbox::send_mails;
pub use password_hasher::PasswordHasher;
pub use registry::Registry;
pub use routes::scope;
pub use secret_key::SecretKey;
pub use state::AdminState;
pub use time_zone::TimeZone;
pub use ui::submission::max_body;
