//! The settings: read from the environment once, checked, and handed on as typed values.
//!
//! Nothing else in the program reads the environment. In development a file `.env` in the working directory
//! fills in what the environment does not say; it cannot make the run one of production.

mod read;
mod settings;
mod superuser;

pub use settings::{Config, Environment, LogFormat, Sentry, SentryDsn, help};
pub(crate) use superuser::Superuser;
