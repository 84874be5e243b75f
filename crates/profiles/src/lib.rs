//! Profiles of users: queries, validation, admin resource.
//!
//! Owns the table `profiles`. Independent of lettings, HTTP and templates.

pub mod admin;
pub mod demo;
mod profile;
mod public_path;
mod schema;

pub use profile::{NewProfile, ProfileDraft, PublicProfile};
pub use public_path::public_path;
