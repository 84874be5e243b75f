//! The commands, one a file.

pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod migrate;
pub(crate) mod serve;

mod report;
mod start;

pub(crate) use report::report;
