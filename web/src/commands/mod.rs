//! The commands, one a file.

pub(crate) mod change_password;
pub(crate) mod check;
pub(crate) mod create_superuser;
pub(crate) mod demo;
pub(crate) mod migrate;
pub(crate) mod serve;

mod ask;
mod report;
mod start;

pub(crate) use report::report;
