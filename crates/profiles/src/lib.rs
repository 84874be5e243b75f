//! Profiles of users: rows, queries, rules.
//!
//! Owns the table `profiles`. Knows no letting, and neither HTTP nor templates.

pub mod demo;
mod profile;
mod schema;

pub use profile::{NewProfile, ProfileDraft, PublicProfile};
