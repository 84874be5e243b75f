//! The administration: who is let in, and the pages that staff work with.

mod audit_log;
mod auth;
pub(crate) mod command_line;
mod delete;
mod diagnostics;
mod form;
mod history;
mod import;
mod index;
mod list;
mod registry;
mod routes;
mod state;
mod ui;

pub(crate) use auth::csrf::CookieRules;
pub(crate) use auth::password_hasher::PasswordHasher;
pub(crate) use registry::Registry;
pub(crate) use routes::scope;
pub(crate) use state::AdminState;
