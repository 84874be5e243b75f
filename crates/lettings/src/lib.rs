//! Lettings and their addresses: queries, validation, admin resources.
//!
//! Owns the tables `lettings` and `addresses`. Independent of users, profiles, HTTP and templates.

mod address;
pub mod admin;
pub mod country;
pub mod demo;
mod filter;
mod letting;
mod schema;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod town;

pub use address::{Address, AddressDraft, NewAddress};
pub use filter::{LettingFilter, Sort};
pub use letting::{Letting, LettingDraft, NewLetting};
pub use town::Town;
