//! Every setting is an entry (name, default, meaning) and the function that reads it, side by side in a file of
//! what belongs together. A new one: its file here, its group in `help.rs`, its field in `config.rs`, its line in
//! `.env.sample`.

mod config;
mod database;
mod entry;
mod environment;
mod help;
mod limits;
mod listening;
mod logging;
mod metrics;
mod second_factor;
mod secret_key;
mod sentry;
mod visitors;

pub use config::Config;
pub use environment::Environment;
pub use help::help;
pub use logging::LogFormat;
pub use sentry::{Sentry, SentryDsn};
