//! Moving over from a Django edition of the site: its SQLite database, or what its `dumpdata` wrote.
//!
//! The file is read four times, each time by the same rules: to find out what is wrong with it, to decide about its rows,
//! to put them into the database, and to compare what the database holds then with what the file holds. A [`reading`] hands out
//! rows for the [`target`]'s tables; a [`sink::Sink`] takes them. Nothing is kept of a row but its id and its hashes, so
//! a large file takes no more memory than these.

mod accounts;
mod cells;
mod choice;
mod compare;
mod digest;
mod dump;
mod file;
mod findings;
mod import;
mod layout;
mod log;
mod moving;
mod natural;
mod places;
mod plan;
mod private;
mod profiles;
mod published;
mod reading;
mod report;
mod rights;
mod row;
mod sink;
mod staged;
mod standing;
mod target;
mod words;

#[cfg(test)]
mod tests;

pub use import::{Options, import};
pub use report::{Outcome, Report};
