//! The program on the command line: each run in a folder of its own, with nothing in its environment but what
//! the test puts there.

mod accounts;
mod database;
mod figures;
mod full_disk;
mod import_django;
mod kills;
mod logs;
mod lost_reports;
mod lost_server;
mod program;
mod relay;
mod reports;
mod sentry;
mod serving;
mod settings;
mod silent_server;
mod staff;
mod stopping;
mod transfer;
mod troubles;
mod usage;
