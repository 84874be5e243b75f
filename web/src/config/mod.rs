//! Settings: read from the environment once at start, checked, and passed on as typed values.

mod env;
mod settings;
mod value;

pub(crate) use env::{Problems, Superuser, help, without_line_end};
pub use settings::{Config, Environment, Limits, LogFormat, MailConfig, SentryConfig};
