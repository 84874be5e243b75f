//! Accounts: users, groups, rights, passwords, sessions, and the slow-down of guessing.

pub mod admin;
pub mod cost;
mod factor;
mod group;
mod membership;
mod new_user;
pub mod password;
pub mod policy;
mod recovery;
mod rights;
mod session;
mod standing;
mod throttle;
pub mod totp;
mod user;

pub use factor::Factor;
pub use group::{Group, GroupDraft, NewGroup};
pub use new_user::{NewUser, UserDraft, check_username};
pub use recovery::RecoveryCode;
pub use rights::{Rights, Verb};
pub use session::{NewSession, Session};
pub use standing::Standing;
pub use throttle::{Attempt, Throttled};
pub use user::{User, normalized};
