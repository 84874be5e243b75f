//! Settings: read from the environment once at start, checked, and passed on as typed values.

#[expect(
    clippy::module_inception,
    reason = "the struct `Config` is in the file of its name"
)]
mod config;
mod env;
mod settings;
mod value;

pub use config::{Config, Sentry};
pub(crate) use env::{Problems, Superuser, help};
pub use settings::{Environment, Limits, LogFormat};
