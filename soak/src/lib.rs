//! A running site with visitors and staff; shared with `bench`.

pub mod browser;
pub mod site;
pub mod staff;
