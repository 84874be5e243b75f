//! The program on the command line: each run in a folder of its own, with nothing in its environment but what
//! the test puts there.

mod accounts;
mod database;
mod database_errors;
mod fake_sentry;
mod import_django;
mod logs;
mod metrics;
mod program;
mod sentry;
mod serving;
mod settings;
mod shutdown;
mod sigkill;
mod staff;
mod transfer;
mod usage;
