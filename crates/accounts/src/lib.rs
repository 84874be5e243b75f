//! Users, groups, permissions, sessions, passwords, second factors, throttling.

pub mod admin;
mod factor;
mod group;
mod import;
mod membership;
mod new_user;
pub mod password;
pub mod policy;
mod recovery;
mod rights;
mod schema;
mod session;
mod standing;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod throttle;
pub mod totp;
mod user;

pub use factor::Factor;
pub use group::{Group, GroupDraft, NewGroup};
pub use import::ImportedUser;
pub use new_user::{NewUser, UserDraft, check_username};
pub use recovery::RecoveryCode;
pub use rights::{Rights, Verb};
pub use session::{NewSession, Session};
pub use standing::Standing;
pub use throttle::{Attempt, Throttled};
pub use user::{User, normalized};

/// Foreign keys of tables that aren't admin resources, as (table, column, table referred to). All cascade.
pub const FOREIGN_KEYS: [(&str, &str, &str); 6] = [
    ("group_rights", "group_id", "groups"),
    ("recovery_codes", "user_id", "second_factors"),
    ("second_factors", "user_id", "users"),
    ("sessions", "user_id", "users"),
    ("user_groups", "user_id", "users"),
    ("user_rights", "user_id", "users"),
];
