//! The administration: who is let in, and the pages that staff work with.

mod audit_log;
pub(crate) mod auth;
mod delete;
mod diagnostics;
mod form;
mod history;
mod import;
mod index;
mod list;
mod registry;
mod routes;
mod ui;

pub(crate) use auth::csrf::CookieRules;
pub(crate) use auth::password_hasher::PasswordHasher;
pub(crate) use routes::scope;
pub(crate) use ui::request::AdminState;
