//! The program on the command line: each run in a folder of its own, with nothing in its environment but what
//! the test puts there.

mod accounts;
mod database;
mod figures;
mod import_django;
mod logs;
mod program;
mod reports;
mod sentry;
mod serving;
mod settings;
mod stopping;
mod troubles;
mod usage;
