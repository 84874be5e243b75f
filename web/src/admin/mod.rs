//! The administration: who is let in, and the pages that staff work with.

mod agent;
mod asked;
mod browser;
mod cascade;
mod conflict;
mod csrf;
mod csv;
mod edit;
mod factor;
mod field;
mod form;
mod frame;
mod fresh;
mod grants;
mod guess;
mod handlers;
mod line;
mod log;
mod login;
mod messages;
mod models;
mod password_page;
mod record;
mod refusals;
mod restore;
mod routes;
mod row_page;
mod save;
mod second_step;
mod signed_in;
mod store;

pub(crate) use csrf::CookieRules;
pub(crate) use factor::record_reset as record_factor_off;
pub(crate) use frame::{Hashing, Keys};
pub(crate) use routes::scope;
