//! Users, groups, permissions, sessions, passwords, two-factor authentication, throttling.

pub mod admin;
mod group;
mod new_user;
pub mod password;
mod permissions;
pub mod policy;
mod schema;
mod second_factor;
mod session;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod throttle;
pub mod totp;
mod user;

pub use group::{Group, GroupDraft, NewGroup};
pub use new_user::{NewUser, UserDraft, normalize_username};
pub use permissions::{Permissions, Verb};
pub use second_factor::{RecoveryCode, SecondFactor};
pub use session::{Session, SessionLogin};
pub use throttle::{Attempt, PendingAttempt, Rejection, count_reset, forget_failures};
pub use user::{AccountStatus, ImportedUser, User};

/// Foreign keys of tables that aren't admin resources, as (table, column, referenced table). All cascade.
pub const FOREIGN_KEYS: [(&str, &str, &str); 6] = [
    ("group_rights", "group_id", "groups"),
    ("recovery_codes", "user_id", "second_factors"),
    ("second_factors", "user_id", "users"),
    ("sessions", "user_id", "users"),
    ("user_groups", "user_id", "users"),
    ("user_rights", "user_id", "users"),
];
