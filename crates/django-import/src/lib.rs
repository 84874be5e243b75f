//! Import of a Django edition of the site: its SQLite database, or the JSON that its `dumpdata` writes.
//!
//! A `source::Source` yields rows model by model, the same from both. A `migration::Migration` checks them with the
//! domain's drafts and inserts them. It runs twice: without a database to find every problem, then in one transaction.

mod admin_log;
mod database;
mod dump;
mod import;
mod layout;
mod log_messages;
mod migration;
mod permissions;
mod report;
mod row;
mod site;
mod source;
mod users;

#[cfg(test)]
mod tests;

pub use import::import;
pub use migration::Options;
pub use report::{Outcome, Report};
