//! The commands, one a file.

pub(crate) mod backup;
pub(crate) mod change_password;
pub(crate) mod check;
pub(crate) mod copy;
pub(crate) mod create_superuser;
pub(crate) mod demo;
pub(crate) mod import_django;
pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod reset_factor;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod verify;

mod ask;
mod health;
mod report;
mod start;
mod storage;

pub(crate) use report::report;
pub(crate) use start::check_may_write;
