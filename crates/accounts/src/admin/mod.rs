//! Admin resources of users and groups.

mod access;
mod group;
mod permissions;
mod user;

pub use access::{ACCESS_RULES, AccessRules, InheritedPermission};
pub use group::GROUP;
pub use permissions::{permission_choices, permission_labels};
pub use user::USER;
