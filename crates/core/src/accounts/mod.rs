//! Accounts: users, groups, rights, passwords, sessions, and the slow-down of guessing.

mod group;
pub mod password;
pub mod policy;
mod rights;
mod session;
mod throttle;
mod user;

pub use group::{Group, GroupDraft, NewGroup};
pub use rights::{Rights, Verb};
pub use session::{NewSession, Session};
pub use throttle::{Attempt, Throttled};
pub use user::{NewUser, User, UserDraft};
