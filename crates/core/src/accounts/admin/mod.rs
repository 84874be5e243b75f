//! Users and groups, as staff see them.

mod group;
mod rights;

pub use group::MODEL as GROUP;
pub use rights::right_choices;

/// The app in addresses and rights, named as Django named it.
const APP: &str = "auth";
/// The app as staff read it.
const APP_LABEL: &str = "Authentication and authorization";
