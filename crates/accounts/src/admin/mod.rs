//! Admin resources of users and groups.

mod access;
mod group;
mod moment;
mod rights;
mod user;

pub use access::{ACCESS_RULES, AccessRules, AccountPage};
pub use group::MODEL as GROUP;
pub use rights::right_choices;
pub use user::MODEL as USER;

/// The app in addresses and rights, named as Django named it.
const APP: &str = "auth";
/// The app as staff read it.
const APP_LABEL: &str = "Authentication and authorization";
