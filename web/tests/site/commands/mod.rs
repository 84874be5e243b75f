//! The program on the command line: each run has its own folder, and only the environment
//! that the test sets.

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
