//! A site under trial, its visitors and its staff; shared with `bench`.

pub mod browser;
pub mod site;
pub mod staff;
