//! Admin resources of users and groups.

mod access;
mod group;
mod permissions;
mod user;

pub use access::{ACCESS_RULES, AccessRules, AccountPage};
pub use group::GROUP;
pub use permissions::permission_choices;
pub use user::USER;

/// The app in URLs and permissions, as in Django.
const APP: &str = "auth";
/// Label of the app.
const APP_LABEL: &str = "Authentication and authorization";
