//! The commands, one per file.

pub(crate) mod backup;
pub(crate) mod change_password;
pub(crate) mod check;
pub(crate) mod copy;
pub(crate) mod create_superuser;
pub(crate) mod demo;
pub(crate) mod import_django;
pub(crate) mod migrate;
pub(crate) mod reset_factor;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod start;
pub(crate) mod verify;

mod ask;
mod health;
mod output;
mod report;

pub(crate) use report::report;
